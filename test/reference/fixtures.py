"""Writes test/fixtures: what the tests are held against, computed by PyTorch in float64.

    python3 test/reference/fixtures.py [NAME …]   (from the repository's root; needs numpy and PyTorch 1.13 or newer)

Inputs come from formula.py, nothing from a random generator. test/fixtures.ts reads the files and says what is in them.
"""

import contextlib
import functools
import json
import pathlib
import sys
import zlib

import numpy as np
import torch

sys.dont_write_bytecode = True  # the modules beside this one are not worth a cache in the source tree

import fixture_specs as specs
import formula
import torch_model
import torch_objectives
import torch_prior
import torch_training
import torch_vae_gan
from fixture_draw import DRAW, DRAW_RUNS
from fixture_kinds import KINDS
from fixture_layers import LAYERS
from fixture_objectives import MODELS, OBJECTIVES
import fixture_real_valued
from fixture_prior import PRIORS
from fixture_runs import ADAM, QUANTIZED_RUNS, RUNS
from fixture_semi_supervised import SEMI_SUPERVISED, SEMI_SUPERVISED_RUNS
from fixture_vae_gan import CASES as VAE_GAN
from fixture_spheres import SPHERE_OBJECTIVES, SPHERE_RUNS, SPHERES
from safetensors_writer import write_safetensors

