"""Model specifications evaluated by PyTorch in float64: the loss by its formula, gradients by autograd.

`parameters` are tensors under the engine's names; images are [batch, height, width, channels].
"""

import math

import torch
import torch.nn.functional as F

ACTIVATIONS = {
    "linear": lambda v: v,
    "relu": torch.relu,
    "leaky-relu": lambda v: F.leaky_relu(v, 0.2),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def same_padding(n, k, s):
    """TensorFlow's rule: (before, after) for a convolution over n values."""
    total = max((math.ceil(n / s) - 1) * s + k - n, 0)
    return total // 2, total - total // 2


def conv(x, weight, bias, stride, padding):
    if padding == "same":
        (top, bottom), (left, right) = (same_padding(n, weight.shape[2], stride) for n in x.shape[2:])
        return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride)
    return F.conv2d(x, weight, bias, stride, padding)


def conv_transpose(x, weight, bias, stride, padding):
    """With "same": what autograd makes of the "same" convolution from n·s values to n."""
    if padding == "same":
        image = torch.zeros(x.shape[0], weight.shape[1], x.shape[2] * stride, x.shape[3] * stride, dtype=x.dtype)
        image.requires_grad_()
        y = conv(image, weight, None, stride, "same")
        (gradient,) = torch.autograd.grad(y, image, x, create_graph=True)
        return gradient + bias.reshape(1, -1, 1, 1)
    return F.conv_transpose2d(x, weight, bias, stride, padding)


def layer(spec, name, x, parameters):
    def weights():
        return parameters[f"{name}.weight"], parameters[f"{name}.bias"]

    kind = spec["type"]
    if kind == "flatten":
        return x.flatten(1)
    if kind == "reshape":
        height, width, channels = spec["shape"]
        return x.reshape(-1, channels, height, width)
    if kind == "residual":
        return x + layers(spec["layers"], name, x, parameters)
    if kind == "dense":
        v = F.linear(x.flatten(1), *weights())
    else:
        operation = {"conv": conv, "conv-transpose": conv_transpose}[kind]
        v = operation(x, *weights(), spec.get("stride", 1), spec.get("padding", "same"))
    return ACTIVATIONS[spec.get("activation", "linear")](v)


def layers(specs, path, x, parameters):
    for i, spec in enumerate(specs):
        x = layer(spec, f"{path}.{i}", x, parameters)
    return x


def loss(spec, parameters, images, noise):
    """{total, reconstruction, kl} in nats per image, averaged over the batch."""
    x = images.permute(0, 3, 1, 2)
    if spec["latent"]["type"] == "vector-quantized":
        return quantized_loss(spec, parameters, x)
    hidden = layers(spec["encoder"], "encoder", x, parameters).flatten(1)
    mean = F.linear(hidden, parameters["latent.mean.weight"], parameters["latent.mean.bias"])
    z, kl = mean, torch.zeros((), dtype=mean.dtype)
    if spec["latent"]["type"] == "gaussian":
        log_variance = F.linear(
            hidden, parameters["latent.log_variance.weight"], parameters["latent.log_variance.bias"]
        )
        z = mean + torch.exp(log_variance / 2) * noise
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1).mean()
    logits = layers(spec["decoder"], "decoder", z, parameters).reshape(x.shape)
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    reconstruction = bce.flatten(1).sum(1).mean()
    return {"total": reconstruction + spec.get("klWeight", 1) * kl, "reconstruction": reconstruction, "kl": kl}


