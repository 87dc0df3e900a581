"""Times the training steps of a task in PyTorch; bench/node/peers.ts writes tasks and runs this beside elbo.

    python3 pytorch.py TASK.safetensors [--device cpu] [--windows 7] [--window-ms 1000] [--warm-up-ms 500]

A task holds specification, optimiser and elbo's first losses as JSON, and as tensors the initial parameters under
PyTorch's names (`parameter.encoder.0.weight`) and batches (`images.0` (B, H, W, C), `noise.0` (B, Z), `labels.0` (B)).
The first steps must give elbo's losses to 1e-3, or nothing is timed. Then steps run on the batches in turns, which with
their noise are on the device already: eager, and on CUDA also as the replay of one captured graph. In float32; TF32 is
off. Prints one JSON object. Runs on torch 1.13 and newer.
"""

import argparse
import inspect
import json
import math
import os
import statistics
import struct
import sys
import time

import torch
import torch.nn.functional as F

LOSS_BOUND = 1e-3

ACTIVATIONS = {
    "linear": lambda v: v,
    "relu": torch.relu,
    "leaky-relu": lambda v: F.leaky_relu(v, 0.2),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def read_task(path, device):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = {key: json.loads(text) for key, text in header.pop("__metadata__").items()}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        tensors[name] = values.reshape(entry["shape"]).to(device)
    return metadata, tensors


def same_padding(n, k, s):
    """TensorFlow's rule: (before, after) for a convolution over n values."""
    total = max((math.ceil(n / s) - 1) * s + k - n, 0)
    return total // 2, total - total // 2


def conv(x, weight, bias, stride, padding):
    if padding != "same":
        return F.conv2d(x, weight, bias, stride, padding)
    (top, bottom), (left, right) = (same_padding(n, weight.shape[2], stride) for n in x.shape[2:])
    if (top, left) == (bottom, right):
        return F.conv2d(x, weight, bias, stride, (top, left))
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride)


def conv_transpose(x, weight, bias, stride, padding):
    if padding != "same":
        return F.conv_transpose2d(x, weight, bias, stride, padding)
    height, width = (n * stride for n in x.shape[2:])
    kernel = weight.shape[2]
    before, _ = same_padding(height, kernel, stride)
    missing = max(stride + 2 * before - kernel, 0)
    return F.conv_transpose2d(x, weight, bias, stride, before, missing)[:, :, :height, :width]


class Vae:
    """The model of a specification with its parameters."""

    def __init__(self, spec, tensors):
        self.spec = spec
        self.parameters = {
            name[len("parameter.") :]: tensor.clone().requires_grad_()
            for name, tensor in tensors.items()
            if name.startswith("parameter.")
        }

    def weights(self, name):
        return self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]

    def layers(self, specs, path, x):
        for i, spec in enumerate(specs):
            x = self.layer(spec, f"{path}.{i}", x)
        return x

    def layer(self, spec, name, x):
        kind = spec["type"]
        if kind == "flatten":
            return x.flatten(1)
        if kind == "reshape":
            height, width, channels = spec["shape"]
            return x.reshape(-1, channels, height, width)
        if kind == "residual":
            return x + self.layers(spec["layers"], name, x)
        if kind == "dense":
            v = F.linear(x.flatten(1), *self.weights(name))
        else:
            operation = {"conv": conv, "conv-transpose": conv_transpose}[kind]
            v = operation(x, *self.weights(name), spec.get("stride", 1), spec.get("padding", "same"))
        return ACTIVATIONS[spec.get("activation", "linear")](v)

    def loss(self, images, noise, labels=None):
        """−ELBO in nats per image, averaged over the batch."""
        x = images.permute(0, 3, 1, 2)
        one_hot = None if labels is None else F.one_hot(labels, self.spec["classes"]).to(x.dtype)
        inputs = x if one_hot is None else torch.cat([x.flatten(1), one_hot], 1)
        hidden = self.layers(self.spec["encoder"], "encoder", inputs).flatten(1)
        mean = F.linear(hidden, *self.weights("latent.mean"))
        log_variance = F.linear(hidden, *self.weights("latent.log_variance"))
        z = mean + torch.exp(0.5 * log_variance) * noise
        latent = z if one_hot is None else torch.cat([z, one_hot], 1)
        logits = self.layers(self.spec["decoder"], "decoder", latent).reshape(x.shape)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum()
        return (reconstruction + self.spec.get("klWeight", 1) * kl) / x.shape[0]


