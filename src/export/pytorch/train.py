"""Goes on with the training of model.safetensors, on one machine or many, and writes a file that elbo loads back.

    python train.py --data FOLDER --steps 1000 --out trained.safetensors
    torchrun --nproc_per_node 4 train.py --data FOLDER --epochs 10 --out trained.safetensors
    torchrun --nnodes 8 --nproc_per_node 8 --rdzv_backend c10d --rdzv_endpoint HOST:29500 train.py …

The optimiser, its moments, its schedule and the counts of steps and epochs are those of the file; --batch counts the
images of all processes together, which share the work by DistributedDataParallel, over nccl on GPUs and gloo elsewhere.
"""

import argparse
import functools
import json
import math
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from files import read_safetensors, read_set, write_safetensors
from model import CLASSES, IMAGE, KL_WEIGHT, Vae

HERE = Path(__file__).parent
ADAM = {"type": "adam", "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "clipNorm": 0}
MOMENTS = {  # PyTorch's names of the file's m and v
    "adam": {"m": "exp_avg", "v": "exp_avg_sq"},
    "adamw": {"m": "exp_avg", "v": "exp_avg_sq"},
    "rmsprop": {"m": "momentum_buffer", "v": "square_avg"},
    "sgd": {"m": "momentum_buffer"},
}


def main():
    options = read_options()
    device, rank, processes = join_processes()
    tensors, metadata = read_safetensors(options.model)
    images, labels = read_set(options.data, IMAGE, options.labels)
    passed, known = check(options, images, labels, processes)

    model = load_model(tensors).to(device)
    settings = json.loads(metadata.get("elbo.optimizer", json.dumps(ADAM)))
    if options.learning_rate is not None:
        settings["learningRate"] = options.learning_rate
    state = {"step": 0, "epoch": 0, "cursor": 0, "seed": int(metadata.get("elbo.seed", "0"))}
    state.update(json.loads(metadata.get("elbo.training", "{}")))
    optimizer = make_optimizer(model, settings, tensors, state["step"])
    usage = CodeUsage(model, metadata) if "elbo.usage" in metadata else None

    # It averages the gradients of one backward pass over the processes; a VAE-GAN has three objectives, and so passes.
    several = hasattr(model, "judge")
    shared = model if several or processes == 1 else DistributedDataParallel(model)
    model.train()
    last_step = None if options.steps is None else state["step"] + options.steps
    last_epoch = None if options.epochs is None else state["epoch"] + options.epochs
    while state["step"] != last_step and state["epoch"] != last_epoch:
        chosen, taken = next_batch(options, passed, known, state)
        mine = chosen[rank::processes]
        x = images[mine].to(device)
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        torch.manual_seed((state["seed"] * 1_000_003 + state["step"]) * processes + rank)  # of all that is drawn
        if options.binarize:
            x = torch.bernoulli(x) if options.binarize == "sample" else (x >= 0.5).to(x.dtype)
        inputs = (x, labels[mine].to(device)) if CLASSES else (x,)

        optimizer.zero_grad()
        loss = shared(*inputs, kl_weight=rate_at(options.kl_weight, state["step"]))
        model.backward(loss)
        if not math.isfinite(float(loss["total"])):
            raise SystemExit(f"the loss before step {state['step'] + 1} is not finite; nothing is written")
        if several:
            for parameter in model.parameters():
                parameter.grad = summed(parameter.grad) / processes
        update(model, optimizer, settings, state["step"])
        if hasattr(model, "move_codes"):
            model.move_codes(summed, is_first=rank == 0)

        state["step"] += 1
        state["cursor"] += taken
        if state["cursor"] + taken > len(passed):  # only whole batches
            state.update(cursor=0, epoch=state["epoch"] + 1)
            if usage:
                usage.end_epoch()
        if rank == 0 and state["step"] % options.every == 0:
            parts = (f"{key} {float(value):.3f}" for key, value in loss.items())
            print(f"step {state['step']}, epoch {state['epoch']}:", *parts, flush=True)
    counts = usage and usage.counts()
    if rank == 0:
        save(options.out, model, optimizer, settings, state, counts, tensors, metadata)
        print(f"wrote {options.out}")
    if dist.is_initialized():
        dist.barrier()  # nobody leaves before the file is there
        sys.stdout.flush()
        os._exit(0)  # at once: on the way out PyTorch 1.13 may wait for gloo's threads for ever


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder with IDX or CIFAR files, or a .npy file of images")
    parser.add_argument("--labels", help="a .npy file of labels")
    parser.add_argument("--model", default=HERE / "model.safetensors", help="the file to go on from")
    parser.add_argument("--out", default="trained.safetensors", help="the file to write")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int)
    length.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int, default=100, help="images a step, of all processes together")
    parser.add_argument("--learning-rate", type=rate, help="a number or a schedule in JSON, in place of the file's")
    parser.add_argument("--kl-weight", type=rate, default=KL_WEIGHT, help="likewise, in place of the specification's")
    parser.add_argument("--binarize", choices=["sample", "threshold"], help="pixels of 0 and 1: drawn, or from 1/2 on")
    known = "known labels a batch, of a model with a classifier; the others are then of unknown label"
    parser.add_argument("--known-per-batch", type=int, default=0, help=known)
    parser.add_argument("--every", type=int, default=10, help="steps between lines")
    return parser.parse_args()


