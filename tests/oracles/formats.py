"""Data sets in many formats, and what fm-fetch must send of them, from numpy alone.

    formats.py csv FILE             lines "label,p0,…" of 200 random 4x3 pictures of 5 classes; FILE.npz holds the same
    formats.py same FILE.fms NPZ    the stream holds these pictures and labels, in order
    formats.py frames FILE N HxWxC  N random frames
    formats.py resize FILE.fms NPZ FIT HxW
                                    the stream holds these pictures, brought to a size by numpy alone
    formats.py labels FILE.fms      a line a sample: part id class-name
    formats.py names FILE.fms       a line a sample: class-name name
    formats.py shades FILE.fms      a line a sample: class-name name first-pixel
    formats.py equal ONE.fms OTHER.fms
                                    both have the same pictures and labels, in order
"""

import json
import sys

import numpy as np

import stream


def load(path):
    with open(path, "rb") as file:
        records = stream.read(file.read())
    assert records[-1][0].get("fm.end") == "1"
    classes = json.loads(records[0][0]["fm.classes"])
    return records, classes


def column(records, name):
    return np.concatenate([tensors[name] for _, tensors in records[:-1]])


def pictures(n=200, h=4, w=3, c=1, seed=3):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, h, w, c), np.uint8), random.integers(0, 5, n)


def csv(path):
    images, labels = pictures()
    labels[:5] = np.arange(5)
    np.savez(path + ".npz", images=images, labels=labels)
    with open(path, "w") as file:
        for image, label in zip(images, labels):
            print(label, *image.ravel(), sep=",", file=file)


def same(path, arrays):
    records, _ = load(path)
    arrays = np.load(arrays)
    image, label = column(records, "image"), column(records, "label")
    assert image.shape == arrays["images"].shape, (image.shape, arrays["images"].shape)
    assert (image == arrays["images"]).all() and (label == arrays["labels"]).all()


def frames(path, n, shape):
    h, w, c = map(int, shape.split("x"))
    images, labels = pictures(int(n), h, w, c)
    images.tofile(path)
    np.savez(path + ".npz", images=images, labels=labels * 0 - 1)


def taps(size, to):
    """The triangle filter as a matrix [to, from], in units of 2^-22."""
    scale = size / to
    reach = max(scale, 1)
    at, centre = np.arange(size) + 0.5, (np.arange(to)[:, None] + 0.5) * scale
    weight = np.maximum(0, 1 - np.abs(at - centre) / reach)
    first, last = np.floor(centre - reach + 0.5), np.floor(centre + reach + 0.5)
    weight[(np.arange(size) < first) | (np.arange(size) >= last)] = 0
    return np.floor(weight / weight.sum(1, keepdims=True) * 2 ** 22 + 0.5).astype(np.int64)


def whole(sums):
    return np.clip((sums + 2 ** 21) >> 22, 0, 255)


def stretched(images, h, w):
    images = images.astype(np.int64)
    if images.shape[2] != w:
        images = whole(np.einsum("xi,nyic->nyxc", taps(images.shape[2], w), images))
    return images if images.shape[1] == h else whole(np.einsum("yi,nixc->nyxc", taps(images.shape[1], h), images))


def share(side, wanted, other):
    return max(1, (2 * side * wanted + other) // (2 * other))


def resized(images, fit, h, w, background=255):
    _, from_h, from_w, c = images.shape
    if fit == "crop":
        wide, high = from_w * h, from_h * w
        width = share(from_h, w, h) if wide > high else from_w
        height = share(from_w, h, w) if high > wide else from_h
        y, x = (from_h - height) // 2, (from_w - width) // 2
        return stretched(images[:, y:y + height, x:x + width], h, w)
    if fit == "stretch":
        return stretched(images, h, w)
    is_wide = from_w * h > from_h * w
    height, width = (share(from_h, w, from_w), w) if is_wide else (h, share(from_w, h, from_h))
    out = np.full((len(images), h, w, c), background)
    y, x = (h - height) // 2, (w - width) // 2
    out[:, y:y + height, x:x + width] = stretched(images, height, width)
    return out


def resize(path, arrays, fit, size):
    records, _ = load(path)
    image, images = column(records, "image"), np.load(arrays)["images"]
    expected = resized(images, fit, *map(int, size.split("x")))
    assert image.shape == expected.shape, (image.shape, expected.shape)
    assert (image == expected).all(), np.abs(image - expected).max()


def labels(path):
    records, classes = load(path)
    for metadata, tensors in records[:-1]:
        for sample, label in zip(tensors["id"], tensors["label"]):
            print(metadata.get("fm.part", "-"), sample, classes[label] if label >= 0 else "?")


def names(path):
    records, classes = load(path)
    for _, tensors in records[:-1]:
        for name, label in zip(tensors["name"], tensors["label"]):
            print(classes[label] if label >= 0 else "?", name.tobytes().rstrip(b"\0").decode())


def shades(path):
    records, classes = load(path)
    for _, tensors in records[:-1]:
        for name, label, image in zip(tensors["name"], tensors["label"], tensors["image"]):
            print(classes[label] if label >= 0 else "?", name.tobytes().rstrip(b"\0").decode(), image.flat[0])


def equal(one, other):
    records, others = load(one)[0], load(other)[0]
    for name in "image", "label":
        assert np.array_equal(column(records, name), column(others, name)), name


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
