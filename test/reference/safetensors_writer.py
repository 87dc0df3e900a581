"""A safetensors writer in struct and json: not the engine's, so that the two can be held against each other."""

import json
import struct

DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16"}


def write_safetensors(path, tensors, metadata, spaced=False):
    """tensors: name -> numpy array, in file order; uint16 is bfloat16. `spaced`: the header spelled differently."""
    header = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, array in tensors.items():
        begin = len(data)
        data += array.astype(array.dtype.newbyteorder("<")).tobytes()
        offsets = [begin, len(data)]
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": offsets}
    separators = (" , ", " : ") if spaced else (",", ":")
    text = json.dumps(header, ensure_ascii=spaced, separators=separators).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
