"""Trains the prior of a saved vector-quantised model in plain PyTorch, on the codes of the same images.

    python3 bench/reproduce/pytorch_prior.py MODEL.safetensors --data DIR [--epochs N] [--batch N] [--seeds S …]

MODEL is of `npm run train -- … --prior-epochs N`: its encoder gives the codes, its prior the size of the network, which
starts anew here. DIR holds MNIST's four IDX files. Prints, after every epoch, what a code of the test images costs in bits.
"""
import argparse
import gzip
import json
import math
import pathlib
import struct
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FIRST_KERNEL = 7


class Shifted(nn.Conv2d):
    """A masked convolution as a smaller kernel above, or to the left of, its position."""

    def __init__(self, inputs, filters, rows, columns, top, left):
        super().__init__(inputs, filters, (rows, columns))
        self.pads = (left, columns - 1 - left, top, rows - 1 - top)

    def forward(self, x):
        return super().forward(F.pad(x, self.pads))


class Layer(nn.Module):
    def __init__(self, channels, kernel, first):
        super().__init__()
        before = kernel // 2
        reach = before if first else before + 1
        self.first = first
        self.vertical = Shifted(channels, 2 * channels, reach, kernel, before, before)
        self.horizontal = Shifted(channels, 2 * channels, 1, reach, 0, before)
        self.down = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, v, h):
        above = self.vertical(v)
        out = self.out(gate(self.horizontal(h) + self.down(above)))
        return gate(above), out if self.first else out + h


def gate(x):
    a, b = x.chunk(2, 1)
    return torch.tanh(a) * torch.sigmoid(b)


class PixelCnn(nn.Module):
    """Glorot-uniform weights, biases at zero, the embedding uniform in ±1."""

    def __init__(self, codes, layers, channels, kernel):
        super().__init__()
        self.embedding = nn.Embedding(codes, channels)
        self.layers = nn.ModuleList(Layer(channels, FIRST_KERNEL if i == 0 else kernel, i == 0) for i in range(layers))
        self.head = nn.Sequential(nn.Conv2d(channels, 2 * channels, 1), nn.ReLU(), nn.Conv2d(2 * channels, codes, 1))
        for parameter in self.parameters():
            nn.init.zeros_(parameter) if parameter.dim() == 1 else nn.init.xavier_uniform_(parameter)
        nn.init.uniform_(self.embedding.weight, -1, 1)

    def forward(self, codes):
        v = h = self.embedding(codes).permute(0, 3, 1, 2)
        for layer in self.layers:
            v, h = layer(v, h)
        return self.head(h)


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack('<Q', data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop('__metadata__')
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry['data_offsets'])
        tensors[name] = torch.tensor(np.frombuffer(data[begin:end], '<f4').reshape(entry['shape']).copy())
    return metadata, tensors


def read_images(folder, name):
    path = pathlib.Path(folder) / f'{name}-images-idx3-ubyte'
    data = gzip.open(f'{path}.gz').read() if not path.exists() else path.read_bytes()
    return torch.tensor(np.frombuffer(data, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy())


def convolved(layers, path, tensors, x):
    """What convolutions (with a padding in numbers, or of stride 1) and residuals of them make of x."""
    for i, layer in enumerate(layers):
        name = f'{path}.{i}'
        if layer['type'] == 'residual':
            x = x + convolved(layer['layers'], name, tensors, x)
        else:
            assert layer['type'] == 'conv', layer
            padding = layer.get('padding', 'same')
            x = F.conv2d(x, tensors[f'{name}.weight'], tensors[f'{name}.bias'], layer.get('stride', 1), padding)
        x = {'linear': lambda v: v, 'relu': F.relu}[layer.get('activation', 'linear')](x)
    return x


@torch.no_grad()
def codes_of(spec, tensors, images):
    book = tensors['latent.codebook.weight']
    maps = []
    for batch in images.split(1000):
        features = convolved(spec['encoder'], 'encoder', tensors, batch / 255)
        z = F.conv2d(features, tensors['latent.projection.weight'], tensors['latent.projection.bias'])
        maps.append(torch.cdist(z.permute(0, 2, 3, 1).flatten(0, 2), book).argmin(1).view(len(batch), *z.shape[2:]))
    return torch.cat(maps)


@torch.no_grad()
def bits(model, codes):
    total = sum(float(F.cross_entropy(model(batch), batch, reduction='sum')) for batch in codes.split(500))
    return total / codes.numel() / math.log(2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('model')
    parser.add_argument('--data', required=True)
    parser.add_argument('--epochs', type=int, default=5)
    parser.add_argument('--batch', type=int, default=100)
    parser.add_argument('--seeds', type=int, nargs='+', default=[1])
    options = parser.parse_args()
    metadata, tensors = read_safetensors(options.model)
    spec, prior = json.loads(metadata['elbo.spec']), json.loads(metadata['elbo.prior'])
    assert 'classes' not in prior, 'this program knows no labels'
    train, test = (codes_of(spec, tensors, read_images(options.data, name)) for name in ('train', 't10k'))
    shares = torch.bincount(test.flatten()) / test.numel()
    print(f'{len(train)} and {len(test)} maps; drawn alone at least {float(torch.special.entr(shares).sum()) / math.log(2):.4f} bits')
    for seed in options.seeds:
        torch.manual_seed(seed)
        model = PixelCnn(spec['latent']['codes'], **prior)
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        begun = time.perf_counter()
        for epoch in range(1, options.epochs + 1):
            for batch in train[torch.randperm(len(train))].split(options.batch):
                optimizer.zero_grad()
                F.cross_entropy(model(batch), batch, reduction='sum').div(len(batch)).backward()
                optimizer.step()
            print(f'seed {seed}, epoch {epoch}: {bits(model, test):.4f} bits, {time.perf_counter() - begun:.0f} s', flush=True)


if __name__ == '__main__':
    main()
