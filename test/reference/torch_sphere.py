"""Points of a von Mises-Fisher distribution in PyTorch: values and derivatives by 50 digits, what is around them by autograd."""

import torch
import torch.nn.functional as F
from mpmath import mpf, tanh

from von_mises_fisher import Marginal


def concentration(spec, mean, output):
    """kappa [rows]: fixed, or 1 + softplus of a head's output [rows, 1]."""
    if output is None:
        return mean.new_full(mean.shape[:1], spec["latent"]["concentration"])
    return 1 + F.softplus(output[:, 0])


def draw(mean, kappa, noise):
    """z [rows, size], the KL divergence from the uniform distribution and the sample's log q - log p, both [rows].

    A row of noise is u and `size` normals. omega is the quantile at u; its derivative by kappa is that at fixed u.
    """
    mu = mean / mean.norm(dim=1, keepdim=True)
    rows = [functions(mean.shape[1], *row) for row in zip(kappa.tolist(), noise[:, 0].tolist())]
    omega, omega_slope, kl, kl_slope, length = torch.tensor(rows, dtype=mean.dtype).T
    change = kappa - kappa.detach()  # zero, with the gradient of kappa
    omega = omega + omega_slope * change
    ratio = kl + kappa * (omega - length)
    normal = noise[:, 1:]
    across = normal - (normal * mu).sum(1, keepdim=True) * mu
    v = across / across.norm(dim=1, keepdim=True)
    sine = (1 - omega**2).sqrt()
    return omega[:, None] * mu + sine[:, None] * v, kl + kl_slope * change, ratio


def functions(size, kappa, u):
    """omega, its derivative by kappa at this u, the divergence, its derivative, and the mean of omega."""
    marginal = Marginal(size, mpf(kappa))
    y, slope = marginal.quantile(mpf(u))
    omega = tanh(y)
    values = omega, slope * (1 - omega**2), marginal.kl, marginal.kl_derivative, marginal.mean
    return [float(value) for value in values]
