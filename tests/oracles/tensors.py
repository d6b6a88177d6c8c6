"""Model files for tests, read from fm-model(5) alone."""
import json
import struct
import sys

import numpy as np

DTYPES = {"F32": np.float32, "U8": np.uint8}


def load(path):
    """(metadata, tensors by name) of a model or checkpoint."""
    data = open(path, "rb").read()
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return metadata, tensors


def save(path, **tensors):
    """As other programs write safetensors: in the order given, without metadata."""
    header, data = {}, b""
    for name, array in tensors.items():
        letter = {"u": "U", "i": "I", "f": "F"}[array.dtype.kind]
        header[name] = {"dtype": letter + str(8 * array.dtype.itemsize), "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def state(path):
    """What a checkpoint says of its run."""
    return json.loads(load(path)[0]["fm.training"])


def same_weights(left, right):
    """Have two models the same weights, to the bit, whatever their histories?"""
    a, b = load(left)[1], load(right)[1]
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


if __name__ == "__main__":
    if sys.argv[1] == "same":
        sys.exit(not same_weights(*sys.argv[2:]))
    if sys.argv[1] == "state":
        print(state(sys.argv[2])[sys.argv[3]])
