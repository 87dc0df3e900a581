"""The runs of main.ts in PyTorch: the same networks, optimisers, batches and steps; other random numbers.

    python3 bench/survey/pytorch.py NAME --data DIR --out FILE [--steps N] …   (numpy, PyTorch)

Options and their defaults are those of run.mjs; vae-gan also needs --model, the one that run.mjs saved, to be told layers and
shapes. FILE, a list as JSON, gets the report, in the place of an earlier one of the same settings.
"""

import argparse
import datetime
import gzip
import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "reproduce"))

from pytorch_draw import Draw  # noqa: E402
from pytorch_vae_gan import vae_gan  # noqa: E402


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


def learn(model, images, steps, generator):
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _, batch in zip(range(steps), batches(len(images), 100, generator)):
        reconstruction, kl = model.losses(images[batch])
        optimizer.zero_grad()
        (reconstruction + kl).mean().backward()
        optimizer.step()


def anomaly(train, test, options, generator):
    (images, labels), (shown, classes) = train, (part[: options.tested] for part in test)
    found = {}
    for digit in options.digits:
        model, own = Vae(), images[labels != digit]
        glorot(model)
        learn(model, own, options.steps, generator)
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
    """A classifier I-500-10 beside (I + 10)-500 → z 50 → 60-500-I, softplus; I = 784 pixels or real-valued codes."""

    def __init__(self, size=784):
        super().__init__()
        self.classifier = nn.Sequential(nn.Linear(size, 500), nn.Softplus(), nn.Linear(500, 10))
        self.encoder = nn.Sequential(nn.Linear(size + 10, 500), nn.Softplus())
        self.heads = nn.ModuleList([nn.Linear(500, 50), nn.Linear(500, 50)])
        self.decoder = nn.Sequential(nn.Linear(60, 500), nn.Softplus(), nn.Linear(500, size))
        if size != 784:
            self.log_variance = nn.Parameter(torch.zeros(()))

    def reconstruction(self, output, x):
        if not hasattr(self, "log_variance"):
            return F.binary_cross_entropy_with_logits(output, x, reduction="none").sum(1)
        constant = math.log(2 * math.pi) + self.log_variance
        return 0.5 * ((x - output) ** 2 / self.log_variance.exp() + constant).sum(1)

    def cost(self, x, one_hot):
        hidden = self.encoder(torch.cat([x, one_hot], 1))
        mean, log_variance = (head(hidden) for head in self.heads)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1)
        return self.reconstruction(self.decoder(torch.cat([z, one_hot], 1)), x) + kl

    def loss(self, known, labels, unknown, weight):
        one_hot = F.one_hot(labels, 10).float()
        classification = F.cross_entropy(self.classifier(known), labels, reduction="none")
        supervised = self.cost(known, one_hot) + math.log(10) + weight * classification
        log_q = F.log_softmax(self.classifier(unknown), 1)
        every = torch.eye(10).repeat(len(unknown), 1)
        costs = self.cost(unknown.repeat_interleave(10, 0), every).reshape(-1, 10)
        unsupervised = (log_q.exp() * (costs + log_q)).sum(1) + math.log(10)
        return torch.cat([supervised, unsupervised]).mean()


