"""Runs exported models: exported_model.py [--losses] FOLDER ...

In every folder inputs.safetensors holds images [batch, height, width, channels] and what else goes in; outputs.safetensors
gets what the calls return, or with --losses the parts of the loss (`loss.*`) and the gradients (`gradient.*`), in float64.
"""

import importlib.util
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)


def load(folder, name):
    spec = importlib.util.spec_from_file_location(f"{folder.name}.{name}", folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def channels_last(image):
    return image.permute(0, *range(2, image.ndim), 1).contiguous()


def outputs_of(model, images, labels, latents, codes):
    given = () if labels is None else (labels,)
    outputs = {"reconstruction": channels_last(model.reconstruct(images, *given))}
    outputs["images"] = channels_last(model.decode(latents.long() if codes else latents, *given))
    posterior = model.encode(images, *given)
    if codes:
        outputs["mean"], outputs["codes"] = channels_last(posterior[0]), posterior[1].float()
    else:
        outputs["mean"] = posterior[0]
    if len(posterior) == 2 and not codes:
        latent = model.latent
        names = {"log_variance": "logVariance", "cholesky": "cholesky"}
        found = [theirs for ours, theirs in names.items() if ours in latent]
        outputs[found[0] if found else "concentration"] = posterior[1]
    if hasattr(model, "classify"):
        outputs["probabilities"] = model.classify(images)
    return outputs


def losses_of(model, images, labels, noise, prior):
    given = () if labels is None else (labels,)
    drawn = {key: value.double() for key, value in (("noise", noise), ("prior", prior)) if value is not None}
    model.double().train()
    loss = model(images.double(), *given, **drawn)
    model.backward(loss)
    parts = {f"loss.{key}": value.detach() for key, value in loss.items()}
    gradients = {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.requires_grad}
    moved = {f"moved.{name}": value for name, value in model.named_buffers() if "running_" in name}
    return {**parts, **gradients, **moved}


def main(wants_losses, folders):
    for folder in folders:
        files, program = load(folder, "files"), load(folder, "model")
        model = load(folder, "train").load_model(files.read_safetensors(folder / "model.safetensors")[0]).eval()
        inputs, _ = files.read_safetensors(folder / "inputs.safetensors")
        images = inputs["images"].permute(0, 3, 1, 2)
        labels = inputs["labels"].long() if "labels" in inputs else None
        assert images.shape[1:] == program.IMAGE, (images.shape, program.IMAGE)
        if wants_losses:
            outputs = losses_of(model, images, labels, inputs.get("noise"), inputs.get("prior"))
        else:
            with torch.no_grad():
                outputs = outputs_of(model, images, labels, inputs["latents"], hasattr(model, "nearest"))
        files.write_safetensors(folder / "outputs.safetensors", outputs, {})


main("--losses" in sys.argv, [Path(word).resolve() for word in sys.argv[1:] if word != "--losses"])
