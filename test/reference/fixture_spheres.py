"""Small models whose codes lie on a sphere, the concentration learned or fixed, with their bounds and their first steps."""

from fixture_runs import ADAM, SGD
from fixture_specs import conv, dense, model


def sphere(shape, encoder, size, decoder, **more):
    return model(shape, encoder, size, decoder, latent="von-mises-fisher", **more)


FIXED = {"type": "von-mises-fisher", "size": 4, "concentration": 20}


SPHERES = {
    "sphere": {  # odd sizes throughout
        "batch": 5,
        "spec": sphere([5, 7, 1], [dense(13, "tanh")], 3, [dense(11, "tanh"), dense(35)], klWeight=0.7),
    },
    "sphere-labels": {  # labels as planes and behind z
        "batch": 3,
        "spec": sphere([6, 4, 2], [conv(5, 3, 2, activation="relu")], 7, [dense(48)], classes=3),
    },
    "sphere-concentrated": {  # κ around 60 in many dimensions
        "batch": 4,
        "concentrated": 60,
        "spec": sphere([4, 5, 1], [dense(9, "tanh")], 50, [dense(13, "relu"), dense(20)]),
    },
    "sphere-fixed": {
        "batch": 7,
        "spec": {**sphere([3, 5, 1], [dense(8, "relu")], 4, [dense(9, "tanh"), dense(15)], klWeight=2), "latent": FIXED},
    },
}

SPHERE_OBJECTIVES = {
    "bound of sphere": ("sphere", {"importanceSamples": 5}),
    "bound of sphere-labels": ("sphere-labels", {"importanceSamples": 3}),
    "bound of sphere-fixed": ("sphere-fixed", {"importanceSamples": 4}),
}


def run(name, optimizer):
    case = SPHERES[name]
    return {"spec": case["spec"], "batch": case["batch"], "steps": 3, "optimizer": optimizer}


SPHERE_RUNS = {
    "a learned concentration": run("sphere", ADAM),
    "a learned concentration and labels": run("sphere-labels", SGD),
    "a fixed concentration": run("sphere-fixed", ADAM),
}
