"""Model specifications evaluated by PyTorch in float64: the loss by its formula, gradients by autograd.

`parameters` are tensors under the engine's names; images are [batch, height, width, channels].
"""

import math

import torch
import torch.nn.functional as F

import torch_draw
import torch_semi_supervised
import torch_sphere

ACTIVATIONS = {
    "linear": lambda v: v,
    "relu": torch.relu,
    "leaky-relu": lambda v: F.leaky_relu(v, 0.2),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "elu": F.elu,
    "silu": F.silu,
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
        v = x + layers(spec["layers"], name, x, parameters)
    elif kind == "batch-norm":
        running = parameters[f"{name}.running_mean"], parameters[f"{name}.running_var"]
        v = F.batch_norm(x, *running, *weights(), training=True)
    elif kind == "dense":
        v = F.linear(x.flatten(1), *weights())
    else:
        operation = {"conv": conv, "conv-transpose": conv_transpose}[kind]
        v = operation(x, *weights(), spec.get("stride", 1), spec.get("padding", "same"))
    return ACTIVATIONS[spec.get("activation", "linear")](v)


def layers(specs, path, x, parameters):
    for i, spec in enumerate(specs):
        x = layer(spec, f"{path}.{i}", x, parameters)
    return x


def loss(spec, parameters, images, noise, labels=None):
    """{total, reconstruction, kl} in nats per image, averaged over the batch; labels are class indices."""
    if "classifier" in spec:
        return torch_semi_supervised.loss(spec, parameters, images, noise, labels)
    x = images.permute(0, 3, 1, 2)
    if "recurrent" in spec:
        return torch_draw.loss(spec, parameters, x, noise, lambda output: log_likelihood(spec, parameters, output, x))
    if spec["latent"]["type"] == "vector-quantized":
        return quantized_loss(spec, parameters, x)
    z, kl = drawn(spec, parameters, x, noise, labels)
    reconstruction = -log_likelihood_of(spec, parameters, z, x, labels).mean()
    return {"total": reconstruction + spec.get("klWeight", 1) * kl, "reconstruction": reconstruction, "kl": kl}


def drawn(spec, parameters, x, noise, labels):
    """z of images [batch, channels, height, width], and the mean KL divergence."""
    mean, log_variance = posterior(spec, parameters, x, labels)
    z, kl = mean, torch.zeros((), dtype=mean.dtype)
    if spec["latent"]["type"] == "von-mises-fisher":
        z, kl, _ = torch_sphere.draw(mean, torch_sphere.concentration(spec, mean, log_variance), noise)
        kl = kl.mean()
    elif spec["latent"].get("covariance") == "full":
        factor = cholesky(log_variance, mean.shape[1])
        z = mean + (factor @ noise[:, :, None])[:, :, 0]
        prior = torch.distributions.MultivariateNormal(torch.zeros_like(mean[0]), torch.eye(mean.shape[1], dtype=mean.dtype))
        kl = torch.distributions.kl_divergence(torch.distributions.MultivariateNormal(mean, scale_tril=factor), prior).mean()
    elif log_variance is not None:
        z = mean + torch.exp(log_variance / 2) * noise
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1).mean()
    return z, kl


def posterior(spec, parameters, x, labels):
    """Mean and log-variance of images [batch, channels, height, width].

    In place of the log-variance a full covariance has the triangle's outputs, a sphere the concentration's. A deterministic
    latent, and a sphere of fixed concentration, has no second head.
    """
    hidden = layers(spec["encoder"], "encoder", labelled_input(spec, x, labels), parameters).flatten(1)
    mean = F.linear(hidden, parameters["latent.mean.weight"], parameters["latent.mean.bias"])
    head = second_head(spec["latent"])
    return mean, head and F.linear(hidden, parameters[f"{head}.weight"], parameters[f"{head}.bias"])


