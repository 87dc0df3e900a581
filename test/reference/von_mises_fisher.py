"""Writes test/fixtures/von-mises-fisher.json: the functions of the von Mises-Fisher latent to 50 digits.

    python3 test/reference/von_mises_fisher.py            (from the repository's root; needs mpmath; takes a minute)

For sizes m and concentrations kappa, with the arguments rounded to 32 bits: A = I_{m/2}(kappa) / I_{m/2-1}(kappa), the KL
divergence from the uniform distribution kappa A + ln C + ln area and its derivative by kappa, from mpmath's Bessel
functions; and for every u the quantile F(omega; kappa) = u of the density exp(kappa omega) (1 - omega^2)^((m-3)/2) as
y = atanh(omega), with dy/dkappa at that u, by 36-point Gauss-Legendre panels in y.
"""

import json
import pathlib
import struct

from mpmath import atanh, besseli, cos, cosh, exp, gamma, log, mp, mpf, pi, sqrt, tanh

mp.dps = 50

SIZES = [3, 4, 5, 8, 13, 14, 40, 128]
CONCENTRATIONS = [1, 1.3, 4, 20, 127, 1000, 10000]
QUANTILES = [1e-6, 1e-3, 0.1, 0.5, 0.500001, 0.8, 0.999, 0.999999]


def rounded(value):
    """The nearest 32-bit float, exactly."""
    return mpf(struct.unpack("f", struct.pack("f", value))[0])


def legendre(count):
    nodes = []
    for i in range(1, count + 1):
        x = cos(pi * (i - mpf(1) / 4) / (count + mpf(1) / 2))
        for _ in range(8):
            before, value = mpf(1), x
            for j in range(2, count + 1):
                before, value = value, ((2 * j - 1) * x * value - (j - 1) * before) / j
            slope = count * (x * value - before) / (x * x - 1)
            x -= value / slope
        nodes.append((x, 2 / ((1 - x * x) * slope**2)))
    return nodes


NODES = legendre(36)


class Marginal:
    def __init__(self, m, kappa):
        self.m, self.kappa = m, kappa
        nu = mpf(m) / 2 - 1
        self.mean = besseli(nu + 1, kappa) / besseli(nu, kappa)
        self.kl = kappa * self.mean + nu * log(kappa / 2) - log(besseli(nu, kappa)) - log(gamma(nu + 1))
        self.kl_derivative = kappa * (1 - self.mean**2 - (m - 1) * self.mean / kappa)
        rho = (m - 1) / (2 * kappa)
        mode = 1 / (rho + sqrt(rho * rho + 1))
        self.top = self.exponent(atanh(mode))
        width = 1 / sqrt((m - 1) * (1 + mode**2))
        first, last = self.edge(atanh(mode), -width), self.edge(atanh(mode), width)
        count = int((last - first) / min(width, 0.5)) + 1
        self.ends = [first + (last - first) * i / count for i in range(count + 1)]
        self.panels = [self.integrals(a, b) for a, b in zip(self.ends, self.ends[1:])]
        self.mass = sum(mass for mass, _ in self.panels)

    def exponent(self, y):
        return self.kappa * tanh(y) - (self.m - 1) * log(cosh(y))

    def edge(self, mode, step):
        distance = step
        while self.exponent(mode + distance) > self.top - 130:
            distance *= mpf(1.2)
        return mode + distance

    def density(self, y):
        return exp(self.exponent(y) - self.top)

    def integrals(self, a, b):
        """Mass, and first moment about the mean."""
        middle, half = (a + b) / 2, (b - a) / 2
        mass = moment = mpf(0)
        for node, weight in NODES:
            y = middle + half * node
            value = weight * half * self.density(y)
            mass += value
            moment += value * (tanh(y) - self.mean)
        return mass, moment

    def quantile(self, u):
        """y and dy/dkappa = -(first moment up to y) / density; from the end that is nearer."""
        low = u <= mpf(1) / 2
        target = (u if low else 1 - u) * self.mass
        order = range(len(self.panels)) if low else range(len(self.panels) - 1, -1, -1)
        before = moment = mpf(0)
        for i in order:
            if before + self.panels[i][0] >= target:
                break
            before += self.panels[i][0]
            moment += self.panels[i][1]
        a, b = self.ends[i], self.ends[i + 1]
        y, shortest, longest = (a + b) / 2, a, b
        for _ in range(300):
            excess = before + (self.integrals(a, y) if low else self.integrals(y, b))[0] - target
            shortest, longest = (shortest, y) if (excess > 0) == low else (y, longest)
            following = y - (excess if low else -excess) / self.density(y)
            if not shortest <= following <= longest:
                following = (shortest + longest) / 2
            done = abs(following - y) < mpf(10) ** -45
            y = following
            if done:
                break
        moment += (self.integrals(a, y) if low else self.integrals(y, b))[1]
        return y, (-moment if low else moment) / self.density(y)


def row(m, kappa):
    marginal = Marginal(m, rounded(kappa))
    quantiles = []
    for u in QUANTILES:
        y, derivative = marginal.quantile(rounded(u))
        quantiles.append([float(rounded(u)), float(y), float(derivative)])
    return {
        "size": m,
        "kappa": float(rounded(kappa)),
        "mean": float(marginal.mean),
        "kl": float(marginal.kl),
        "klDerivative": float(marginal.kl_derivative),
        "quantiles": quantiles,
    }


if __name__ == "__main__":
    rows = [row(m, kappa) for m in SIZES for kappa in CONCENTRATIONS]
    text = ",\n".join(json.dumps(entry) for entry in rows)
    pathlib.Path("test/fixtures/von-mises-fisher.json").write_text(f"[\n{text}\n]\n")
