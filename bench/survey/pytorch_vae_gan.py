"""The run `vae-gan` of main.ts in PyTorch, for pytorch.py: the formulas are those that the tests' fixtures come from."""
import gzip
import json
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "test/reference"))

import torch_vae_gan  # noqa: E402

PLACES = 20  # along the run that are recorded


def load(folder):
    """Images [count, 32, 32, 3] in [0, 1] of all training batches."""
    paths = sorted(path for path in pathlib.Path(folder).iterdir() if "batch" in path.name and "test" not in path.name)
    data = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths]
    rows = np.frombuffer(b"".join(data), np.uint8).reshape(-1, 3073)
    return torch.tensor(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(np.float32) / 255)


def read_header(path):
    """Specification and shapes of a saved model: the header of a .safetensors file."""
    data = pathlib.Path(path).read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    shapes = {name: tensor["shape"] for name, tensor in header.items() if name != "__metadata__"}
    return json.loads(header["__metadata__"]["elbo.spec"]), shapes


def started(shapes):
    """Weights Glorot-uniform, biases at zero; batch normalisation begins at one and zero."""
    for name, shape in shapes.items():
        if name.startswith("optimizer."):
            continue
        value = torch.zeros(shape)
        if len(shape) > 1:
            nn.init.xavier_uniform_(value)
        elif name.endswith((".weight", "running_var")):
            value.fill_(1)
        yield name, value.requires_grad_(".running_" not in name)


def optimizers_of(leaves):
    """One for each network, since a network may wait."""
    for network, lists in ("encoder", ("encoder", "latent")), ("decoder", ("decoder",)), ("discriminator", ("discriminator",)):
        own = [leaf for name, leaf in leaves.items() if leaf.requires_grad and name.split(".")[0] in lists]
        yield network, torch.optim.RMSprop(own, 1e-4, 0.99, 1e-8)


def vae_gan(options, generator):
    spec, shapes = read_header(options.model)
    leaves, images = dict(started(shapes)), load(options.data)
    size = spec["latent"]["size"]
    optimizers = dict(optimizers_of(leaves))
    balance = dict(equilibrium=0.68, margin=0.35) if options.balance else None
    every, order, seen, trace = -(-options.steps // PLACES), [], [], []
    for step in range(1, options.steps + 1):
        if not order:
            order = list(torch.randperm(len(images), generator=generator).split(options.batch))
        x = images[order.pop(0)]
        values, costs = torch_vae_gan.losses(spec, leaves, x, *torch.randn(2, len(x), size))
        for name, gradient in torch_vae_gan.gradients(spec, leaves, values).items():
            leaves[name].grad = gradient
        waits = torch_vae_gan.waiting(balance, [float(cost) for cost in costs])
        for network, optimizer in optimizers.items():
            if network not in waits:
                optimizer.step()
        seen.append({key: float(value) for key, value in values.items()})
        if step % every == 0 or step == options.steps:
            names = "real", "reconstructed", "sampled", "reconstruction", "kl"
            trace.append({"step": step, **{n: round(sum(s[n] for s in seen) / len(seen), 4) for n in names}})
            print(json.dumps(trace[-1]), flush=True)
            seen = []
    return {"trace": trace}
