"""The saved model's file and data sets, for train.py: no package but PyTorch and NumPy."""

import gzip
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

CHECKSUM = "elbo.checksum"


def read_safetensors(path):
    """Tensors by name, and the metadata's texts: 8 bytes of length, a header in JSON, then the tensors' bytes."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    start = 8 + length
    return {name: as_tensor(data, start, info) for name, info in header.items()}, metadata


def as_tensor(data, start, info):
    if info["dtype"] != "F32":
        raise ValueError(f"a tensor of {info['dtype']}, this reads F32 alone")
    begin, end = info["data_offsets"]
    if begin == end:
        return torch.zeros(info["shape"])
    return torch.frombuffer(bytearray(data[start + begin : start + end]), dtype=torch.float32).reshape(info["shape"])


def write_safetensors(path, tensors, metadata):
    """The same, with the checksum that the engine looks for."""
    arrays = {name: np.ascontiguousarray(tensor.cpu().numpy(), "<f4") for name, tensor in sorted(tensors.items())}
    metadata = {key: text for key, text in sorted(metadata.items()) if key != CHECKSUM}
    metadata[CHECKSUM] = checksum(arrays, metadata)
    header, end = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(array.tobytes())


def checksum(arrays, metadata):
    """CRC-32 of the metadata, of names and shapes as JSON, and of the values, sorted by name."""
    shapes = [[name, list(array.shape)] for name, array in arrays.items()]
    text = json.dumps([list(map(list, metadata.items())), shapes], ensure_ascii=False, separators=(",", ":"))
    crc = zlib.crc32(text.encode())
    for array in arrays.values():
        crc = zlib.crc32(array.tobytes(), crc)
    return f"crc32:{crc:08x}"


def read_set(path, image, labels=None):
    """Images [count, channels, height, width] as bytes or floats, and labels [count] or None.

    `path` is a folder with MNIST's IDX files or CIFAR-10's binary ones, or a .npy file of images [count, height, width]
    or [count, height, width, channels]; `labels` is a .npy file.
    """
    channels, height, width = image
    path = Path(path)
    if path.is_file():
        images = np.load(path).reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
        found = None
    elif (file := first(path, "train-images-idx3-ubyte*")) is not None:
        images = read_idx(file).reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
        file = first(path, "train-labels-idx1-ubyte*")
        found = None if file is None else read_idx(file)
    elif files := sorted(path.glob("data_batch_*.bin")):
        rows = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 1 + 3 * 32 * 32) for file in files])
        images, found = rows[:, 1:].reshape(-1, *image), rows[:, 0]
    else:
        raise SystemExit(f"--data {path}: no .npy file, and no folder with train-images-idx3-ubyte or data_batch_*.bin")
    if labels is not None:
        found = np.load(labels)
    if found is not None and len(found) != len(images):
        raise SystemExit(f"--labels: {len(found)} of them, {len(images)} images")
    images = torch.from_numpy(images.copy() if images.dtype == np.uint8 else images.astype("f4"))
    return images, None if found is None else torch.from_numpy(found.astype("i8"))


def first(folder, pattern):
    return next(iter(sorted(folder.glob(pattern))), None)


def read_idx(path):
    """An IDX file of bytes, gzipped or not."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dimensions = data[3]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions)
