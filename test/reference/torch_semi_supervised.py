"""A conditional model whose labels may be unknown (M2, Kingma et al. 2014), by its formulas, in PyTorch."""

import math

import torch
import torch.nn.functional as F

import torch_model

UNLABELED = 255


def loss(spec, parameters, images, noise, labels):
    """{total, reconstruction, kl, label, classification, accuracy}; noise is [batch · classes, latent]."""
    x = images.permute(0, 3, 1, 2)
    batch, classes = len(x), spec["classes"]
    log_q = F.log_softmax(torch_model.layers(spec["classifier"], "classifier", x, parameters).flatten(1), 1)
    costs = [cost(spec, parameters, x, noise.reshape(batch, classes, -1)[:, y], y) for y in range(classes)]
    reconstructions, kls = (torch.stack(parts, 1) for parts in zip(*costs))
    known = labels != UNLABELED
    one_hot = F.one_hot(torch.where(known, labels, 0), classes).to(x.dtype)
    weights = torch.where(known[:, None], one_hot, log_q.exp())
    reconstruction = (weights * reconstructions).sum(1).mean()
    kl = (weights * kls).sum(1).mean()
    label = (math.log(classes) + torch.where(known, 0, 1) * (log_q.exp() * log_q).sum(1)).mean()
    classification = -(torch.where(known[:, None], one_hot, 0) * log_q).sum(1).mean()
    total = reconstruction + spec.get("klWeight", 1) * kl + label + spec.get("classifierWeight", 1) * classification
    parts = {"reconstruction": reconstruction, "kl": kl, "label": label, "classification": classification}
    if known.any():
        parts["accuracy"] = (log_q.argmax(1) == labels)[known].to(x.dtype).mean()
    return {"total": total, **parts}


def cost(spec, parameters, x, noise, y):
    """Reconstruction loss and KL divergence of every image as class y."""
    labels = torch.full((len(x),), y)
    mean, log_variance = torch_model.posterior(spec, parameters, x, labels)
    z = mean + torch.exp(log_variance / 2) * noise
    kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1)
    return -torch_model.log_likelihood_of(spec, parameters, z, x, labels), kl
