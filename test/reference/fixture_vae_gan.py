"""Small models with a discriminator, three steps of each."""

from fixture_layers import batch_norm, residual
from fixture_specs import FLATTEN, conv, conv_transpose, dense, model, reshape

RMSPROP = {"type": "rmsprop", "learningRate": 1e-3, "rho": 0.9, "epsilon": 1e-4, "momentum": 0}
ADAM = {"type": "adam", "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-4}
SGD = {"type": "sgd", "learningRate": 1e-2, "momentum": 0.9}  # no gradient that is 0 but for rounding counts as a whole one


def judge(similarity, weight, *layers):
    return {"layers": list(layers), "similarity": similarity, "weight": weight}


DENSE = {
    "batch": 5,
    "optimizer": RMSPROP,
    "spec": model(
        [5, 3, 1],
        [dense(13, "tanh")],
        3,
        [dense(11, "leaky-relu"), dense(15)],
        klWeight=0.7,
        discriminator=judge(1, 0.4, dense(9, "leaky-relu"), dense(7, "tanh"), dense(1)),
    ),
}

# Convolutions and batch normalisation everywhere, labels, a feature map that is no whole vector
CONV = {
    "batch": 6,
    "seed": 12,  # from others a value that float32 may put on either side of 0 meets a relu
    "optimizer": SGD,
    "spec": model(
        [7, 5, 3],
        [conv(6, 3, 2), batch_norm("relu"), conv(5, 3), batch_norm("leaky-relu"), dense(10), batch_norm("relu")],
        4,
        [
            dense(24),
            batch_norm("relu"),
            reshape(4, 3, 2),
            conv_transpose(6, 3, 2),
            batch_norm("relu"),
            conv(3, 2, padding=0),
            dense(105),
        ],
        classes=3,
        discriminator=judge(
            3,
            0.05,
            conv(4, 3, 2, activation="relu"),
            conv(6, 3),
            batch_norm("relu"),
            conv(5, 3, 2),
            batch_norm("leaky-relu"),
            dense(8),
            batch_norm("silu"),
            dense(1),
        ),
    ),
}

CASES = {
    "dense": DENSE,
    "convolutional": CONV,
    "the logit compared": {  # x is an image of grey values, the covariance full
        "batch": 3,
        "optimizer": ADAM,
        "spec": {
            **model(
                [4, 4, 1],
                [dense(9, "relu")],
                2,
                [dense(7, "tanh"), dense(16)],
                likelihood={"type": "continuous-bernoulli"},
                discriminator=judge(2, 2, conv(3, 3, 2, activation="elu"), FLATTEN, dense(1)),
            ),
            "latent": {"type": "gaussian", "size": 2, "covariance": "full"},
        },
    },
    "pixels compared": {  # the first layer only flattens; the code has no noise
        "batch": 4,
        "optimizer": ADAM,
        "spec": model(
            [3, 5, 2],
            [dense(8, "silu")],
            3,
            [dense(30, "sigmoid")],
            latent="deterministic",
            likelihood={"type": "gaussian", "variance": 0.06},
            discriminator=judge(0, 0.1, FLATTEN, dense(6, "softplus"), dense(1)),
        ),
    },
    "sphere": {  # a residual compared
        "batch": 3,
        "optimizer": SGD,
        "spec": {
            **model(
                [5, 4, 1],
                [dense(9, "tanh")],
                3,
                [dense(9, "relu"), dense(20)],
                discriminator=judge(1, 0.3, conv(4, 3), residual("relu", conv(4, 3), batch_norm()), dense(1)),
            ),
            "latent": {"type": "von-mises-fisher", "size": 3},
        },
    },
    "the decoder waits": {**DENSE, "balance": {"equilibrium": 0.3, "margin": 0.1}},
    "the discriminator waits": {**CONV, "balance": {"equilibrium": 1.6, "margin": 0.3}},
    "neither waits": {**DENSE, "balance": {"equilibrium": 0.69, "margin": 0}},
}