def quantized_loss(spec, parameters, x):
    """{total, reconstruction, kl, quantization}, as equation 3 of van den Oord et al. 2017 has it."""
    z = conv(layers(spec["encoder"], "encoder", x, parameters), *projection(parameters), 1, 0)
    vectors = z.permute(0, 2, 3, 1)
    codebook = parameters["latent.codebook.weight"]
    codes = torch.cdist(vectors.detach().flatten(0, 2), codebook.detach()).argmin(1)
    chosen = codebook[codes].reshape(vectors.shape)
    pull = ((vectors.detach() - chosen) ** 2).sum() + spec["latent"]["commitment"] * ((vectors - chosen.detach()) ** 2).sum()
    quantization = pull / x.shape[0]
    straight = vectors + (chosen - vectors).detach()
    means = layers(spec["decoder"], "decoder", straight.permute(0, 3, 1, 2), parameters)
    variance = spec["likelihood"]["variance"]
    squares = ((means - x) ** 2 / variance + math.log(2 * math.pi * variance)) / 2
    reconstruction = squares.flatten(1).sum(1).mean()
    total = reconstruction + quantization
    return {"total": total, "reconstruction": reconstruction, "kl": torch.zeros(()), "quantization": quantization}


def projection(parameters):
    return parameters["latent.projection.weight"], parameters["latent.projection.bias"]


def parameter_shapes(spec):
    """Names and shapes, by running the layers on shapes alone."""
    shapes = {}

    def dense(name, inputs, outputs):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = [outputs, inputs], [outputs]

    def walk(specs, path, shape):
        for i, spec in enumerate(specs):
            name, kind = f"{path}.{i}", spec["type"]
            if kind == "residual":
                walk(spec["layers"], name, shape)
            elif kind == "dense":
                dense(name, math.prod(shape), spec["units"])
            elif kind in ("conv", "conv-transpose"):
                channels = [spec["filters"], shape[0]] if kind == "conv" else [shape[0], spec["filters"]]
                shapes[f"{name}.weight"] = channels + [spec["kernel"]] * 2
                shapes[f"{name}.bias"] = [spec["filters"]]
            here = {key: torch.zeros(shapes[key]) for key in shapes if key.startswith(f"{name}.")}
            shape = list(layer(spec, name, torch.zeros(1, *shape), here).shape[1:])
        return shape

    height, width, channels = spec["input"]
    end = walk(spec["encoder"], "encoder", [channels, height, width])
    if spec["latent"]["type"] == "vector-quantized":
        size = spec["latent"]["size"]
        shapes["latent.projection.weight"], shapes["latent.projection.bias"] = [size, end[0], 1, 1], [size]
        shapes["latent.codebook.weight"] = [spec["latent"]["codes"], size]
        walk(spec["decoder"], "decoder", [size, *end[1:]])
        return shapes
    features = math.prod(end)
    dense("latent.mean", features, spec["latent"]["size"])
    if spec["latent"]["type"] == "gaussian":
        dense("latent.log_variance", features, spec["latent"]["size"])
    walk(spec["decoder"], "decoder", [spec["latent"]["size"]])
    return shapes


def loss_and_gradients(spec, parameters, images, noise):
    """As numbers: {total, …} and {name: array}, from arrays of any type."""
    leaves = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in parameters.items()}
    values = loss(spec, leaves, torch.tensor(images, dtype=torch.float64), tensor_or_none(noise))
    values["total"].backward()
    return {key: float(value) for key, value in values.items()}, {k: leaf.grad.numpy() for k, leaf in leaves.items()}


def train(spec, parameters, batches, make_optimizer, dtype=torch.float64):
    """One step a batch (images, noise); yields the loss before the step and the parameters after it."""
    leaves = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in parameters.items()}
    optimizer = make_optimizer(leaves.values())
    for images, noise in batches:
        optimizer.zero_grad()
        values = loss(spec, leaves, torch.tensor(images, dtype=dtype), tensor_or_none(noise, dtype))
        values["total"].backward()
        optimizer.step()
        losses = {key: float(value) for key, value in values.items()}
        yield losses, {name: leaf.detach().numpy().copy() for name, leaf in leaves.items()}


def tensor_or_none(value, dtype=torch.float64):
    return None if value is None else torch.tensor(value, dtype=dtype)
