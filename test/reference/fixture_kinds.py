"""Small models of the kinds beyond the plain one: codes, labels, likelihoods."""

from fixture_specs import conv, conv_transpose, dense, model, reshape, residual

CODES = {"type": "vector-quantized", "codes": 11, "size": 6, "commitment": 0.4}
GREY = {"type": "gaussian", "variance": 0.06}


def quantized(latent, likelihood):
    """Colour images as codes at 3 × 4 places, residuals on both sides."""
    layers = (
        [conv(8, 4, 2, padding=1, activation="relu"), residual(conv(8, 3, activation="relu"), conv(8, 1))],
        [
            conv(8, 1),
            residual(conv(8, 3, activation="relu"), conv(8, 1)),
            conv_transpose(3, 4, 2, padding=1),
        ],
    )
    return {"batch": 3, "spec": {**model([6, 8, 3], layers[0], 6, layers[1]), "latent": latent, "likelihood": likelihood}}


KINDS = {}

KINDS["quantized"] = quantized(CODES, GREY)
KINDS["quantized-bernoulli"] = quantized({**CODES, "codes": 7, "commitment": 2}, {"type": "bernoulli"})
KINDS["quantized-average"] = quantized({**CODES, "codebookUpdate": "moving-average"}, GREY)

KINDS["conditional-dense"] = {  # two channels, so that the label's place behind the image counts
    "batch": 5,
    "spec": model(
        [4, 3, 2],
        [dense(17, "relu"), dense(11, "tanh")],
        3,
        [dense(9, "leaky-relu"), dense(14, "relu"), dense(24)],
        classes=4,
        klWeight=0.7,
    ),
}
KINDS["conditional-conv"] = {  # labels as planes
    "batch": 4,
    "spec": model(
        [6, 4, 2],
        [conv(5, 3, 2, activation="relu"), residual(conv(5, 3, activation="tanh")), dense(7, "relu")],
        3,
        [
            dense(18, "relu"),
            reshape(3, 2, 3),
            residual(conv(3, 2, activation="leaky-relu")),
            conv_transpose(2, 4, 2, padding=1),
        ],
        classes=3,
    ),
}
KINDS["conditional-residual"] = {  # labels as planes of a residual, and a code without noise
    "batch": 3,
    "spec": model(
        [3, 5, 1],
        [residual(conv(6, 3, activation="tanh")), conv(2, 2, activation="relu")],
        4,
        [dense(15, "leaky-relu"), dense(15)],
        latent="deterministic",
        classes=5,
    ),
}
KINDS["gaussian-fixed"] = {
    "batch": 5,
    "spec": model(
        [4, 3, 3],
        [dense(19, "tanh")],
        4,
        [dense(13, "relu"), dense(36, "sigmoid")],
        likelihood=GREY,
    ),
}
KINDS["gaussian-learned"] = {
    "batch": 3,
    "spec": model(
        [6, 4, 2],
        [conv(4, 3, 2, activation="relu"), dense(9, "tanh")],
        2,
        [dense(12, "relu"), reshape(3, 2, 2), conv_transpose(2, 3, 2)],
        likelihood={"type": "gaussian", "variance": "learned"},
    ),
}
KINDS["continuous-bernoulli"] = {  # logits around 0 and out to ±15, beyond which PyTorch's normaliser loses digits
    "batch": 6,
    "scale": 10,
    "spec": model(
        [5, 4, 1],
        [dense(12, "relu")],
        2,
        [dense(14, "tanh"), dense(20)],
        likelihood={"type": "continuous-bernoulli"},
        klWeight=6,
    ),
}
