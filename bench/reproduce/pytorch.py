"""PyTorch's figures for settings that have no published one: the same network, batches and rules, in plain PyTorch.

    python3 bench/reproduce/pytorch.py iwae --data DIR --k 1 --steps 3000 --seeds 1 2 3
    python3 bench/reproduce/pytorch.py conditional --data DIR --epochs 5 --seeds 1 2 3
    python3 bench/reproduce/pytorch.py pytorch-example --data DIR --epochs 7 --seeds 1 2 3
    python3 bench/reproduce/pytorch.py sphere --data DIR --epochs 2 --seeds 1 2 3      (and sphere-gaussian)
    python3 bench/reproduce/pytorch.py mlp --data DIR --seeds 1 2 3      (and mlpDeep, draw)

DIR has MNIST's four IDX files, gzipped or not. Every epoch sees all training images in a new random order, the last batch
being what is left. Prints one JSON line per seed: test losses in nats per image, averaged over the 10,000 test images.
Needs torch and numpy.
"""
import argparse
import gzip
import json
import math
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from pytorch_draw import Draw

NETWORKS = {
    'mlp': dict(hidden=[256], latent=2, activation=nn.ReLU, classes=0, initialization='glorot'),
    'mlpDeep': dict(hidden=[400, 400], latent=200, activation=lambda: nn.LeakyReLU(0.2), classes=0,
                    initialization='glorot'),
    'pytorch-example': dict(hidden=[400], latent=20, activation=nn.ReLU, classes=0, initialization='pytorch'),
    'conditional': dict(hidden=[400], latent=20, activation=nn.ReLU, classes=10, initialization='glorot'),
    'sphere': dict(hidden=[256, 128], latent=3, activation=nn.ReLU, classes=0, initialization='glorot'),
    'sphere-gaussian': dict(hidden=[256, 128], latent=2, activation=nn.ReLU, classes=0, initialization='glorot'),
    'iwae': dict(hidden=[200, 200], latent=50, activation=nn.Tanh, classes=0, initialization='glorot'),
}
RECIPES = {
    'mlp': dict(batch=100, epochs=5, rho=0.9, epsilon=1e-7),
    'mlpDeep': dict(batch=100, epochs=5, epsilon=1e-8),
    'pytorch-example': dict(batch=128, epochs=7, epsilon=1e-8),
    'conditional': dict(batch=64, epochs=5, epsilon=1e-8),
    'sphere': dict(batch=64, epochs=2, epsilon=1e-8, binarize=True),
    'sphere-gaussian': dict(batch=64, epochs=2, epsilon=1e-8, binarize=True),
    'iwae': dict(batch=20, epochs=1, epsilon=1e-4, binarize=True),
    'draw': dict(batch=128, epochs=1, epsilon=1e-8),
}


class Vae(nn.Module):
    """One-hot labels, where there are classes, join the pixels and the latent."""

    def __init__(self, hidden, latent, activation, classes, initialization):
        super().__init__()
        self.classes = classes

        def stack(sizes):
            layers = []
            for inputs, outputs in zip(sizes, sizes[1:]):
                layers += [nn.Linear(inputs, outputs), activation()]
            return layers

        self.encoder = nn.Sequential(*stack([784 + classes] + hidden))
        self.mean = nn.Linear(hidden[-1], latent)
        self.spread = nn.Linear(hidden[-1], self.spread_size(latent))
        self.decoder = nn.Sequential(*stack([latent + classes] + hidden[::-1]), nn.Linear(hidden[0], 784))
        if initialization == 'glorot':
            for name, parameter in self.named_parameters():
                nn.init.zeros_(parameter) if name.endswith('bias') else nn.init.xavier_uniform_(parameter)

    def spread_size(self, latent):
        return latent

    def join(self, x, labels):
        return torch.cat([x, F.one_hot(labels, self.classes).float()], 1) if self.classes else x

    def forward(self, x, labels, k):
        """Reconstruction, log q and log p, and the closed form of the KL: [batch, k] each, the KL [batch]."""
        hidden = self.encoder(self.join(x, labels))
        z, log_q, log_p, kl = self.draw(self.mean(hidden), self.spread(hidden), k)
        flat = z.reshape(-1, z.shape[2])
        logits = self.decoder(self.join(flat, labels.repeat_interleave(k)))
        pixels = x.repeat_interleave(k, 0) if k > 1 else x
        reconstruction = F.binary_cross_entropy_with_logits(logits, pixels, reduction='none').sum(1).view(-1, k)
        return reconstruction, log_q, log_p, kl

    def draw(self, mean, log_variance, k):
        """z [batch, k, latent], log q and log p [batch, k], and the KL [batch]."""
        noise = torch.randn(mean.shape[0], k, mean.shape[1])
        z = mean[:, None] + torch.exp(0.5 * log_variance)[:, None] * noise
        constant = 0.5 * math.log(2 * math.pi)
        log_q = (-0.5 * noise ** 2 - 0.5 * log_variance[:, None] - constant).sum(2)
        log_p = (-0.5 * z ** 2 - constant).sum(2)
        kl = 0.5 * (log_variance.exp() + mean ** 2 - 1 - log_variance).sum(1)
        return z, log_q, log_p, kl