def rate(text):
    """A number or a schedule; argparse names this function where the text is neither."""
    return json.loads(text)


def join_processes():
    """This process's device, its rank and how many there are: torchrun says so in the environment."""
    if "RANK" not in os.environ:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu"), 0, 1
    on_gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if on_gpu else "gloo")
    local = int(os.environ["LOCAL_RANK"])
    if on_gpu:
        torch.cuda.set_device(local)
    return torch.device("cuda", local) if on_gpu else torch.device("cpu"), dist.get_rank(), dist.get_world_size()


def check(options, images, labels, processes):
    """The images that an epoch passes over, and those of known label that join every batch."""
    everything, none = torch.arange(len(images)), torch.empty(0, dtype=torch.long)
    if options.batch % processes:
        raise SystemExit(f"--batch {options.batch} is no multiple of the {processes} processes")
    if CLASSES and labels is None:
        raise SystemExit("the model takes labels; give --labels, a .npy file")
    passed, known = everything, none
    if options.known_per_batch:
        if not hasattr(Vae, "classify"):
            raise SystemExit("--known-per-batch goes with a model that has a classifier")
        passed, known = everything[labels >= CLASSES], everything[labels < CLASSES]
    if not 0 <= options.known_per_batch < options.batch or (options.known_per_batch and len(known) == 0):
        counts = f"{len(known)} known labels, a batch of {options.batch}"
        raise SystemExit(f"--known-per-batch {options.known_per_batch}: {counts}")
    if len(passed) < options.batch - options.known_per_batch:
        raise SystemExit(f"--batch {options.batch}: there are {len(passed)} images")
    return passed, known


def next_batch(options, passed, known, state):
    """The next batch, the same in every process, and how many images of the epoch it takes."""
    taken, at = options.batch - options.known_per_batch, state["cursor"]
    if at + taken > len(passed):  # the file's epoch had smaller batches
        state.update(cursor=0, epoch=state["epoch"] + 1)
        at = 0
    order = shuffled(len(passed), state["seed"], state["epoch"])
    chosen = passed[order[at : at + taken]]
    if len(known) == 0:
        return chosen, taken
    generator = torch.Generator().manual_seed(state["seed"] * 65_537 + state["step"])
    return torch.cat([known[torch.randint(len(known), (options.known_per_batch,), generator=generator)], chosen]), taken


