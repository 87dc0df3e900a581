"""Training in PyTorch: its optimisers, learning-rate schedulers and clipping; weights of the KL term by their formulas."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

import torch_model

CODEBOOK = "latent.codebook.weight"
DECAY, SMOOTHING = 0.99, 1e-5  # of the moving averages of codes


class Step(NamedTuple):
    """Loss and global norm of the gradients before a step, parameters after it."""

    loss: dict
    norm: float
    parameters: dict


def train(spec, parameters, batches, options, kl_weight=None, dtype=torch.float64):
    """One step a batch (images, noise, labels); yields what is known after each."""
    leaves = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in parameters.items()}
    optimizer, scheduler = make_optimizer(leaves.values(), options)
    average = None
    if spec["latent"]["type"] == "vector-quantized" and torch_model.moves_by_average(spec):
        average = CodeAverage(leaves[CODEBOOK])
    for step, batch in enumerate(batches):
        tensors = torch_model.as_tensors(*batch, dtype=dtype)
        optimizer.zero_grad()
        values = torch_model.loss(weighted(spec, kl_weight, step), leaves, *tensors)
        values["total"].backward()
        bound = options.get("clipNorm") or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(leaves.values(), bound)
        vectors = average and torch_model.vectors_of(spec, leaves, tensors[0].permute(0, 3, 1, 2)).detach().flatten(0, 2)
        optimizer.step()
        scheduler.step()
        if average:
            average.move(vectors)
        loss = {key: float(value) for key, value in values.items()}
        yield Step(loss, float(norm), {name: leaf.detach().numpy().copy() for name, leaf in leaves.items()})


class CodeAverage:
    """The codes as moving averages of what chose them (van den Oord et al. 2017, appendix A.1), counting once at first."""

    def __init__(self, codebook):
        self.codebook = codebook
        self.count = torch.ones(len(codebook), dtype=codebook.dtype)
        self.sum = codebook.detach().clone()

    def move(self, vectors):
        chosen = F.one_hot(torch_model.nearest(vectors, self.codebook), len(self.count)).to(vectors.dtype)
        self.count = DECAY * self.count + (1 - DECAY) * chosen.sum(0)
        self.sum = DECAY * self.sum + (1 - DECAY) * chosen.T @ vectors
        total = self.count.sum()
        smoothed = (self.count + SMOOTHING) / (total + len(self.count) * SMOOTHING) * total
        self.codebook.data = self.sum / smoothed[:, None]


def make_optimizer(parameters, options):
    rate = options["learningRate"]
    lr, momentum = first_value(rate), options.get("momentum")
    if options["type"] in ("adam", "adamw"):
        betas = options["beta1"], options["beta2"]
        if options["type"] == "adam":
            optimizer = torch.optim.Adam(parameters, lr, betas, options["epsilon"])
        else:
            optimizer = torch.optim.AdamW(parameters, lr, betas, options["epsilon"], options["weightDecay"])
    elif options["type"] == "rmsprop":
        rho, epsilon = options["rho"], options["epsilon"]
        optimizer = torch.optim.RMSprop(parameters, lr, rho, epsilon, momentum=momentum)
    else:
        optimizer = torch.optim.SGD(parameters, lr, momentum)
    return optimizer, make_scheduler(optimizer, rate)


def first_value(rate):
    if not isinstance(rate, dict):
        return rate
    return first_value(rate["after"]) if rate["type"] == "warm-up" else rate["value"]


def make_scheduler(optimizer, rate):
    """PyTorch's scheduler for a rate in the engine's notation."""
    schedulers = torch.optim.lr_scheduler
    kind = rate["type"] if isinstance(rate, dict) else "constant"
    if kind == "constant":
        return schedulers.ConstantLR(optimizer, 1)
    if kind == "step":
        return schedulers.StepLR(optimizer, rate["every"], rate["factor"])
    if kind == "cosine":
        return schedulers.CosineAnnealingLR(optimizer, rate["steps"], rate.get("minimum", 0))
    if kind == "warm-up":
        after = make_scheduler(optimizer, rate["after"])
        rise = schedulers.LinearLR(optimizer, 1 / rate["steps"], 1, rate["steps"] - 1)
        return schedulers.ChainedScheduler([after, rise])
    raise ValueError(f"PyTorch has no {kind}")


def weighted(spec, kl_weight, step):
    """The specification with the weight of a step, which counts from 0."""
    if kl_weight is None:
        return spec
    if kl_weight["type"] == "linear":
        done = min(step / kl_weight["steps"], 1)
        weight = kl_weight["from"] * (1 - done) + kl_weight["to"] * done
    elif kl_weight["type"] == "cyclical":
        place = step % kl_weight["period"] / kl_weight["period"]
        weight = kl_weight["value"] * min(place / kl_weight.get("ramp", 0.5), 1)
    else:
        raise ValueError(kl_weight["type"])
    return {**spec, "klWeight": weight}
