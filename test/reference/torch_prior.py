"""A gated PixelCNN over maps of codes in PyTorch (van den Oord et al. 2016), with masks on whole kernels."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

import torch_model
import torch_training


class Step(NamedTuple):
    """A step's loss and gradients before the update, and all parameters after it."""

    loss: float
    gradients: dict
    parameters: dict


FIRST_KERNEL = 7


def parameter_shapes(codes, prior):
    """PyTorch's shapes; of a masked kernel the part that is not 0."""
    channels, classes = prior["channels"], prior.get("classes")
    shapes = {"prior.embedding.weight": [codes, channels]}

    def conv(name, filters, inputs, height=1, width=1):
        shapes[f"{name}.weight"] = [filters, inputs, height, width]
        shapes[f"{name}.bias"] = [filters]

    for i in range(prior["layers"]):
        kernel = FIRST_KERNEL if i == 0 else prior["kernel"]
        reach = kernel // 2 + (i > 0)
        conv(f"prior.{i}.vertical", 2 * channels, channels, reach, kernel)
        if classes and i < prior["layers"] - 1:
            shapes[f"prior.{i}.vertical.label.weight"] = [classes, 2 * channels]
        conv(f"prior.{i}.horizontal", 2 * channels, channels, 1, reach)
        if classes:
            shapes[f"prior.{i}.horizontal.label.weight"] = [classes, 2 * channels]
        conv(f"prior.{i}.down", 2 * channels, 2 * channels)
        conv(f"prior.{i}.out", channels, channels)
    conv("prior.output.0", 2 * channels, channels)
    conv("prior.output.1", codes, 2 * channels)
    return shapes


def logits(prior, parameters, codes, labels=None):
    """[batch, codes, height, width] of codes [batch, height, width]."""

    def bias(name):
        return parameters[f"{name}.bias"]

    def masked(name, x, height, width):
        """A kernel of height x width whose mask leaves the weight's rows and columns from the first on."""
        weight = parameters[f"{name}.weight"]
        _, _, rows, columns = weight.shape
        whole = F.pad(weight, (0, width - columns, 0, height - rows))
        return F.conv2d(x, whole, bias(name), padding=(height // 2, width // 2))

    def pointwise(name, x):
        return F.conv2d(x, parameters[f"{name}.weight"], bias(name))

    def gate(name, x):
        if labels is not None:
            x = x + F.embedding(labels, parameters[f"{name}.label.weight"])[:, :, None, None]
        a, b = x.chunk(2, dim=1)
        return torch.tanh(a) * torch.sigmoid(b)

    vertical = horizontal = F.embedding(codes, parameters["prior.embedding.weight"]).permute(0, 3, 1, 2)
    for i in range(prior["layers"]):
        kernel = FIRST_KERNEL if i == 0 else prior["kernel"]
        above = masked(f"prior.{i}.vertical", vertical, kernel, kernel)
        before = masked(f"prior.{i}.horizontal", horizontal, 1, kernel)
        out = pointwise(f"prior.{i}.out", gate(f"prior.{i}.horizontal", pointwise(f"prior.{i}.down", above) + before))
        horizontal = out if i == 0 else out + horizontal
        if i < prior["layers"] - 1:
            vertical = gate(f"prior.{i}.vertical", above)
    hidden = torch_model.ACTIVATIONS["relu"](pointwise("prior.output.0", horizontal))
    return pointwise("prior.output.1", hidden)


def loss(prior, parameters, codes, labels=None):
    """-ln p(codes) in nats per image."""
    return F.cross_entropy(logits(prior, parameters, codes, labels), codes, reduction="sum") / len(codes)


def train(prior, parameters, batches, options):
    """One step a batch (codes, labels or None)."""
    leaves = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in parameters.items()}
    optimizer, _ = torch_training.make_optimizer(list(leaves.values()), options)
    for codes, labels in batches:
        optimizer.zero_grad()
        value = loss(prior, leaves, codes, labels)
        value.backward()
        gradients = {name: leaf.grad.numpy().copy() for name, leaf in leaves.items()}
        optimizer.step()
        after = {name: leaf.detach().numpy().copy() for name, leaf in leaves.items()}
        yield Step(float(value), gradients, after)