def second_head(latent):
    """Its name, where there is one."""
    if latent["type"] == "von-mises-fisher":
        return None if "concentration" in latent else "latent.concentration"
    if latent["type"] != "gaussian":
        return None
    return "latent.cholesky" if latent.get("covariance") == "full" else "latent.log_variance"


def cholesky(outputs, size):
    """The lower triangles [batch, size, size] of rows of outputs; the diagonal is exp(output / 2)."""
    factor = outputs.new_zeros(outputs.shape[0], size, size)
    row, column = torch.tril_indices(size, size)
    factor[:, row, column] = torch.where(row == column, torch.exp(outputs / 2), outputs)
    return factor


def decoded(spec, parameters, z, x, labels):
    """The decoder's output, in the shape of the images x."""
    if labels is not None:
        z = torch.cat([z, one_hot(spec, labels, z)], 1)
    return layers(spec["decoder"], "decoder", z, parameters).reshape(x.shape)


def log_likelihood_of(spec, parameters, z, x, labels):
    """log p(x|z) of every row."""
    output = decoded(spec, parameters, z, x, labels)
    return log_likelihood(spec, parameters, output, x).flatten(1).sum(1)


def one_hot(spec, labels, like):
    return F.one_hot(labels, spec["classes"]).to(like.dtype)


def begins_with_image(spec):
    return spec["encoder"] and spec["encoder"][0]["type"] in ("conv", "conv-transpose", "residual")