def make_optimizer(settings, parameters, is_captured):
    """Of what this torch offers, what is fastest on CUDA."""
    if settings["type"] == "adam":
        kind, betas = torch.optim.Adam, (settings["beta1"], settings["beta2"])
        options = {"betas": betas, "eps": settings["epsilon"]}
    else:
        kind, options = torch.optim.RMSprop, {"alpha": settings["rho"], "eps": settings["epsilon"]}
    known = inspect.signature(kind).parameters
    on_cuda = next(iter(parameters)).is_cuda
    if on_cuda and "fused" in known:
        options["fused"] = True
    if is_captured and "capturable" in known:
        options["capturable"] = True
    return kind(parameters, lr=settings["learningRate"], **options)


class Eager:
    def __init__(self, task, tensors):
        self.model = Vae(task["spec"], tensors)
        self.optimizer = make_optimizer(task["optimizer"], list(self.model.parameters.values()), is_captured=False)

    def step(self, batch):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(*batch)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


class Graph:
    """One step captured in a CUDA graph, replayed on a batch copied to where it reads."""

    def __init__(self, task, tensors):
        self.model = Vae(task["spec"], tensors)
        parameters = self.model.parameters
        self.optimizer = make_optimizer(task["optimizer"], list(parameters.values()), is_captured=True)
        self.inputs = [tensor.clone() for tensor in batches_of(tensors)[0]]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.optimizer.zero_grad(set_to_none=True)
                self.model.loss(*self.inputs).backward()
                self.optimizer.step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = self.model.loss(*self.inputs)
            self.loss.backward()
            self.optimizer.step()
        # Back to the start, in place: the graph knows these tensors by address.
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(tensors[f"parameter.{name}"])
            for state in self.optimizer.state.values():
                for value in state.values():
                    if torch.is_tensor(value):
                        value.zero_()

    def step(self, batch):
        for into, value in zip(self.inputs, batch):
            into.copy_(value)
        self.graph.replay()
        return self.loss.detach()


def batches_of(tensors):
    count = sum(name.startswith("images.") for name in tensors)
    names = ["images", "noise"] + (["labels"] if "labels.0" in tensors else [])
    batches = [[tensors[f"{name}.{i}"] for name in names] for i in range(count)]
    return [batch[:2] + [labels.long() for labels in batch[2:]] for batch in batches]


def first_losses(way, batches, expected):
    """Of as many steps as elbo made. Raises where one is not elbo's."""
    losses = [float(way.step(batches[i % len(batches)])) for i in range(len(expected))]
    distance = max(abs(loss / wanted - 1) for loss, wanted in zip(losses, expected))
    if not distance <= LOSS_BOUND:
        raise RuntimeError(f"it computes something else: losses {losses}, elbo's {expected}")
    return losses, distance


def timing(way, batches, options):
    """Milliseconds per step over windows of as many steps as fill one; nothing is waited for inside a window."""
    wait = torch.cuda.synchronize if options.device == "cuda" else lambda: None

    def run(steps):
        wait()
        start = time.perf_counter()
        for i in range(steps):
            way.step(batches[i % len(batches)])
        wait()
        return 1000 * (time.perf_counter() - start)

    steps, elapsed = 1, run(1)
    while elapsed < options.warm_up_ms:
        steps *= 2
        elapsed = run(steps)
    steps = max(1, round(steps * options.window_ms / elapsed))
    samples = [run(steps) / steps for _ in range(options.windows)]
    median = statistics.median(samples)
    spread = (max(samples) - min(samples)) / median
    return {"medianMs": median, "minMs": min(samples), "spread": spread, "samplesMs": samples, "executions": steps}


def measure(path, options):
    task, tensors = read_task(path, options.device)
    batches = batches_of(tensors)
    ways = []
    for name, way in [("eager", Eager)] + ([("CUDA graph", Graph)] if options.device == "cuda" else []):
        try:
            running = way(task, tensors)
            losses, distance = first_losses(running, batches, task["losses"])
            step = timing(running, batches, options)
            ways.append({"way": name, "losses": losses, "lossDistance": distance, "step": step})
        except RuntimeError as error:
            ways.append({"way": name, "error": str(error)})
    return ways


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--windows", type=int, default=7)
    parser.add_argument("--window-ms", type=float, default=1000)
    parser.add_argument("--warm-up-ms", type=float, default=500)
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    torch.set_num_threads(os.cpu_count() or 1)
    ways = measure(options.task, options)
    on_cuda = options.device == "cuda"
    place = {
        "version": torch.__version__,
        "device": torch.cuda.get_device_name() if on_cuda else "CPU",
        "threads": torch.get_num_threads(),
        "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
    }
    json.dump({**place, "ways": ways}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
