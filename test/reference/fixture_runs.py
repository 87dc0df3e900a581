"""Training runs of small models: what the optimisers, schedules and clipping do over some steps, and kinds of models."""

from fixture_kinds import KINDS
from fixture_specs import OPTIMIZED, conv, conv_transpose, model, residual

ADAM = {"type": "adam", "learningRate": 1e-2, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "clipNorm": 0}
ADAMW = {**ADAM, "type": "adamw", "weightDecay": 0.1}
RMSPROP = {"type": "rmsprop", "learningRate": 1e-3, "rho": 0.9, "epsilon": 1e-7, "momentum": 0, "clipNorm": 0}
SGD = {"type": "sgd", "learningRate": 1e-2, "momentum": 0.9, "clipNorm": 0}

STEP = {"type": "step", "value": 2e-2, "factor": 0.3, "every": 3}
COSINE = {"type": "cosine", "value": 1e-2, "steps": 12, "minimum": 1e-3}
COSINE_TO_0 = {"type": "cosine", "value": 1e-2, "steps": 12}


def warm_up(after, steps=4):
    return {"type": "warm-up", "steps": steps, "after": after}


def kind(name, optimizer, steps=5):
    case = KINDS[name]
    return {"spec": case["spec"], "batch": case["batch"], "steps": steps, "optimizer": optimizer}


def plain(**changes):
    return {"spec": OPTIMIZED, "batch": 3, "steps": 10, "optimizer": ADAM, **changes}


def weighted(schedule, **changes):
    """
    One batch again and again, and posteriors so narrow that the noise is lost in rounding: `train` draws its own.
    Where the weight is 0, nothing but noise moves the log-variance, which Adam would make much of.
    """
    return plain(klWeight=schedule, narrow=True, fixed=True, **changes)


RUNS = {
    "constant rate": plain(),
    "decay": plain(optimizer=ADAMW),
    "decay with a stepped rate": plain(optimizer={**ADAMW, "learningRate": STEP}),
    "clipping always": plain(optimizer={**SGD, "clipNorm": 0.5}),
    "clipping sometimes": plain(optimizer={**SGD, "clipNorm": 2}),
    "clipping never": plain(optimizer={**SGD, "clipNorm": 1000}),
    "clipping sometimes, Adam": plain(optimizer={**ADAM, "clipNorm": 2}),
    "stepped rate": plain(optimizer={**SGD, "learningRate": STEP}),
    "cosine rate": plain(optimizer={**ADAM, "learningRate": COSINE}),
    "warm-up": plain(optimizer={**ADAM, "learningRate": warm_up(1e-2)}),
    "warm-up, then cosine": plain(optimizer={**RMSPROP, "learningRate": warm_up(COSINE_TO_0)}),
    "KL warm-up": weighted({"type": "linear", "from": 0.1, "to": 1, "steps": 6}),
    "KL cycles": weighted({"type": "cyclical", "value": 1.5, "period": 5, "ramp": 0.6}, optimizer=SGD),
    "KL warm-up and a cosine rate": weighted(
        {"type": "linear", "from": 0, "to": 2, "steps": 20}, optimizer={**SGD, "learningRate": COSINE}
    ),
    "conditional, dense": kind("conditional-dense", ADAM),
    "conditional, convolutional": kind("conditional-conv", ADAM),
    "fixed variance": kind("gaussian-fixed", {**ADAM, "clipNorm": 1}),
    "learned variance": kind("gaussian-learned", ADAM),
    "continuous Bernoulli": kind("continuous-bernoulli", {**ADAM, "learningRate": 1e-3}),
    "codebook by gradient": kind("quantized", ADAM),
    "codebook by gradient, Bernoulli": kind("quantized-bernoulli", ADAMW),
    "codebook by moving average": kind("quantized-average", ADAM),
}


def block(filters):
    return residual(conv(filters, 3, activation="relu"), conv(filters, 1))


# The preset vectorQuantized with a quarter of the channels, for images of a quarter of the size.
QUANTIZED = {
    **model(
        [16, 16, 3],
        [conv(32, 4, 2, padding=1), conv(32, 4, 2, padding=1, activation="relu"), block(32), block(32)],
        8,
        [
            conv(32, 1),
            block(32),
            block(32),
            conv_transpose(32, 4, 2, padding=1, activation="relu"),
            conv_transpose(3, 4, 2, padding=1),
        ],
    ),
    "latent": {"type": "vector-quantized", "codes": 32, "size": 8, "commitment": 0.25},
    "likelihood": {"type": "gaussian", "variance": 0.06},
}
QUANTIZED_RUNS = {
    "gradient": QUANTIZED,
    "moving average": {**QUANTIZED, "latent": {**QUANTIZED["latent"], "codebookUpdate": "moving-average"}},
}
