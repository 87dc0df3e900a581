"""What can be minimised in place of −ELBO, as the papers define it: the importance-weighted bound, and free bits."""

import math

import torch
from torch.distributions import Normal, kl_divergence

import torch_model
import torch_sphere


def loss(spec, parameters, objective, images, noise, labels=None):
    """{total, reconstruction, kl} in nats; noise is [batch, samples, latent], of a sphere [batch, samples, size + 1]."""
    x = images.permute(0, 3, 1, 2)
    weight = spec.get("klWeight", 1)
    mean, log_variance = torch_model.posterior(spec, parameters, x, labels)
    if spec["latent"]["type"] == "von-mises-fisher":
        samples = noise.shape[1]
        kappa = torch_sphere.concentration(spec, mean, log_variance)
        z, _, kl = torch_sphere.draw(*(v.repeat_interleave(samples, 0) for v in (mean, kappa)), noise.flatten(0, 1))
        return bound(spec, parameters, x, labels, z.unflatten(0, (-1, samples)), kl.unflatten(0, (-1, samples)))
    prior = Normal(torch.zeros((), dtype=x.dtype), torch.ones((), dtype=x.dtype))
    posterior = Normal(mean, torch.exp(log_variance / 2))
    if "freeBits" in objective:
        z = mean + posterior.stddev * noise[:, 0]
        kl = kl_divergence(posterior, prior).mean(0)
        reconstruction = -torch_model.log_likelihood_of(spec, parameters, z, x, labels).mean()
        total = reconstruction + weight * kl.clamp(min=objective["freeBits"]).sum()
        return {"total": total, "reconstruction": reconstruction, "kl": kl.sum()}
    z = mean[:, None] + posterior.stddev[:, None] * noise
    log_q = Normal(mean[:, None], posterior.stddev[:, None]).log_prob(z) - prior.log_prob(z)
    return bound(spec, parameters, x, labels, z, log_q.sum(2))


def bound(spec, parameters, x, labels, z, kl):
    """The importance-weighted bound of z [batch, samples, latent]; kl [batch, samples] is each one's log q - log p."""
    samples = z.shape[1]
    weight = spec.get("klWeight", 1)
    each = None if labels is None else labels.repeat_interleave(samples)
    rows = x.repeat_interleave(samples, 0)
    log_p = torch_model.log_likelihood_of(spec, parameters, z.flatten(0, 1), rows, each).reshape(-1, samples)
    log_mean = torch.logsumexp(log_p - weight * kl, 1) - math.log(samples)
    return {"total": -log_mean.mean(), "reconstruction": -log_p.mean(), "kl": kl.mean()}
