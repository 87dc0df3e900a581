"""Small models of batch normalisation, activations of every kind, and full covariance."""

from fixture_specs import FLATTEN, conv, conv_transpose, dense, model, reshape


def batch_norm(activation="linear"):
    return {"type": "batch-norm", "activation": activation}


def residual(activation, *layers):
    return {"type": "residual", "layers": list(layers), "activation": activation}


FULL = {"type": "gaussian", "size": 4, "covariance": "full"}

LAYERS = {}

LAYERS["batch-norm-dense"] = {  # of an image's values, of a dense layer's, around a residual; a linear one last but one
    "batch": 7,
    "spec": model(
        [4, 3, 3],
        [FLATTEN, batch_norm(), dense(13), batch_norm("leaky-relu"), residual("relu", dense(13, "tanh"), batch_norm())],
        3,
        [dense(9), batch_norm("relu"), dense(36), batch_norm(), reshape(4, 3, 3)],
    ),
}
LAYERS["batch-norm-conv"] = {  # channels that are no whole vector and some that are, odd sizes
    "batch": 5,
    "spec": model(
        [7, 5, 2],
        [
            conv(6, 3, 2),
            batch_norm("relu"),
            conv(8, 3),
            batch_norm("elu"),
            residual("linear", batch_norm("tanh"), conv(8, 3)),
            dense(10, "relu"),
        ],
        3,
        [
            dense(48),
            batch_norm("silu"),
            reshape(4, 3, 4),
            conv_transpose(4, 3, 2),
            batch_norm("leaky-relu"),
            dense(70),
        ],
        classes=3,
    ),
}
LAYERS["activations"] = {
    "batch": 4,
    "spec": model(
        [6, 4, 2],
        [
            conv(4, 3, activation="silu"),
            residual("elu", conv(4, 3, activation="softplus")),
            residual("silu", conv(4, 1)),
            conv(5, 3, 2, activation="elu"),
            dense(9, "softplus"),
            residual("softplus", dense(9, "silu")),
        ],
        3,
        [dense(12, "silu"), residual("silu", dense(12, "elu")), dense(16, "elu"), reshape(2, 2, 4),
         conv_transpose(3, 3, activation="silu"), dense(48, "linear")],
    ),
}
LAYERS["full-covariance"] = {
    "batch": 5,
    "spec": {**model([5, 4, 1], [dense(11, "tanh")], 4, [dense(10, "relu"), dense(20)], klWeight=0.6), "latent": FULL},
}
LAYERS["real-valued"] = {  # a table of measurements
    "batch": 6,
    "spread": 3,
    "spec": model(
        [1, 1, 13],
        [dense(10, "tanh")],
        2,
        [dense(9, "silu"), dense(13)],
        likelihood={"type": "gaussian", "variance": "learned"},
    ),
}
