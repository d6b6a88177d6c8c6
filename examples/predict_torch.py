#!/usr/bin/python3
"""Predict with PyTorch what fm-predict predicted, and compare.

usage: fm-predict -m MODEL --format stream < pictures.fms | predict_torch.py MODEL

Prints the number of pictures and the largest difference of any probability; exits 1 if it is above 1e-4.
"""
import json
import struct
import sys

import numpy as np

import fm_torch


def records(stream):
    """The records of a tensor stream: {name: array} each; see fm-stream(5)."""
    while True:
        length = stream.read(8)
        if len(length) < 8:
            sys.exit("predict_torch.py: the stream ends before its end record; whatever made it has failed")
        header = json.loads(stream.read(*struct.unpack("<Q", length)))
        metadata = header.pop("__metadata__")
        if "fm.end" in metadata:
            return
        size = max((about["data_offsets"][1] for about in header.values()), default=0)
        data = stream.read(size)
        yield {
            name: np.frombuffer(data[about["data_offsets"][0] : about["data_offsets"][1]],
                                fm_torch.NUMPY[about["dtype"]]).reshape(about["shape"])
            for name, about in header.items()
        }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    model = fm_torch.Model(sys.argv[1])
    count, largest = 0, 0.0
    for record in records(sys.stdin.buffer):
        if len(record["image"]):
            difference = np.abs(model.predict(record["image"]) - record["prob"])
            largest = max(largest, float(np.nan_to_num(difference, nan=np.inf).max()))
            count += len(difference)
    print(f"{count} pictures, largest difference {largest:.2e}")
    return 0 if count and largest <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