def labels(train, test, options, generator):
    """The test error with few labels, and that of a classifier trained on those alone."""
    (images, classes), (shown, truth) = train, test
    turns = torch.zeros(len(classes), dtype=torch.long)
    for label in range(10):
        own = classes == label
        turns[own] = torch.arange(int(own.sum()))
    known = torch.argsort(turns * 10 + classes)[: options.labels]
    rest = torch.ones(len(classes), dtype=torch.bool)
    rest[known] = False
    rest = rest.nonzero()[:, 0]
    half = options.batch // 2
    errors = {}
    for name in ("classifier alone", "with all images"):
        alone = name == "classifier alone"
        model = M2(images.shape[1])
        glorot(model)
        optimizer = torch.optim.Adam(model.parameters(), options.rate)
        few = batches(len(known), min(options.batch if alone else half, len(known)), generator)
        for _, some, others in zip(range(options.steps), few, batches(len(rest), options.batch - half, generator)):
            x, y = images[known[some]], classes[known[some]]
            loss = F.cross_entropy(model.classifier(x), y) if alone else model.loss(x, y, images[rest[others]], options.weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            errors[name] = float((model.classifier(shown).argmax(1) != truth).float().mean())
        print(f"{name}: {100 * errors[name]:.2f} % wrong", flush=True)
    return {"errors": errors}


class Codes(Vae):
    """784-400-400 → z 200 → 400-400-784, leaky relu"""

    def __init__(self):
        nn.Module.__init__(self)
        leaky = nn.LeakyReLU(0.2)
        self.encoder = nn.Sequential(nn.Linear(784, 400), leaky, nn.Linear(400, 400), leaky)
        self.heads = nn.ModuleList([nn.Linear(400, 200), nn.Linear(400, 200)])
        layers = nn.Linear(200, 400), leaky, nn.Linear(400, 400), leaky, nn.Linear(400, 784)
        self.decoder = nn.Sequential(*layers)


def codes(train, test, options, generator):
    """`labels` on the posterior means of a plain model (M1 + M2)."""
    model = Codes()
    glorot(model)
    learn(model, train[0], options.first, generator)
    with torch.no_grad():
        means = [(model.heads[0](model.encoder(images)), classes) for images, classes in (train, test)]
    return labels(*means, options, generator)


OPTIONS = {
    "anomaly": dict(steps=400, samples=16, tested=2000, digits="0,1,2,3,4,5,6,7,8,9"),
    "labels": dict(steps=400, batch=200, rate=3e-4, labels=100, weight=1.0),
    "codes": dict(steps=400, batch=200, rate=3e-4, labels=100, weight=1.0, first=600),
    "draw": dict(steps=400, batch=128, tested=2000),
    "vae-gan": dict(steps=200, batch=64, balance=0),
}


def draw(train, test, options, generator):
    """−ELBO of test images."""
    model = Draw()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def losses(x):
        reconstruction, _, _, kl = model(x, None, 1)
        return reconstruction[:, 0], kl

    for _, batch in zip(range(options.steps), batches(len(train[0]), options.batch, generator)):
        optimizer.zero_grad()
        sum(losses(train[0][batch])).mean().backward()
        optimizer.step()
    with torch.no_grad():
        parts = [losses(x) for x in test[0][: options.tested].split(100)]
    reconstruction, kl = (float(torch.cat(part).mean()) for part in zip(*parts))
    print(f"-ELBO {reconstruction + kl:.2f}", flush=True)
    return {"negativeElbo": round(reconstruction + kl, 4), "reconstruction": round(reconstruction, 4), "kl": round(kl, 4)}


def main():
    parser = argparse.ArgumentParser()
    names = parser.add_subparsers(dest="name", required=True)
    for name, own in OPTIONS.items():
        sub = names.add_parser(name)
        for option in ("data", "out", "model") if name == "vae-gan" else ("data", "out"):
            sub.add_argument(f"--{option}", required=True)
        for option, value in {**own, "seed": 1}.items():
            sub.add_argument(f"--{option}", type=type(value), default=value)
    options = parser.parse_args()
    settings = {key: value for key, value in vars(options).items() if key not in ("data", "out", "model", "name")}
    if options.name == "anomaly":
        options.digits = [int(digit) for digit in options.digits.split(",")]
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    begun = time.time()
    if options.name == "vae-gan":
        result = vae_gan(options, generator)
    else:
        task = {"anomaly": anomaly, "labels": labels, "codes": codes, "draw": draw}[options.name]
        result = task(load(options.data, "train"), load(options.data, "t10k"), options, generator)
    of = {"name": options.name, "engine": f"PyTorch {torch.__version__}", "settings": settings}
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    out = pathlib.Path(options.out)
    earlier = json.loads(out.read_text()) if out.exists() else []
    others = [report for report in earlier if any(report[key] != value for key, value in of.items())]
    report = {**of, "date": date, **result, "seconds": round(time.time() - begun)}
    out.write_text(json.dumps(others + [report], indent=1) + "\n")


if __name__ == "__main__":
    main()
