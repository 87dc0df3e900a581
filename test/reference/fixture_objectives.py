"""Objectives other than −ELBO, each on one of the small models."""

from fixture_kinds import KINDS
from fixture_specs import SMALL

OBJECTIVES = {
    "bound of dense-channels": ("dense-channels", {"importanceSamples": 5}),
    "bound of conv-residual": ("conv-residual", {"importanceSamples": 5}),
    "bound of conditional-conv": ("conditional-conv", {"importanceSamples": 5}),
    "bound of gaussian-fixed": ("gaussian-fixed", {"importanceSamples": 5}),
    "bound of gaussian-learned": ("gaussian-learned", {"importanceSamples": 7}),
    "bound of continuous-bernoulli": ("continuous-bernoulli", {"importanceSamples": 2}),
    "free bits of dense-channels": ("dense-channels", {"freeBits": 0.15}),  # two of five
    "free bits of conditional-conv": ("conditional-conv", {"freeBits": 0.415}),  # one of three dimensions is below
}

MODELS = {**SMALL, **KINDS}
