"""Writes test/fixtures: what the tests are held against, computed by PyTorch in float64.

    python3 test/reference/fixtures.py            (from the repository's root; needs numpy and PyTorch 1.13 or newer)

The same run writes the same bytes: inputs come from formula.py, nothing from a random generator.
"""

import json
import pathlib
import sys
import zlib

import numpy as np

sys.dont_write_bytecode = True  # the modules beside this one are not worth a cache in the source tree

from safetensors_writer import write_safetensors

FIXTURES = pathlib.Path("test/fixtures")


def other_writer():
    """Files for the tests of src/formats/safetensors.ts."""
    tensors = {
        "double": np.array([0.1, -1e-3]),
        "single": np.array([[0, -1.5, 3.25], [1e-40, 1e38, -0.0]], np.float32),
        "half": np.array([1, -2.5, 65504, 2**-24, -0.0, np.inf, np.nan], np.float16),
        "brain": (np.array([[1], [-0.15625], [2.0**100]], np.float32).view(np.uint32) >> 16).astype(np.uint16),
        "scalar": np.array(42, np.float32),
        "empty": np.zeros((0, 4), np.float32),
        "β/вес": np.array([-7], np.float32),
    }
    write_safetensors(FIXTURES / "other-writer.safetensors", tensors, {"writer": "struct and json", "ключ": "значение"})

    tensors = {"z": np.arange(6, dtype=np.float32).reshape(2, 3), "a.weight": np.array([0.5], np.float32)}
    metadata = {"note": "größer \"als\"", "elbo.format": "1"}
    described = [sorted(metadata.items()), [[name, tensors[name].shape] for name in sorted(tensors)]]
    crc = zlib.crc32(json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode())
    for name in sorted(tensors):
        crc = zlib.crc32(tensors[name].tobytes(), crc)
    metadata["elbo.checksum"] = f"crc32:{crc:08x}"
    write_safetensors(FIXTURES / "other-writer-checksum.safetensors", tensors, metadata, spaced=True)


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    other_writer()
