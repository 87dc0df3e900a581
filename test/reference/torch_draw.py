"""DRAW (Gregor et al. 2015) in PyTorch, step by step as the paper writes it; images are [batch, channels, height, width]."""

import torch
import torch.nn.functional as F

EPSILON = 1e-8  # added to the sum of a filter's row


def loss(spec, parameters, x, noise, log_likelihood):
    """{total, reconstruction, kl}; noise is [batch, steps, latent]."""
    canvas, kl = draw(spec, parameters, x, noise)
    reconstruction = -log_likelihood(canvas).flatten(1).sum(1).mean()
    return {"total": reconstruction + spec.get("klWeight", 1) * kl, "reconstruction": reconstruction, "kl": kl}


def draw(spec, parameters, x, noise):
    """The last canvas, and the KL divergence summed over steps and averaged over the batch."""
    (encoder,), (decoder,) = spec["encoder"], spec["decoder"]
    attention = spec["recurrent"].get("attention")
    batch = len(x)
    state_enc = x.new_zeros(2, batch, encoder["units"])
    state_dec = x.new_zeros(2, batch, decoder["units"])
    canvas, kl = torch.zeros_like(x), x.new_zeros(())
    for step in range(spec["recurrent"]["steps"]):
        h_dec = state_dec[0]
        glimpse = read(parameters, x, x - torch.sigmoid(canvas), h_dec, attention)
        state_enc = lstm(parameters, "encoder.0", torch.cat([glimpse, h_dec], 1), state_enc)
        mean, log_variance = (linear(parameters, f"latent.{head}", state_enc[0]) for head in ("mean", "log_variance"))
        z = mean + torch.exp(log_variance / 2) * noise[:, step]
        kl = kl + 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1).mean()
        state_dec = lstm(parameters, "decoder.0", z, state_dec)
        canvas = canvas + write(parameters, state_dec[0], x.shape, attention)
    return canvas, kl


def read(parameters, x, error, h_dec, attention):
    if not attention:
        return torch.cat([x.flatten(1), error.flatten(1)], 1)
    across, down, intensity = filters(parameters, "read.attention", h_dec, x.shape, attention["read"])
    glimpses = [intensity * (down @ image @ across.transpose(2, 3)) for image in (x, error)]
    return torch.cat([glimpse.flatten(1) for glimpse in glimpses], 1)


def write(parameters, h_dec, shape, attention):
    patch = linear(parameters, "write", h_dec)
    if not attention:
        return patch.reshape(shape)
    size = attention["write"]
    across, down, intensity = filters(parameters, "write.attention", h_dec, shape, size)
    return down.transpose(2, 3) @ patch.reshape(-1, shape[1], size, size) @ across / intensity


def filters(parameters, name, h_dec, shape, size):
    """F_X [batch, 1, size, width], F_Y [batch, 1, size, height] and the intensity [batch, 1, 1, 1]."""
    height, width = shape[2:]
    x, y, log_variance, log_stride, log_intensity = linear(parameters, name, h_dec).split(1, 1)
    stride = (max(height, width) - 1) / (size - 1) * log_stride.exp()
    rank = torch.arange(1, size + 1, dtype=h_dec.dtype) - size / 2 - 0.5

    def bank(place, pixels):
        centers = (pixels + 1) / 2 * (place + 1) + rank * stride
        distances = torch.arange(1, pixels + 1, dtype=h_dec.dtype) - centers[:, :, None]
        weights = torch.exp(-(distances**2) / (2 * log_variance.exp()[:, :, None]))
        return (weights / (weights.sum(2, keepdim=True) + EPSILON))[:, None]

    return bank(x, width), bank(y, height), log_intensity.exp()[:, :, None, None]


def lstm(parameters, name, x, state):
    weights = (parameters[f"{name}.{part}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    return torch.stack(torch._VF.lstm_cell(x, tuple(state), *weights))  # what torch.nn.LSTMCell calls


def linear(parameters, name, x):
    return F.linear(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])


def parameter_shapes(spec):
    (encoder,), (decoder,) = spec["encoder"], spec["decoder"]
    height, width, channels = spec["input"]
    attention = spec["recurrent"].get("attention")
    units_enc, units_dec, size = encoder["units"], decoder["units"], spec["latent"]["size"]
    patch = {key: channels * (attention[key] ** 2 if attention else height * width) for key in ("read", "write")}
    cells = {"encoder.0": (2 * patch["read"] + units_dec, units_enc), "decoder.0": (size, units_dec)}
    layers = {"latent.mean": (units_enc, size), "latent.log_variance": (units_enc, size)}
    layers["write"] = (units_dec, patch["write"])
    if attention:
        layers["read.attention"] = layers["write.attention"] = (units_dec, 5)
    shapes = {}
    for name, (inputs, units) in cells.items():
        shapes[f"{name}.weight_ih"], shapes[f"{name}.weight_hh"] = [4 * units, inputs], [4 * units, units]
        shapes[f"{name}.bias_ih"] = shapes[f"{name}.bias_hh"] = [4 * units]
    for name, (inputs, outputs) in layers.items():
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = [outputs, inputs], [outputs]
    if spec["likelihood"].get("variance") == "learned":
        shapes["likelihood.log_variance"] = [1]
    return shapes