class SphereVae(Vae):
    """Codes on the sphere in three dimensions (Davidson et al. 2018), where the quantile of omega has a closed form."""

    def spread_size(self, latent):
        return 1

    def draw(self, mean, output, k):
        mu = F.normalize(mean, dim=1)[:, None]
        kappa = 1 + F.softplus(output)
        u = torch.rand(mean.shape[0], k).clamp(1e-6, 1 - 1e-6)
        omega = 1 + torch.log(u + (1 - u) * torch.exp(-2 * kappa)) / kappa
        normal = torch.randn(mean.shape[0], k, 3)
        v = F.normalize(normal - (normal * mu).sum(2, keepdim=True) * mu, dim=2)
        sine = torch.sqrt((1 - omega ** 2).clamp(min=1e-12))
        z = omega[..., None] * mu + sine[..., None] * v
        log_sinh = kappa + torch.log1p(-torch.exp(-2 * kappa)) - math.log(2)
        log_c = torch.log(kappa) - log_sinh - math.log(4 * math.pi)
        log_area = math.log(4 * math.pi)
        kl = (kappa / torch.tanh(kappa) - 1 + log_c + log_area)[:, 0]
        return z, kappa * omega + log_c, torch.full_like(omega, -log_area), kl


def bound(parts, k):
    """-log of the mean weight, an image; with one draw the closed form of the KL (Burda et al. 2016, equation 8)."""
    reconstruction, log_q, log_p, kl = parts
    if k == 1:
        return reconstruction[:, 0] + kl
    return math.log(k) - torch.logsumexp(log_p - log_q - reconstruction, 1)


def read(folder, name, offset):
    for path in (os.path.join(folder, name), os.path.join(folder, name + '.gz')):
        if os.path.exists(path):
            with (gzip.open if path.endswith('.gz') else open)(path, 'rb') as file:
                return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=offset).copy())
    raise SystemExit(f'{folder} has neither {name} nor {name}.gz')


def evaluate(vae, images, labels, samples):
    """-ELBO of one draw, and the bound of so many where asked for."""
    sums = [0.0, 0.0]
    with torch.no_grad():
        for first in range(0, len(images), 100):
            x, y = images[first:first + 100], labels[first:first + 100]
            sums[0] += bound(vae(x, y, 1), 1).sum().item()
            if samples > 1:
                sums[1] += bound(vae(x, y, samples), samples).sum().item()
    return [total / len(images) for total in sums]


def optimizer_of(parameters, recipe):
    if 'rho' in recipe:
        return torch.optim.RMSprop(parameters, lr=1e-3, alpha=recipe['rho'], eps=recipe['epsilon'])
    return torch.optim.Adam(parameters, lr=1e-3, eps=recipe['epsilon'])


def run(args, seed, data):
    torch.manual_seed(seed)
    recipe = RECIPES[args.name]
    binarize = recipe.get('binarize', False)
    train, labels, test, test_labels = data
    test = test.float() / 255
    test = torch.bernoulli(test) if binarize else test
    kind = {'sphere': SphereVae, 'draw': Draw}.get(args.name, Vae)
    vae = kind(**NETWORKS.get(args.name, {}))
    optimizer = optimizer_of(vae.parameters(), recipe)
    per_epoch = math.ceil(len(train) / recipe['batch'])
    steps = args.steps or (args.epochs or recipe['epochs']) * per_epoch
    begun, epochs = time.time(), []
    step = 0
    while step < steps:
        for chosen in torch.randperm(len(train)).split(recipe['batch'])[:steps - step]:
            x = train[chosen].float() / 255
            x = torch.bernoulli(x) if binarize else x
            loss = bound(vae(x, labels[chosen], args.k), args.k).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        if step % per_epoch == 0:
            epochs.append(round(evaluate(vae, test, test_labels, 1)[0], 3))
    elbo, weighted = evaluate(vae, test, test_labels, args.samples if binarize else 1)
    figures = {'name': args.name, 'seed': seed, 'k': args.k, 'steps': step, 'negativeElbo': round(elbo, 3)}
    if binarize:
        figures.update({'negativeLogLikelihood': round(weighted, 3), 'samples': args.samples})
    figures.update({'negativeElboByEpoch': epochs, 'seconds': round(time.time() - begun)})
    parameters = sum(parameter.numel() for parameter in vae.parameters())
    print(json.dumps({**figures, 'parameters': parameters, 'torch': torch.__version__}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=RECIPES)
    parser.add_argument('--data', required=True)
    parser.add_argument('--k', type=int, default=1, help='importance samples in training')
    parser.add_argument('--epochs', type=int)
    parser.add_argument('--steps', type=int, help='instead of epochs')
    parser.add_argument('--samples', type=int, default=100, help="importance samples of the test set's likelihood")
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2, 3])
    args = parser.parse_args()
    data = [read(args.data, f'{part}-{kind}-ubyte', offset) for part in ('train', 't10k')
            for kind, offset in (('images-idx3', 16), ('labels-idx1', 8))]
    data = [tensor.view(-1, 784) if len(tensor) > 60_000 else tensor.long() for tensor in data]
    for seed in args.seeds:
        run(args, seed, data)


if __name__ == '__main__':
    main()
