"""Tensor streams for tests: written and read from fm-stream(5) alone, with numpy and xxhash."""
import json
import struct

import numpy as np
import xxhash

DTYPES = {"U8": np.uint8, "I32": np.int32, "I64": np.int64, "F32": np.float32}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
ZEROS = "0" * 16


def record(metadata, tensors):
    """One record's bytes."""
    header = {"__metadata__": {"fm.xxh3": ZEROS, **metadata}}
    data = b""
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        begin = len(data)
        data += np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    whole = bytearray(struct.pack("<Q", len(text)) + text + data)
    whole[36:52] = b"%016x" % xxhash.xxh3_64_intdigest(bytes(whole))
    return bytes(whole)


def write(path, tensors, classes, rows=100, holdout=None):
    """A stream of these tensors; the first `holdout` samples are the hold-out part, None marks no parts."""
    n, h, w, c = tensors["image"].shape
    cuts = sorted({*range(0, n, rows), *([holdout] if holdout else [])} | {n})
    cuts = cuts if n else [0, 0]  # no samples are one record with n = 0
    first = {"fm.stream": "1", "fm.classes": json.dumps(classes, separators=(",", ":")),
             "fm.input": '{"h":%d,"w":%d,"c":%d}' % (h, w, c), "fm.history": "[]"}
    with open(path, "wb") as file:
        for number, (begin, end) in enumerate(zip(cuts, cuts[1:])):
            metadata = {"fm.record": str(number)}
            if holdout is not None:
                metadata["fm.part"] = "holdout" if begin < holdout else "fit"
            if number == 0:
                metadata.update(first)
            file.write(record(metadata, {name: array[begin:end] for name, array in tensors.items()}))
        file.write(record({"fm.record": str(len(cuts) - 1), "fm.end": "1", "fm.records": str(len(cuts) - 1),
                           "fm.samples": str(n), "fm.history": "[]"}, {}))


def read(data):
    """A list of (metadata, tensors): every record, the end record last."""
    records, at = [], 0
    while at < len(data):
        length = struct.unpack_from("<Q", data, at)[0]
        header = json.loads(data[at + 8:at + 8 + length])
        metadata = header.pop("__metadata__")
        body = at + 8 + length
        size = max([0] + [entry["data_offsets"][1] for entry in header.values()])
        whole = bytearray(data[at:body + size])
        whole[36:52] = ZEROS.encode()
        assert "%016x" % xxhash.xxh3_64_intdigest(bytes(whole)) == metadata["fm.xxh3"], "hash of record %d" % len(records)
        tensors = {name: np.frombuffer(data[body + entry["data_offsets"][0]:body + entry["data_offsets"][1]],
                                       DTYPES[entry["dtype"]]).reshape(entry["shape"])
                   for name, entry in header.items()}
        records.append((metadata, tensors))
        at = body + size
    return records