FIXTURES = pathlib.Path("test/fixtures")
SEED = 7
TRAINING_SEED = 2  # from most seeds the KL term of conv blows up at step 6, magnifying rounding errors a thousandfold
SAMPLES = 24  # gradient values kept of each parameter of a large model
KERAS_RMSPROP = {"type": "rmsprop", "learningRate": 1e-3, "rho": 0.9, "epsilon": 1e-7, "momentum": 0}
ADAM = {"type": "adam", "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}


def other_writer():
    """Files for the tests of src/formats/safetensors.ts."""
    tensors = {
        "double": np.array([0.1, -1e-3]),
        "single": np.array([[0, -1.5, 3.25], [1e-40, 1e38, -0.0]], np.float32),
        "half": np.array([1, -2.5, 65504, 2**-24, -0.0, np.inf, np.nan], np.float16),
        "brain": (np.array([[1], [-0.15625], [2.0**100]], np.float32).view(np.uint32) >> 16).astype(np.uint16),
        "scalar": np.array(42, np.float32),
        "empty": np.zeros((0, 4), np.float32),
        "β/вес": np.array([-7], np.float32),
    }
    write_safetensors(FIXTURES / "other-writer.safetensors", tensors, {"writer": "struct and json", "ключ": "значение"})

    tensors = {"z": np.arange(6, dtype=np.float32).reshape(2, 3), "a.weight": np.array([0.5], np.float32)}
    metadata = {"note": "größer \"als\"", "elbo.format": "1"}
    described = [sorted(metadata.items()), [[name, tensors[name].shape] for name in sorted(tensors)]]
    crc = zlib.crc32(json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode())
    for name in sorted(tensors):
        crc = zlib.crc32(tensors[name].tobytes(), crc)
    metadata["elbo.checksum"] = f"crc32:{crc:08x}"
    write_safetensors(FIXTURES / "other-writer-checksum.safetensors", tensors, metadata, spaced=True)


def small_model(name, spec, batch, scale=1.0, spread=None, concentrated=0, labels="mixed"):
    """Inputs, parameters, loss and every gradient of a small model.

    `scale` enlarges the last layer's weights; `spread` takes pixels from [0, 1] to [-spread, spread]; `concentrated` is
    added to the output from which a sphere's concentration comes; `labels` says which a classifier knows.
    """
    parameters = formula.formula_parameters(torch_model.parameter_shapes(spec), SEED)
    if scale != 1:
        last = f"decoder.{len(spec['decoder']) - 1}.weight"
        parameters[last] = (parameters[last] * scale).astype(np.float32)
    for key in parameters:
        if key.endswith(".running_var"):
            parameters[key] = parameters[key] + np.float32(1)
        if key == "latent.concentration.bias":
            parameters[key] = parameters[key] + np.float32(concentrated)
    batch = inputs(spec, batch, SEED, labels)
    if spread:
        batch = (((2 * batch[0] - 1) * spread).astype(np.float32), *batch[1:])
    loss, gradients = torch_model.loss_and_gradients(spec, parameters, *batch)
    statistics = torch_model.moved_statistics(spec, parameters, *batch)
    tensors = {key: value for key, value in zip(("images", "noise", "labels"), batch) if value is not None}
    tensors.update({f"parameter.{key}": value for key, value in parameters.items()})
    tensors.update({f"gradient.{key}": value.astype(np.float32) for key, value in gradients.items()})
    tensors.update({f"moved.{key}": value.astype(np.float32) for key, value in statistics.items()})
    write_safetensors(FIXTURES / f"{name}.safetensors", tensors, {"spec": json.dumps(spec), "loss": json.dumps(loss)})


def objectives(file, wanted):
    """Loss and gradients of small models by the bound of several samples, and with free bits; noise of its own sequence."""
    tensors, cases = {}, {}
    for name, (model, objective) in wanted.items():
        spec, batch = {**MODELS, **SPHERES}[model]["spec"], {**MODELS, **SPHERES}[model]["batch"]
        parameters = formula.formula_parameters(torch_model.parameter_shapes(spec), SEED)
        images, _, labels = inputs(spec, batch, SEED)
        shape = (batch, objective.get("importanceSamples", 1))
        noise = noise_array(spec, shape, "samples", SEED)
        loss, gradients = torch_model.loss_and_gradients(
            spec, parameters, images, noise, labels,
            loss=lambda spec, parameters, *batch: torch_objectives.loss(spec, parameters, objective, *batch),
        )
        tensors.update({f"{name}.{key}": value.astype(np.float32) for key, value in gradients.items()})
        cases[name] = {"spec": spec, "batch": batch, "seed": SEED, "objective": objective, "loss": loss}
    write_safetensors(FIXTURES / file, tensors, {"cases": json.dumps(cases)})


def vae_gan():
    """Losses and gradients of small models with a discriminator, and what three steps make of their parameters."""
    tensors, cases = {}, {}
    for name, case in VAE_GAN.items():
        spec, options, seed = case["spec"], case["optimizer"], case.get("seed", SEED)
        parameters = formula.formula_parameters(torch_model.parameter_shapes(spec), seed)
        for key, value in parameters.items():
            if key.endswith(".running_var") or (key.endswith(".weight") and value.ndim == 1):
                parameters[key] = value + np.float32(1)
        batches = [judged_inputs(spec, case["batch"], seed + step) for step in range(3)]
        with far_from_kinks():
            steps = list(torch_vae_gan.train(spec, parameters, batches, options, case.get("balance")))
        change = {key: value - parameters[key] for key, value in steps[-1].parameters.items()}
        tensors.update({f"{name}.gradient.{key}": g.numpy().astype(np.float32) for key, g in steps[0].gradients.items()})
        tensors.update({f"{name}.change.{key}": value.astype(np.float32) for key, value in change.items()})
        losses = [{key: digits(value) for key, value in step.loss.items()} for step in steps]
        cases[name] = {**case, "seed": seed, "losses": losses}
    write_safetensors(FIXTURES / "vae-gan.safetensors", tensors, {"cases": json.dumps(cases)})


def priors():
    """Losses and gradients of small priors over codes, and what three steps make of their parameters."""
    tensors, cases = {}, {}
    for name, case in PRIORS.items():
        prior, seed = case["prior"], case.get("seed", SEED)
        parameters = formula.formula_parameters(torch_prior.parameter_shapes(case["codes"], prior), seed)
        with far_from_kinks():
            batches = [coded_inputs(case, seed + step) for step in range(3)]
            steps = list(torch_prior.train(prior, parameters, batches, case["optimizer"]))
        change = {key: value - parameters[key] for key, value in steps[-1].parameters.items()}
        tensors.update({f"{name}.gradient.{key}": g.astype(np.float32) for key, g in steps[0].gradients.items()})
        tensors.update({f"{name}.change.{key}": value.astype(np.float32) for key, value in change.items()})
        cases[name] = {**case, "seed": seed, "losses": [digits(step.loss) for step in steps]}
    write_safetensors(FIXTURES / "priors.safetensors", tensors, {"cases": json.dumps(cases)})


def coded_inputs(case, seed):
    """Maps of codes of the sequence "codes", and labels of the sequence "label" or None."""
    shape = (case["batch"], *case["map"])
    hashes = formula.hash32(np.arange(int(np.prod(shape))), formula.seed_of("codes", seed))
    codes = torch.tensor((hashes % case["codes"]).astype(np.int64).reshape(shape))
    classes = case["prior"].get("classes")
    if classes is None:
        return codes, None
    labels = formula.hash32(np.arange(case["batch"]), formula.seed_of("label", seed)) % classes
    return codes, torch.tensor(labels.astype(np.int64))


@contextlib.contextmanager
def far_from_kinks(margin=2e-5):
    """Refuses values so near the kink of an activation that rounding to float32 may take its other slope."""
    known = dict(torch_model.ACTIVATIONS)

    def guarded(activation, values):
        nearest = float(values.detach().abs().min())
        assert nearest > margin, f"a value of {nearest} meets a kink at 0: choose another seed"
        return activation(values)

    for name in ("relu", "leaky-relu"):
        torch_model.ACTIVATIONS[name] = functools.partial(guarded, known[name])
    try:
        yield
    finally:
        torch_model.ACTIVATIONS.update(known)


def judged_inputs(spec, batch, seed):
    """A batch, with draws of the prior before its labels."""
    images, noise, labels = inputs(spec, batch, seed)
    prior = formula.normal_array((batch, spec["latent"]["size"]), formula.seed_of("prior", seed))
    return images, noise, prior, labels


def optimizers():
    """Parameters of a small model after each of three steps with each optimiser; every step has its own noise."""
    spec = specs.OPTIMIZED
    parameters = formula.formula_parameters(torch_model.parameter_shapes(spec), SEED)
    batches = [inputs(spec, 3, SEED + step) for step in range(3)]
    tensors = {f"parameter.{key}": value for key, value in parameters.items()}
    for step, (images, noise, _) in enumerate(batches):
        tensors[f"images.{step}"], tensors[f"noise.{step}"] = images, noise
    losses = {}
    for name, options in specs.OPTIMIZERS.items():
        steps = list(torch_training.train(spec, parameters, batches, options))
        losses[name] = [step.loss for step in steps]
        for i, step in enumerate(steps):
            tensors.update({f"{name}.{i}.{key}": value.astype(np.float32) for key, value in step.parameters.items()})
    metadata = {"spec": spec, "optimizers": specs.OPTIMIZERS, "losses": losses}
    metadata = {key: json.dumps(value) for key, value in metadata.items()}
    write_safetensors(FIXTURES / "optimizers.safetensors", tensors, metadata)


def large_models():
    """Loss, gradient norms and some gradient values of the presets at full size; inputs and parameters by formula."""
    cases = {}
    batches = {"mlp": 4, "mlpDeep": 3, "autoencoder": 4, "conv": 2, "conditional": 4, "vectorQuantized": 1, "sphere": 4,
               "semiSupervised": 4}
    for name, batch in batches.items():
        spec = specs.PRESETS[name]
        parameters = formula.formula_parameters(torch_model.parameter_shapes(spec), SEED)
        loss, gradients = torch_model.loss_and_gradients(spec, parameters, *inputs(spec, batch, SEED))
        samples = {key: sampled(value.ravel(), formula.seed_of(key, SEED)) for key, value in gradients.items()}
        cases[name] = {"spec": spec, "batch": batch, "seed": SEED, "loss": loss, "gradients": samples}
    write_json("presets.json", cases)


def sampled(values, seed):
    indices = formula.hash32(np.arange(min(SAMPLES, values.size)), seed) % values.size
    return {
        "norm": digits(np.linalg.norm(values)),
        "indices": indices.tolist(),
        "values": [digits(value) for value in values[indices]],
    }


def training():
    """Losses of the first 20 steps of presets at full size, by formula, and how far float32 strays from them."""
    runs = {}
    for name, options in {"mlp": KERAS_RMSPROP, "mlpDeep": ADAM, "conv": KERAS_RMSPROP}.items():
        spec, batch, steps = specs.PRESETS[name], 16, 20
        parameters = formula.formula_parameters(torch_model.parameter_shapes(spec), TRAINING_SEED)
        batches = [inputs(spec, batch, TRAINING_SEED + step) for step in range(steps)]
        double, single = (
            list(torch_training.train(spec, parameters, batches, options, dtype=dtype))
            for dtype in (torch.float64, torch.float32)
        )
        losses = [{key: digits(value) for key, value in step.loss.items()} for step in double]
        run = {"spec": spec, "batch": batch, "seed": TRAINING_SEED, "optimizer": options}
        runs[name] = {**run, "losses": losses, "float32Error": loss_error(single, double)}
    write_json("training.json", runs)


def runs(file, wanted):
    """Losses and changes of small models over some steps: clipping, decay, schedules, every kind of model."""
    tensors, cases = {}, {}
    for name, run in wanted.items():
        spec, steps = run["spec"], run["steps"]
        parameters = starting_point(spec, run.get("narrow", False))
        seeds = [SEED] * steps if run.get("fixed") else range(SEED, SEED + steps)
        batches = [inputs(spec, run["batch"], seed) for seed in seeds]
        options = run["optimizer"], run.get("klWeight")
        double = list(torch_training.train(spec, parameters, batches, *options))
        single = list(torch_training.train(spec, parameters, batches, *options, dtype=torch.float32))
        change, rough = ({k: v - parameters[k] for k, v in trained[-1].parameters.items()} for trained in (double, single))
        tensors.update({f"{name}.{key}": value.astype(np.float32) for key, value in change.items()})
        cases[name] = {
            **{key: value for key, value in run.items() if key != "fixed"},
            "seed": SEED,
            "losses": [{key: digits(value) for key, value in step.loss.items()} for step in double],
            "norms": [digits(step.norm) for step in double],
            "float32Error": {"loss": loss_error(single, double), "change": change_error(rough, change)},
        }
    write_safetensors(FIXTURES / file, tensors, {"runs": json.dumps(cases)})


def quantized_training():
    """What is left of the squared error, and how evenly codes are used, after PyTorch has trained a codebook."""
    cases = {}
    for name, spec in QUANTIZED_RUNS.items():
        batch, steps, optimizer = 16, 160, {**ADAM, "learningRate": 2e-3}
        batches = [inputs(spec, batch, SEED + step) for step in range(steps)]
        *_, last = torch_training.train(spec, starting_point(spec, False), batches, optimizer)
        seen = inputs(spec, 64, SEED)
        loss, _ = torch_model.loss_and_gradients(spec, last.parameters, *seen)
        variance, values = spec["likelihood"]["variance"], np.prod(spec["input"])
        error = variance * (2 * loss["reconstruction"] / values - np.log(2 * np.pi * variance))
        result = {"meanSquaredError": digits(error), "perplexity": digits(perplexity(spec, last.parameters, seen[0]))}
        cases[name] = {"spec": spec, "batch": batch, "steps": steps, "seed": SEED, "optimizer": optimizer, **result}
    write_json("quantized-training.json", cases)


def perplexity(spec, parameters, images):
    """exp of the entropy of how often each code is chosen."""
    tensors = {key: torch.tensor(value) for key, value in parameters.items()}
    x = torch.tensor(images, dtype=torch.float64).permute(0, 3, 1, 2)
    vectors = torch_model.vectors_of(spec, tensors, x).flatten(0, 2)
    shares = torch_model.nearest(vectors, tensors["latent.codebook.weight"]).bincount() / len(vectors)
    return float(torch.special.entr(shares).sum().exp())


def starting_point(spec, narrow):
    """Parameters by formula. `narrow`: a standard deviation of exp(-20), which float32 loses beside a mean."""
    parameters = formula.formula_parameters(torch_model.parameter_shapes(spec), SEED)
    if narrow:
        parameters["latent.log_variance.weight"] *= 0
        parameters["latent.log_variance.bias"] = np.full_like(parameters["latent.log_variance.bias"], -40)
    return parameters


def loss_error(steps, exact):
    """The largest error of a total, relative."""
    errors = [abs(a.loss["total"] - b.loss["total"]) / abs(b.loss["total"]) for a, b in zip(steps, exact)]
    return float(f"{max(errors):.2g}")


def change_error(change, exact):
    """The largest error of a parameter's change, relative by norm."""
    errors = [np.linalg.norm(change[key] - value) / (np.linalg.norm(value) or 1) for key, value in exact.items()]
    return float(f"{max(errors):.2g}")


def inputs(spec, batch, seed, known="mixed"):
    """A batch: blobs of `seed`, noise of the sequence "noise", labels of the sequence "label"; or None.

    With a classifier a third of the labels are known, unless `known` is "known" or "unknown", and an image has a row of
    noise for every class.
    """
    images = formula.bytes_to_floats(formula.blob_bytes(batch, spec["input"], seed))
    noise, labels = None, None
    if spec["latent"]["type"] in ("gaussian", "von-mises-fisher"):
        each = spec["classes"] if "classifier" in spec else 1
        steps = (spec["recurrent"]["steps"],) if "recurrent" in spec else ()
        noise = noise_array(spec, (batch * each, *steps), "noise", seed)
    if "classes" in spec:
        hashes = formula.hash32(np.arange(batch), formula.seed_of("label", seed))
        labels = (hashes % spec["classes"]).astype(np.float32)
    if "classifier" in spec and known != "known":
        hidden = formula.hash32(np.arange(batch), formula.seed_of("known", seed)) % 3 > 0
        labels[hidden | (known == "unknown")] = 255
    return images, noise, labels


def noise_array(spec, rows, sequence, seed):
    """[*rows, latent] normal values; of a sphere [*rows, size + 1], the first of a row uniform."""
    size, is_sphere = spec["latent"]["size"], spec["latent"]["type"] == "von-mises-fisher"
    noise = formula.normal_array((*rows, size + is_sphere), formula.seed_of(sequence, seed))
    if is_sphere:
        u = formula.uniform(np.arange(int(np.prod(rows))), formula.seed_of(f"u of {sequence}", seed))
        noise[..., 0] = u.reshape(rows)
    return noise


def digits(value):
    """Ten significant ones."""
    return float(f"{value:.10g}")


def write_json(name, value):
    (FIXTURES / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    other_writer()
    wanted = sys.argv[1:]  # names of small models; all of everything without
    for name, case in {**specs.SMALL, **KINDS, **LAYERS, **SPHERES, **SEMI_SUPERVISED, **DRAW}.items():
        if not wanted or name in wanted:
            small_model(name, **case)
    if "semi-supervised-runs" in wanted:
        runs("semi-supervised-runs.safetensors", SEMI_SUPERVISED_RUNS)
    if "draw-runs" in wanted:
        runs("draw-runs.safetensors", DRAW_RUNS)
    if not wanted or "vae-gan" in wanted:
        vae_gan()
    if not wanted or "priors" in wanted:
        priors()
    if wanted:
        sys.exit()
    objectives("objectives.safetensors", OBJECTIVES)
    objectives("sphere-objectives.safetensors", SPHERE_OBJECTIVES)
    optimizers()
    runs("runs.safetensors", RUNS)
    runs("sphere-runs.safetensors", SPHERE_RUNS)
    runs("semi-supervised-runs.safetensors", SEMI_SUPERVISED_RUNS)
    runs("draw-runs.safetensors", DRAW_RUNS)
    quantized_training()
    large_models()
    training()
    write_json("real-valued-training.json", fixture_real_valued.result())