@functools.lru_cache(maxsize=1)
def shuffled(count, seed, epoch):
    """An epoch's order."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 65_537 + epoch))


def load_model(tensors):
    """The model as training left it; after early stopping the file's model is the best epoch's, and this lies aside."""
    model = Vae()
    aside = {name[len("training.") :]: tensor for name, tensor in tensors.items() if name.startswith("training.")}
    state = {**tensors, **aside}
    own = {name: state[name] for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    model.load_state_dict(own, strict=False)
    return model


class CodeUsage:
    """How often each code was chosen in this epoch and in the one before, by all processes."""

    def __init__(self, model, metadata):
        self.model = model
        usage = json.loads(metadata["elbo.usage"])
        self.epoch, self.previous = torch.tensor(usage["epoch"]), torch.tensor(usage["previous"])

    def counts(self):
        return {"epoch": (self.epoch + summed(self.model.usage).cpu()).tolist(), "previous": self.previous.tolist()}

    def end_epoch(self):
        self.previous = self.epoch + summed(self.model.usage).cpu()
        self.epoch = torch.zeros_like(self.epoch)
        self.model.usage.zero_()


def make_optimizer(model, settings, tensors, step):
    """PyTorch's optimiser of these settings, with the file's moments."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kind, lr = settings["type"], rate_at(settings["learningRate"], step)
    if kind in ("adam", "adamw"):
        decay = {"weight_decay": settings["weightDecay"]} if kind == "adamw" else {}
        kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        betas = settings["beta1"], settings["beta2"]
        optimizer = kinds[kind](trained, lr, betas, settings["epsilon"], **decay)
    elif kind == "rmsprop":
        rho, epsilon, momentum = settings["rho"], settings["epsilon"], settings["momentum"]
        optimizer = torch.optim.RMSprop(trained, lr, rho, epsilon, momentum=momentum)
    else:
        optimizer = torch.optim.SGD(trained, lr, settings["momentum"])
    for name, parameter in model.named_parameters():
        found = {theirs: tensors.get(f"optimizer.{ours}.{name}") for ours, theirs in moments(settings).items()}
        if step == 0 or not parameter.requires_grad or not found or any(value is None for value in found.values()):
            continue
        optimizer.state[parameter] = {key: value.clone().to(parameter.device) for key, value in found.items()}
        if kind != "sgd":
            optimizer.state[parameter]["step"] = torch.tensor(float(step))
    return optimizer


def update(model, optimizer, settings, step):
    """One update, at the rate of that step, which counts from 0."""
    if settings.get("clipNorm"):
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clipNorm"])
    for group in optimizer.param_groups:
        group["lr"] = rate_at(settings["learningRate"], step)
    optimizer.step()


def moments(settings):
    """Those that the optimiser has: without momentum RMSprop has no m, SGD none at all."""
    names = MOMENTS[settings["type"]]
    return {ours: theirs for ours, theirs in names.items() if theirs != "momentum_buffer" or settings["momentum"] > 0}


def rate_at(rate, step):
    """A rate, or a schedule over the steps, which count from 0."""
    if not isinstance(rate, dict):
        return rate
    kind = rate["type"]
    if kind == "step":
        return rate["value"] * rate["factor"] ** (step // rate["every"])
    if kind == "multi-step":
        return rate["value"] * rate["factor"] ** sum(step >= milestone for milestone in rate["milestones"])
    if kind == "cosine":
        low = rate.get("minimum", 0)
        return low + 0.5 * (rate["value"] - low) * (1 + math.cos(math.pi * min(step / rate["steps"], 1)))
    if kind == "linear":
        return rate["from"] + (rate["to"] - rate["from"]) * min(step / rate["steps"], 1)
    if kind == "cyclical":
        ramp = rate.get("ramp", 0.5)
        return rate["value"] * (min(step % rate["period"] / rate["period"] / ramp, 1) if ramp else 1)
    if kind == "warm-up":
        return rate_at(rate["after"], step) * min((step + 1) / rate["steps"], 1)
    raise SystemExit(f"the file's learning rate is a {kind} schedule, which this program does not know")


def summed(tensor):
    """The sum over all processes, a tensor of its own."""
    tensor = tensor.clone()
    if dist.is_initialized():
        dist.all_reduce(tensor)
    return tensor


def save(path, model, optimizer, settings, state, usage, before, metadata):
    """The file as elbo writes it; what this program does not train, a prior over codes, stays as it was."""
    priors = ("prior.", "optimizer.m.prior.", "optimizer.v.prior.")
    tensors = {name: tensor for name, tensor in before.items() if name.startswith(priors)}
    own = model.state_dict().items()
    tensors.update((name, tensor) for name, tensor in own if not name.endswith("num_batches_tracked"))
    for name, parameter in model.named_parameters():
        for ours, theirs in moments(settings).items():
            value = optimizer.state.get(parameter, {}).get(theirs)
            tensors[f"optimizer.{ours}.{name}"] = torch.zeros_like(parameter) if value is None else value
    dropped = ("elbo.stopping", "elbo.best.", "elbo.training.")
    kept = {key: text for key, text in metadata.items() if not key.startswith(dropped)}
    kept.update({"elbo.optimizer": json.dumps(settings), "elbo.training": json.dumps(state)})
    if usage:
        kept["elbo.usage"] = json.dumps(usage)
    write_safetensors(path, {name: tensor.detach() for name, tensor in tensors.items()}, kept)


if __name__ == "__main__":
    main()
