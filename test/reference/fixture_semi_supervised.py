"""Small models whose labels may be unknown: dense and convolutional encoders, every likelihood, odd sizes."""

from fixture_specs import conv, conv_transpose, dense, model, reshape

ADAM = {"type": "adam", "learningRate": 1e-2, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "clipNorm": 0}


def classified(spec, classes, classifier, **more):
    return {**spec, "classes": classes, "classifier": [*classifier, dense(classes)], **more}


DENSE = classified(
    model([5, 3, 1], [dense(7, "softplus"), dense(6, "tanh")], 3, [dense(9, "softplus"), dense(15)]),
    5,
    [dense(11, "softplus")],
    classifierWeight=2.5,
    klWeight=0.7,
)
CONV = classified(
    model(
        [6, 5, 2],
        [conv(4, 3, stride=2, activation="relu")],
        2,
        [dense(18, "leaky-relu"), reshape(3, 3, 2), conv_transpose(3, 3, stride=2, padding=1, activation="silu"),
         dense(60)],
    ),
    3,
    [conv(3, 3, activation="tanh")],
)
GAUSSIAN = {
    **classified(model([1, 7, 1], [], 2, [dense(5, "silu"), dense(7)]), 10, []),
    "likelihood": {"type": "gaussian", "variance": "learned"},
}
SILU = classified(model([3, 3, 1], [dense(5, "silu")], 4, [dense(9)]), 4, [dense(6, "silu")], classifierWeight=0)

# `labels`: which are known. Batches off a multiple of eight.
SEMI_SUPERVISED = {
    "semi-supervised-dense": {"spec": DENSE, "batch": 11, "labels": "mixed"},
    "semi-supervised-known": {"spec": DENSE, "batch": 3, "labels": "known"},
    "semi-supervised-unknown": {"spec": DENSE, "batch": 9, "labels": "unknown"},
    "semi-supervised-conv": {"spec": CONV, "batch": 5, "labels": "mixed"},
    "semi-supervised-gaussian": {"spec": GAUSSIAN, "batch": 6, "labels": "mixed"},
    "semi-supervised-silu": {"spec": SILU, "batch": 1, "labels": "unknown"},
}

SEMI_SUPERVISED_RUNS = {
    "labels partly unknown": {"spec": DENSE, "batch": 11, "steps": 3, "optimizer": ADAM},
    "labels partly unknown, convolutional": {"spec": CONV, "batch": 5, "steps": 3, "optimizer": ADAM},
}
