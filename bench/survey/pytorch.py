"""The runs of main.ts in PyTorch: the same networks, optimisers, batches and steps; other random numbers.

    python3 bench/survey/pytorch.py anomaly|labels --data DIR --out FILE [--steps N] [--digits 0,3] …   (numpy, PyTorch)
"""

import argparse
import gzip
import json
import math
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def read(folder, name, offset):
    path = pathlib.Path(folder) / f"{name}-ubyte"
    data = path.read_bytes() if path.exists() else gzip.decompress(pathlib.Path(f"{path}.gz").read_bytes())
    return np.frombuffer(data, np.uint8, offset=offset)


def load(folder, name):
    images = read(folder, f"{name}-images-idx3", 16).reshape(-1, 784).astype(np.float32) / 255
    return torch.tensor(images), torch.tensor(read(folder, f"{name}-labels-idx1", 8).astype(np.int64))


def glorot(*modules):
    """As the engine starts: weights Glorot-uniform, biases at zero."""
    for module in modules:
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)


def batches(count, size, generator):
    while True:
        yield from torch.randperm(count, generator=generator).split(size)


class Vae(nn.Module):
    """784-256 relu → z 2 → 256 relu-784"""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(256, 2), nn.Linear(256, 2)])
        self.decoder = nn.Sequential(nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, 784))

    def losses(self, x):
        hidden = self.encoder(x)
        mean, log_variance = (head(hidden) for head in self.heads)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1)
        return F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1), kl


def anomaly(train, test, options, generator):
    (images, labels), (shown, classes) = train, (part[: options.tested] for part in test)
    found = {}
    for digit in options.digits:
        model, own = Vae(), images[labels != digit]
        glorot(model)
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        for _, batch in zip(range(options.steps), batches(len(own), 100, generator)):
            reconstruction, kl = model.losses(own[batch])
            optimizer.zero_grad()
            (reconstruction + kl).mean().backward()
            optimizer.step()
        with torch.no_grad():
            scores = sum(model.losses(shown)[0] for _ in range(options.samples))
        found[str(digit)] = auroc(scores.numpy(), (classes == digit).numpy())
        print(f"{digit}: {found[str(digit)]:.3f}", flush=True)
    return {"auroc": found}


def auroc(scores, is_anomaly):
    ranks = np.argsort(np.argsort(scores)) + 1
    above, below = is_anomaly.sum(), (~is_anomaly).sum()
    return float((ranks[is_anomaly].sum() - above * (above + 1) / 2) / (above * below))


class M2(nn.Module):
    """A classifier 784-500-10 beside 794-500 → z 50 → 60-500-784, softplus."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Sequential(nn.Linear(784, 500), nn.Softplus(), nn.Linear(500, 10))
        self.encoder = nn.Sequential(nn.Linear(794, 500), nn.Softplus())
        self.heads = nn.ModuleList([nn.Linear(500, 50), nn.Linear(500, 50)])
        self.decoder = nn.Sequential(nn.Linear(60, 500), nn.Softplus(), nn.Linear(500, 784))

    def cost(self, x, one_hot):
        hidden = self.encoder(torch.cat([x, one_hot], 1))
        mean, log_variance = (head(hidden) for head in self.heads)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1)
        logits = self.decoder(torch.cat([z, one_hot], 1))
        return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1) + kl

    def loss(self, known, labels, unknown):
        one_hot = F.one_hot(labels, 10).float()
        classification = F.cross_entropy(self.classifier(known), labels, reduction="none")
        supervised = self.cost(known, one_hot) + math.log(10) + classification
        log_q = F.log_softmax(self.classifier(unknown), 1)
        every = torch.eye(10).repeat(len(unknown), 1)
        costs = self.cost(unknown.repeat_interleave(10, 0), every).reshape(-1, 10)
        unsupervised = (log_q.exp() * (costs + log_q)).sum(1) + math.log(10)
        return torch.cat([supervised, unsupervised]).mean()


def labels(train, test, options, generator):
    (images, classes), (shown, truth) = train, test
    turns = torch.zeros(len(classes), dtype=torch.long)
    for label in range(10):
        own = classes == label
        turns[own] = torch.arange(int(own.sum()))
    known = torch.argsort(turns * 10 + classes)[: options.labels]
    rest = torch.ones(len(classes), dtype=torch.bool)
    rest[known] = False
    rest = rest.nonzero()[:, 0]
    errors = {}
    for name in ("classifier alone", "with all images"):
        model = M2()
        glorot(model)
        optimizer = torch.optim.Adam(model.parameters(), 3e-4)
        few = batches(len(known), min(100, len(known)), generator)
        for _, some, others in zip(range(options.steps), few, batches(len(rest), 100, generator)):
            x, y = images[known[some]], classes[known[some]]
            alone = name == "classifier alone"
            loss = F.cross_entropy(model.classifier(x), y) if alone else model.loss(x, y, images[rest[others]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            errors[name] = float((model.classifier(shown).argmax(1) != truth).float().mean())
        print(f"{name}: {100 * errors[name]:.2f} % wrong", flush=True)
    return {"errors": errors}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=("anomaly", "labels"))
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    for option, value in {"steps": 400, "samples": 16, "tested": 2000, "labels": 100, "seed": 1}.items():
        parser.add_argument(f"--{option}", type=int, default=value)
    parser.add_argument("--digits", type=lambda text: [int(digit) for digit in text.split(",")], default=list(range(10)))
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    begun = time.time()
    task = {"anomaly": anomaly, "labels": labels}[options.name]
    result = task(load(options.data, "train"), load(options.data, "t10k"), options, generator)
    asked = {key: value for key, value in vars(options).items() if key not in ("data", "out")}
    report = {"pytorch": torch.__version__, **asked, **result, "seconds": round(time.time() - begun)}
    pathlib.Path(options.out).write_text(json.dumps(report, indent=1) + "\n")