def labelled_input(spec, x, labels):
    """The label as constant planes behind the channels of a convolutional encoder's image, else behind its vector."""
    if labels is None:
        return x
    label = one_hot(spec, labels, x)
    if not begins_with_image(spec):
        return torch.cat([x.flatten(1), label], 1)
    return torch.cat([x, label[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)


def log_likelihood(spec, parameters, output, x):
    """log p(x|z) of every value, by PyTorch's own distributions."""
    likelihood = spec["likelihood"]
    if likelihood["type"] == "bernoulli":
        return -F.binary_cross_entropy_with_logits(output, x, reduction="none")
    if likelihood["type"] == "continuous-bernoulli":
        return torch.distributions.ContinuousBernoulli(logits=output).log_prob(x)
    if likelihood["variance"] == "learned":
        deviation = torch.exp(parameters["likelihood.log_variance"] / 2)
    else:
        deviation = torch.tensor(likelihood["variance"], dtype=x.dtype).sqrt()
    return torch.distributions.Normal(output, deviation).log_prob(x)


def quantized_loss(spec, parameters, x):
    """{total, reconstruction, kl, quantization}, as equation 3 of van den Oord et al. 2017 has it."""
    vectors = vectors_of(spec, parameters, x)
    codebook = parameters["latent.codebook.weight"]
    codes = nearest(vectors.flatten(0, 2), codebook)
    chosen = codebook[codes].reshape(vectors.shape)
    codebook_loss = ((vectors.detach() - chosen) ** 2).sum() / x.shape[0]
    commitment_loss = spec["latent"].get("commitment", 0.25) * ((vectors - chosen.detach()) ** 2).sum() / x.shape[0]
    if moves_by_average(spec):
        codebook_loss = codebook_loss.detach()
    quantization = codebook_loss + commitment_loss
    straight = vectors + (chosen - vectors).detach()
    output = layers(spec["decoder"], "decoder", straight.permute(0, 3, 1, 2), parameters)
    reconstruction = -log_likelihood(spec, parameters, output, x).flatten(1).sum(1).mean()
    total = reconstruction + quantization
    return {"total": total, "reconstruction": reconstruction, "kl": torch.zeros(()), "quantization": quantization}


def moves_by_average(spec):
    return spec["latent"].get("codebookUpdate") == "moving-average"


def vectors_of(spec, parameters, x):
    """What the encoder makes of images [batch, channels, height, width]: [batch, h, w, size]."""
    weight, bias = parameters["latent.projection.weight"], parameters["latent.projection.bias"]
    return conv(layers(spec["encoder"], "encoder", x, parameters), weight, bias, 1, 0).permute(0, 2, 3, 1)


def nearest(vectors, codebook):
    return torch.cdist(vectors.detach(), codebook.detach()).argmin(1)


def parameter_shapes(spec):
    """Names and shapes, by running the layers on shapes alone."""
    if "recurrent" in spec:
        return torch_draw.parameter_shapes(spec)
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
            elif kind == "batch-norm":
                for part in ("weight", "bias", "running_mean", "running_var"):
                    shapes[f"{name}.{part}"] = [shape[0]]
            elif kind in ("conv", "conv-transpose"):
                channels = [spec["filters"], shape[0]] if kind == "conv" else [shape[0], spec["filters"]]
                shapes[f"{name}.weight"] = channels + [spec["kernel"]] * 2
                shapes[f"{name}.bias"] = [spec["filters"]]
            here = {key: torch.zeros(shapes[key]) for key in shapes if key.startswith(f"{name}.")}
            shape = list(layer(spec, name, torch.zeros(2, *shape), here).shape[1:])
        return shape

    def with_likelihood():
        walk(spec.get("discriminator", {}).get("layers", []), "discriminator", [channels, height, width])
        if spec["likelihood"].get("variance") == "learned":
            shapes["likelihood.log_variance"] = [1]
        walk(spec.get("classifier", []), "classifier", [channels, height, width])
        return shapes

    height, width, channels = spec["input"]
    classes = spec.get("classes", 0)
    image = [channels + classes, height, width]
    vector = [channels * height * width + classes]
    end = walk(spec["encoder"], "encoder", image if begins_with_image(spec) or not classes else vector)
    if spec["latent"]["type"] == "vector-quantized":
        size = spec["latent"]["size"]
        shapes["latent.projection.weight"], shapes["latent.projection.bias"] = [size, end[0], 1, 1], [size]
        shapes["latent.codebook.weight"] = [spec["latent"]["codes"], size]
        walk(spec["decoder"], "decoder", [size, *end[1:]])
        return with_likelihood()
    features = math.prod(end)
    dense("latent.mean", features, spec["latent"]["size"])
    size = spec["latent"]["size"]
    widths = {"latent.cholesky": size * (size + 1) // 2, "latent.log_variance": size, "latent.concentration": 1}
    head = second_head(spec["latent"])
    if head:
        dense(head, features, widths[head])
    walk(spec["decoder"], "decoder", [spec["latent"]["size"] + classes])
    return with_likelihood()


def loss_and_gradients(spec, parameters, images, noise, labels=None, loss=loss):
    """As numbers: {total, …} and {name: array}, from arrays of any type."""
    leaves = {name: torch.tensor(value, dtype=torch.float64) for name, value in parameters.items()}
    trained = [name for name in leaves if not is_buffer(name)]
    for name in trained:
        leaves[name].requires_grad_()
    values = loss(spec, leaves, *as_tensors(images, noise, labels))
    values["total"].backward()
    gradients = {key: torch.zeros_like(leaves[key]) if leaves[key].grad is None else leaves[key].grad for key in trained}
    return {key: float(value) for key, value in values.items()}, {key: g.numpy() for key, g in gradients.items()}


def is_buffer(name):
    """Running statistics, which batch normalisation moves and no optimiser does."""
    return name.rpartition(".")[2].startswith("running_")


def moved_statistics(spec, parameters, images, noise, labels=None):
    """The running statistics after one forward pass, as arrays."""
    leaves = {name: torch.tensor(value, dtype=torch.float64) for name, value in parameters.items()}
    loss(spec, leaves, *as_tensors(images, noise, labels))
    return {name: leaf.numpy() for name, leaf in leaves.items() if is_buffer(name)}


def as_tensors(images, noise=None, labels=None, dtype=torch.float64):
    return (
        torch.tensor(images, dtype=dtype),
        None if noise is None else torch.tensor(noise, dtype=dtype),
        None if labels is None else torch.tensor(labels.astype("int64")),
    )
