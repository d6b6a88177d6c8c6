"""Make Fashion-MNIST's files as published from those of Debian's package: fashion_mnist.py FOLDER FILE…

The package's files are the published ones without name and time in their gzip headers; both are put back here, so that
tests can serve files that have the published SHA-256.
"""

import os
import sys

PACKAGE = "/usr/share/datasets/fashion-mnist"
TIMES = {"train": 1504176606, "t10k": 1504176627}

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for name in sys.argv[2:]:
    with open(os.path.join(PACKAGE, name), "rb") as file:
        packed = file.read()
    time = TIMES[name.split("-")[0]].to_bytes(4, "little")
    plain_name = name.removesuffix(".gz").encode() + b"\0"
    with open(os.path.join(folder, name), "wb") as file:
        file.write(packed[:3] + b"\x08" + time + packed[8:10] + plain_name + packed[10:])
