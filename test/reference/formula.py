"""The functions of formula.ts, bit for bit: inputs that need not be stored. Arrays come as float32."""

import numpy as np


def hash32(index, seed):
    """A well mixed 32-bit number of each index in the sequence `seed`: MurmurHash3's finaliser."""
    h = (np.asarray(index, np.uint64) + np.uint64(seed * 0x9E3779B9 % 2**32)).astype(np.uint32)
    h = (h ^ (h >> 16)) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE35)
    return h ^ (h >> 16)


def uniform(index, seed):
    """Uniform in [0, 1): the upper 24 bits of the hash."""
    return (hash32(index, seed) >> 8).astype(np.float64) / 2**24


def uniform_array(shape, seed, limit=1.0):
    """Uniform in [-limit, limit)."""
    return ((2 * uniform(np.arange(int(np.prod(shape))), seed) - 1) * limit).astype(np.float32).reshape(shape)


def normal_array(shape, seed):
    """Mean 0 and variance 1: four uniforms summed."""
    u = uniform(np.arange(4 * int(np.prod(shape))), seed).reshape(-1, 4)
    total = u[:, 0] + u[:, 1] + u[:, 2] + u[:, 3]
    return ((total - 2) * np.sqrt(3.0)).astype(np.float32).reshape(shape)


def seed_of(name, seed):
    """A sequence of its own for every name."""
    for character in name:
        seed = int(hash32(np.array([ord(character)]), seed)[0])
    return seed


def formula_parameters(shapes, seed):
    """Weights uniform in +-sqrt(6 / (fan in + fan out)), biases in +-0.05."""
    def limit(shape):
        return 0.05 if len(shape) == 1 else np.sqrt(6 / ((shape[0] + shape[1]) * np.prod(shape[2:])))

    return {name: uniform_array(shape, seed_of(name, seed), limit(shape)) for name, shape in shapes.items()}


def blob_bytes(count, shape, seed):
    """Images [count, height, width, channels] of bytes: in each channel two round blobs on black."""
    height, width, channels = shape
    radius = 1 + max(height, width) / 4
    places = uniform(np.arange(count * channels * 4), seed).reshape(count, 1, 1, channels, 2, 2)
    row = places[..., 0] * (height - 1)
    column = places[..., 1] * (width - 1)
    h = np.arange(height).reshape(1, -1, 1, 1, 1)
    w = np.arange(width).reshape(1, 1, -1, 1, 1)
    squared = (h - row) * (h - row) + (w - column) * (w - column)
    return np.floor(255 * np.maximum(0, 1 - squared / (radius * radius))).max(-1).astype(np.uint8)


def bytes_to_floats(images):
    return (images / 255).astype(np.float32)
