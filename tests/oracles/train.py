"""Streams to train on: pictures of 8 x 8 whose brightest quarter is their class, with noise.

    train.py OUT [--samples N] [--holdout N] [--classes a,b,c] [--rows N] [--unlabelled N] [--ids none] [--names]
                 [--wrong N] [--epochs N|inf --start-epoch K --empty] [--no-counts] [--seed N]

With --epochs a repeated stream: every epoch in an order and with noise of its own, which depend on seed and epoch alone.
"""
import argparse
import json
import sys

import numpy as np

import stream

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--samples", type=int, default=120)
parser.add_argument("--holdout", type=int, default=0)
parser.add_argument("--classes", default="a,b,c")
parser.add_argument("--order", default=None, help="the classes as the stream numbers them")
parser.add_argument("--rows", type=int, default=100)
parser.add_argument("--unlabelled", type=int, default=0, help="every n-th sample has no label")
parser.add_argument("--drop-unlabelled", action="store_true")
parser.add_argument("--ids", default="given")
parser.add_argument("--names", action="store_true")
parser.add_argument("--epochs", default=None)
parser.add_argument("--start-epoch", type=int, default=0)
parser.add_argument("--empty", action="store_true", help="begin with a record without samples")
parser.add_argument("--no-counts", action="store_true")
parser.add_argument("--wrong", type=int, default=0, help="every n-th label is another class's")
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()

classes = options.classes.split(",")
order = options.order.split(",") if options.order else classes


def pictures(n):
    rng = np.random.default_rng(options.seed)
    label = rng.integers(0, len(classes), n).astype(np.int32)
    image = rng.integers(0, 120, (n, 8, 8, 1)).astype(np.uint8)
    for i, k in enumerate(label):
        y, x = 4 * (k // 2), 4 * (k % 2)
        image[i, y:y + 4, x:x + 4] += 60
    label = np.array([order.index(classes[k]) for k in label], np.int32)
    if options.wrong:
        label[::options.wrong] = (label[::options.wrong] + 1) % len(classes)
    if options.unlabelled:
        label[::options.unlabelled] = -1
    tensors = {"image": image, "label": label, "id": np.arange(n, dtype=np.int64) * 3 + 5}
    if options.names:
        tensors["name"] = np.array([list(b"picture %04d.png\0\0" % i) for i in range(n)], np.uint8)
    if options.ids == "none":
        del tensors["id"]
    if options.drop_unlabelled:
        tensors = {name: array[label >= 0] for name, array in tensors.items()}
    return tensors


def take(tensors, rows):
    return {name: array[rows] for name, array in tensors.items()}


def epoch_of(tensors, epoch):
    rng = np.random.default_rng([options.seed, epoch])
    n = len(tensors["image"])
    tensors = take(tensors, rng.permutation(n))
    noise = rng.integers(0, 40, tensors["image"].shape).astype(np.uint8)
    return {**tensors, "image": tensors["image"] + noise}


class Writer:
    def __init__(self, file, first):
        self.file, self.first, self.records, self.samples = file, first, 0, 0

    def send(self, tensors, metadata):
        n = len(tensors["image"])
        for begin in range(0, max(n, 1), options.rows):
            more = {"fm.record": str(self.records), **metadata, **(self.first if not self.records else {})}
            self.file.write(stream.record(more, take(tensors, slice(begin, begin + options.rows))))
            self.records += 1
        self.samples += n

    def end(self):
        self.file.write(stream.record({"fm.record": str(self.records), "fm.end": "1", "fm.records": str(self.records),
                                       "fm.samples": str(self.samples), "fm.history": '[{"tool":"train.py"}]'}, {}))


def main(file):
    tensors = pictures(options.samples)
    held, rest = take(tensors, slice(0, options.holdout)), take(tensors, slice(options.holdout, None))
    first = {"fm.stream": "1", "fm.classes": json.dumps(order, separators=(",", ":")),
             "fm.input": '{"h":8,"w":8,"c":1}', "fm.history": "[]"}
    mark = {"fm.part": "fit"} if options.holdout else {}
    if options.epochs:
        first.update({"fm.epochs": options.epochs, "fm.epoch.samples": str(len(rest["image"]))})
        if not options.no_counts:
            counts = {name: int((rest["label"] == k).sum()) for k, name in enumerate(order)}
            first["fm.epoch.labels"] = json.dumps(counts, separators=(",", ":"))
    writer = Writer(file, first)
    if options.holdout:
        writer.send(held, {"fm.part": "holdout"})
    if not options.epochs:
        writer.send(rest, mark)
        return writer.end()
    last = 10 ** 9 if options.epochs == "inf" else int(options.epochs)
    if options.empty or options.start_epoch == last and not options.holdout:
        writer.send(take(rest, slice(0, 0)), mark)
    for epoch in range(options.start_epoch, last):
        writer.send(epoch_of(rest, epoch), {**mark, "fm.epoch": str(epoch)})
    return writer.end()


if options.out == "-":
    try:
        main(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has enough
        sys.stderr.close()
        sys.exit(0)
else:
    with open(options.out, "wb") as out:
        main(out)
