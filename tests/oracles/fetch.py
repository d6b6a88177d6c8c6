"""What fm-fetch must send, from numpy alone.

    fetch.py make FOLDER            IDX files of small random pictures: train 300, t10k 70, 5 classes, 7x6
    fetch.py same FILE.fms IMAGES LABELS [BEGIN END]
                                    the stream holds these IDX files' samples, in order
    fetch.py holdout FILE.fms SOURCE.fms N|P% SEED
                                    FILE.fms is SOURCE.fms with that hold-out
    fetch.py show FILE.fms          a line a sample: part id label hash-of-picture
"""

import gzip
import os
import struct
import sys

import numpy as np
import xxhash

import stream

LOW = np.uint64(0xffffffff)


def random_u64(seed, purpose, ids):
    """Philox4x32-10's first two words of draw 0, epoch 0, for each id."""
    key = xxhash.xxh3_64_intdigest(purpose.encode(), seed=seed)
    k0, k1 = key & 0xffffffff, key >> 32
    ids = np.asarray(ids).astype(np.uint64)
    a, b, c, d = np.zeros_like(ids), np.zeros_like(ids), ids & LOW, ids >> np.uint64(32)
    for _ in range(10):
        p, q = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (q >> np.uint64(32)) ^ b ^ np.uint64(k0), q & LOW, (p >> np.uint64(32)) ^ d ^ np.uint64(k1), p & LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xffffffff, (k1 + 0xBB67AE85) & 0xffffffff
    return a + (b << np.uint64(32))


def idx(array, kind=8):
    return struct.pack(">BBBB", 0, 0, kind, array.ndim) + struct.pack(">%dI" % array.ndim, *array.shape) + array.tobytes()


def read_idx(path):
    with open(path, "rb") as file:
        data = file.read()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    rank = data[3]
    return np.frombuffer(data[4 + 4 * rank:], np.uint8).reshape(struct.unpack(">%dI" % rank, data[4:4 + 4 * rank]))


def make(folder):
    os.makedirs(folder, exist_ok=True)
    random = np.random.default_rng(5)
    for split, n in ("train", 300), ("t10k", 70):
        images = random.integers(0, 256, (n, 7, 6), np.uint8)
        images[n // 2] = images[0]
        labels = random.choice(5, n, p=[0.5, 0.2, 0.15, 0.1, 0.05]).astype(np.uint8)
        labels[:5] = np.arange(5)
        for name, array in ("images-idx3", images), ("labels-idx1", labels):
            with open(f"{folder}/{split}-{name}-ubyte", "wb") as file:
                file.write(idx(array))


def load(path):
    """All samples: image, label, id, part."""
    with open(path, "rb") as file:
        records = stream.read(file.read())
    assert records[-1][0].get("fm.end") == "1"
    parts = [metadata.get("fm.part") for metadata, tensors in records[:-1] for _ in range(len(tensors["id"]))]
    return [np.concatenate([tensors[name] for _, tensors in records[:-1]]) for name in ("image", "label", "id")] + [parts]


def same(path, images, labels, begin="0", end=None):
    image, label, ids, parts = load(path)
    rows = slice(int(begin), int(end) if end else None)
    want_images = read_idx(images)[rows]
    assert image.shape == want_images.shape + (1,) and (image[..., 0] == want_images).all(), "pictures"
    assert (label == read_idx(labels)[rows]).all(), "labels"
    assert (ids == int(begin) + np.arange(len(ids))).all(), "ids"
    assert set(parts) <= {None}, "parts"


def chosen_by_number(count, seed, label, ids):
    keys = random_u64(seed, "holdout", ids)
    classes = sorted(set(label.tolist()))
    exact = {c: (count * int((label == c).sum()), len(label)) for c in classes}
    quota = {c: a // n for c, (a, n) in exact.items()}
    by_remainder = sorted(classes, key=lambda c: (-(exact[c][0] % exact[c][1]), c))
    for c in by_remainder[:count - sum(quota.values())]:
        quota[c] += 1
    held = np.zeros(len(label), bool)
    for c in classes:
        members = np.flatnonzero(label == c)
        held[members[np.lexsort((members, keys[members]))][:quota[c]]] = True
    return held


def chosen_by_share(percent, seed, image):
    bound = int(float(percent) * 1000) * 2 ** 64 // 100000
    return np.array([xxhash.xxh3_64_intdigest(row.tobytes(), seed=seed) < bound for row in image])


def holdout(path, source, wanted, seed):
    image, label, ids, _ = load(source)
    found_image, found_label, found_ids, parts = load(path)
    held = (chosen_by_share(wanted[:-1], int(seed), image) if wanted.endswith("%")
            else chosen_by_number(int(wanted), int(seed), label, ids))
    order = np.concatenate([np.flatnonzero(held), np.flatnonzero(~held)])
    assert parts == ["holdout"] * held.sum() + ["fit"] * (~held).sum(), "parts"
    assert (found_ids == ids[order]).all(), "ids"
    assert (found_label == label[order]).all() and (found_image == image[order]).all(), "samples"


def show(path):
    image, label, ids, parts = load(path)
    for i in range(len(ids)):
        print(parts[i], ids[i], label[i], xxhash.xxh3_64_hexdigest(image[i].tobytes()))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
