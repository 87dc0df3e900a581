"""Small priors over maps of codes, three steps of each."""

ADAM = {"type": "adam", "learningRate": 1e-2, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-4}


def case(height, width, codes, batch, layers, channels, kernel, **classes):
    prior = {"layers": layers, "channels": channels, "kernel": kernel, **classes}
    return {"map": [height, width], "codes": codes, "batch": batch, "prior": prior, "optimizer": ADAM}


PRIORS = {
    "odd sizes": case(5, 3, 7, 5, 3, 6, 3),
    "odd sizes, with labels": case(3, 5, 6, 7, 3, 5, 5, classes=3),
    "whole vectors": {**case(6, 7, 12, 9, 2, 8, 3), "seed": 11},  # from others a value meets the relu at 0
    "whole vectors, with labels": case(8, 4, 8, 4, 3, 4, 5, classes=4),
    "one layer": case(4, 5, 5, 3, 1, 3, 3, classes=2),
    "one position": case(1, 1, 3, 6, 2, 4, 3),
}
