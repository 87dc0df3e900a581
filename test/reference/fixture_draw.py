"""Small models of DRAW: with and without attention, channels, other likelihoods; odd sizes throughout."""

from fixture_specs import model


def draw(shape, encoder, size, decoder, steps, attention=None, **more):
    layers = [[{"type": "lstm", "units": units}] for units in (encoder, decoder)]
    recurrent = {"steps": steps, **({"attention": dict(zip(("read", "write"), attention))} if attention else {})}
    return model(shape, layers[0], size, layers[1], recurrent=recurrent, **more)


DRAW = {
    "draw-plain": {"batch": 3, "spec": draw([5, 7, 1], 11, 3, 9, 3)},
    "draw-attention": {"batch": 5, "spec": draw([7, 5, 1], 10, 3, 13, 3, (2, 3), klWeight=0.7)},
    "draw-channels": {  # the values of a pixel lie side by side, those of weights and glimpses do not
        "batch": 4,
        "spec": draw([4, 3, 2], 8, 5, 7, 3, likelihood={"type": "gaussian", "variance": "learned"}),
    },
    "draw-attention-channels": {
        "batch": 19,
        "spec": draw([6, 9, 3], 12, 4, 6, 2, (3, 4), likelihood={"type": "gaussian", "variance": 0.3}),
    },
    "draw-single": {"batch": 1, "spec": draw([3, 3, 1], 1, 1, 1, 1, (3, 2))},
}

ADAM = {"type": "adam", "learningRate": 1e-2, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "clipNorm": 0}

DRAW_RUNS = {name: {**DRAW[name], "steps": 3, "optimizer": ADAM} for name in ("draw-plain", "draw-attention", "draw-channels")}
