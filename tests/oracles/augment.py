"""fm-augment against numpy and scipy: transforms and orders drawn anew from fm-tools(7), pixels from scipy.ndimage."""
import json
import math
import subprocess
import sys

import numpy as np
import scipy.ndimage

import stream
from philox import philox, uniform

PIXEL = 1 << 20


# Random numbers

def shuffled(seed, epoch, ids):
    words = philox(seed, "shuffle", 0, epoch, ids).astype(np.uint64)
    return np.lexsort((np.arange(len(ids)), words[:, 0] + (words[:, 1] << np.uint64(32))))


# Transforms

def between(low, high, u):
    return low + (high - low) * u


def keras_matrix(angle, tx, ty, shear, zx, zy, h, w):
    """Input (x, y) from output (x, y), about the centre; angles in radians."""
    rotation = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx * w], [0, 1, ty * h], [0, 0, 1]])
    shears = np.array([[1, -math.sin(shear), 0], [0, math.cos(shear), 0], [0, 0, 1]])
    zoom = np.diag([zx, zy, 1])
    centre = np.array([[1, 0, (w - 1) / 2], [0, 1, (h - 1) / 2], [0, 0, 1]])
    return centre @ rotation @ shift @ shears @ zoom @ np.linalg.inv(centre)


def half_up(value):
    return math.floor(value + 0.5)


def sample(seed, epoch, identity, h, w, ranges):
    """One sample's affine (floats), tone and erase, and its matrix."""
    r = {"rotation": 0, "zoom": 0, "shift": 0, "shift-pixels": 0, "shear": 0, "shear-degrees": 0, "flip": False, "flip-alternate": False, "erase": 0,
         "brightness": 0, "contrast": 0, **ranges}
    u = np.concatenate([uniform(philox(seed, "augment", draw, epoch, [identity])[0]) for draw in range(3)])
    shear = (math.radians(between(-r["shear-degrees"], r["shear-degrees"], u[3])) if r["shear-degrees"]
             else math.asin(between(-r["shear"], r["shear"], u[3])))
    pixels = r["shift-pixels"]
    tx, ty = ((math.floor((2 * pixels + 1) * v) - pixels) / size if pixels else between(-r["shift"], r["shift"], v)
              for v, size in ((u[2], w), (u[1], h)))
    matrix = keras_matrix(math.radians(between(-r["rotation"], r["rotation"], u[0])), tx, ty, shear,
                          between(1 - r["zoom"], 1 + r["zoom"], u[4]), between(1 - r["zoom"], 1 + r["zoom"], u[5]), h, w)
    always = uniform(philox(seed, "augment", 1, 0, [identity])[0])[2]
    if (always < 0.5) != (epoch % 2 == 1) if r["flip-alternate"] else r["flip"] and u[6] < 0.5:
        matrix = matrix @ np.array([[-1, 0, w - 1], [0, 1, 0], [0, 0, 1]])
    brightness = between(1 - r["brightness"], 1 + r["brightness"], u[7])
    contrast = between(1 - r["contrast"], 1 + r["contrast"], u[8])
    tone = [half_up(brightness * contrast * 65536), half_up(127.5 * (1 - contrast) * 65536)]
    return matrix, tone, draw_erase(seed, epoch, identity, h, w, u[9] < r["erase"], math.floor(256 * u[10]))


def draw_erase(seed, epoch, identity, h, w, is_wanted, value):
    for attempt in range(10 if is_wanted else 0):
        u = uniform(philox(seed, "augment", 3 + attempt, epoch, [identity])[0])
        area = between(0.02, 0.33, u[0]) * h * w
        aspect = math.exp(between(-math.log(3.3), math.log(3.3), u[1]))
        height, width = half_up(math.sqrt(area * aspect)), half_up(math.sqrt(area / aspect))
        if 1 <= height <= h and 1 <= width <= w:
            return [math.floor((h - height + 1) * u[2]), math.floor((w - width + 1) * u[3]), height, width, value]
    return [0, 0, 0, 0, 0]


# Pixels

def fold(at, size, fill):
    """Coordinates in 2^-20 pixel brought onto the axis; and which were outside."""
    last = (size - 1) * PIXEL
    outside = (at < 0) | (at > last)
    if fill == "reflect":
        at = at % (2 * size * PIXEL)
        at = np.where(at >= size * PIXEL, (2 * size - 1) * PIXEL - at, at)
    elif fill == "wrap" and size > 1:
        at = np.where(at < 0, last - (-at) % last, np.where(at > last, at % last, at))
    return np.clip(at, 0, last), outside


def warp(image, affine, fill, value):
    h, w, _ = image.shape
    y, x = np.mgrid[0:h, 0:w].astype(np.int64)
    from_x, outside_x = fold(affine[0] * x + affine[1] * y + affine[2], w, fill)
    from_y, outside_y = fold(affine[3] * x + affine[4] * y + affine[5], h, fill)
    from_x, from_y = (from_x + 256) >> 9, (from_y + 256) >> 9
    left, top, fx, fy = from_x >> 11, from_y >> 11, (from_x & 2047)[..., None], (from_y & 2047)[..., None]
    right, bottom = np.minimum(left + 1, w - 1), np.minimum(top + 1, h - 1)
    p = image.astype(np.int64)
    total = ((2048 - fy) * ((2048 - fx) * p[top, left] + fx * p[top, right]) +
             fy * ((2048 - fx) * p[bottom, left] + fx * p[bottom, right]))
    result = ((total + (1 << 21)) >> 22).astype(np.uint8)
    if fill == "constant":
        result[outside_x | outside_y] = value
    return result


def transformed(image, matrix, tone, erase, fill="nearest", value=0):
    affine = [half_up(k * PIXEL) for k in matrix[:2].ravel()]
    result = warp(image, affine, fill, value)
    result = np.clip((result.astype(np.int64) * tone[0] + tone[1] + (1 << 15)) >> 16, 0, 255).astype(np.uint8)
    y, x, h, w, level = erase
    result[y:y + h, x:x + w] = level
    return result


# The tool

def augment(*options, path="in.fms"):
    command = ["fm-augment", *map(str, options), path]
    return stream.read(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def make(shape, n, seed=0, **more):
    random = np.random.default_rng(seed)
    tensors = {"image": random.integers(0, 256, (n, *shape), np.uint8),
               "label": random.integers(-1, 3, n).astype(np.int32),
               "id": random.permutation(n).astype(np.int64) * 0x100000001 + 5}
    stream.write("in.fms", tensors, ["a", "b", "c"], **more)
    return tensors


def joined(records, name):
    return np.concatenate([tensors[name] for _, tensors in records if name in tensors])


def options_of(ranges):
    return [word for name, value in ranges.items()
            for word in (["--" + name] if value is True else ["--" + name, value])]


RECIPES = [
    {"rotation": 10, "zoom": 0.1, "shift": 0.1, "shear": 0.1},
    {"rotation": 180, "zoom": 0.5, "shift": 0.3, "shear-degrees": 40, "flip": True},
    {"flip": True, "erase": 0.7, "brightness": 0.4, "contrast": 0.9},
    {"rotation": 5, "erase": 1, "brightness": 1, "flip": True},
    {"shift-pixels": 2, "flip-alternate": True, "erase": 0.25},
]


def test_sampler():
    """One pass: every pixel of every sample, bit for bit, from the random words on."""
    for number, ranges in enumerate(RECIPES):
        for fill in ("nearest", "constant", "reflect", "wrap"):
            h, w, c = [(28, 28, 1), (13, 31, 3), (1, 1, 2), (9, 100, 1), (28, 28, 1)][number]
            tensors = make((h, w, c), 40, seed=number)
            records = augment(*options_of(ranges), "--seed", 7 + number, "--fill", fill, "--fill-value", 9)
            for name in ("id", "label"):
                assert (joined(records, name) == tensors[name]).all(), name
            for image, identity, result in zip(tensors["image"], tensors["id"], joined(records, "image")):
                expected = transformed(image, *sample(7 + number, 0, identity, h, w, ranges), fill, 9)
                assert (expected == result).all(), (ranges, fill, identity)


def test_epochs():
    """Hold-out first and unchanged, then epochs, each in its own order and with its own transforms."""
    tensors = make((12, 17, 1), 300, holdout=70, rows=64)
    ranges = RECIPES[0]
    records = augment("--preset", "seed", "--seed", 3, "--epochs", 3)
    first, end = records[0][0], records[-1][0]
    fit = slice(70, None)
    counts = {name: int((tensors["label"][fit] == k).sum()) for k, name in enumerate("abc")}
    assert (first["fm.epochs"], first["fm.epoch.samples"]) == ("3", "230"), first
    assert json.loads(first["fm.epoch.labels"]) == counts, first
    assert end["fm.samples"] == str(70 + 3 * 230), end
    held = [entry for entry in records if entry[0].get("fm.part") == "holdout"]
    assert all("fm.epoch" not in metadata for metadata, _ in held)
    for name in tensors:
        assert (joined(held, name) == tensors[name][:70]).all(), name
    for epoch in range(3):
        sent = [entry for entry in records if entry[0].get("fm.epoch") == str(epoch)]
        assert all(metadata["fm.part"] == "fit" for metadata, _ in sent)
        order = 70 + shuffled(3, epoch, tensors["id"][fit])
        for name in ("id", "label"):
            assert (joined(sent, name) == tensors[name][order]).all(), (epoch, name)
        for row, result in zip(order[:40], joined(sent, "image")):
            expected = transformed(tensors["image"][row],
                                   *sample(3, epoch, tensors["id"][row], 12, 17, ranges))
            assert (expected == result).all(), (epoch, row)


def test_whole_pixels():
    """--shift-pixels moves without interpolation, -N to N alike often; --flip-alternate shows both sides in two epochs."""
    tensors = make((16, 16, 1), 3000, seed=3)
    records = augment("--shift-pixels", 2, "--fill", "constant", "--flip-alternate", "--epochs", 4)
    seen = {}
    counts = np.zeros((5, 5), int)
    where = {identity: row for row, identity in enumerate(tensors["id"])}
    for metadata, sent in records:
        for image, identity in zip(sent.get("image", []), sent.get("id", [])):
            original = tensors["image"][where[identity]]
            found = [(y, x, m) for m in (False, True) for y in range(-2, 3) for x in range(-2, 3)
                     if (moved(original, y, x, m) == image).all()]
            assert len(found) == 1, found
            counts[found[0][0] + 2, found[0][1] + 2] += 1
            seen.setdefault(identity, {})[int(metadata["fm.epoch"])] = found[0][2]
    assert all(s[0] != s[1] and s[0] == s[2] and s[1] == s[3] for s in seen.values()) and len(seen) == 3000
    assert 0.45 < np.mean([s[0] for s in seen.values()]) < 0.55
    assert counts.sum() == 12000 and abs(counts - 480).max() < 5 * 480 ** 0.5, counts


def moved(image, y, x, is_mirrored):
    """image as the transform reads it: from y, x on, zeros outside."""
    h, w, _ = image.shape
    source = np.pad(image, ((2, 2), (2, 2), (0, 0)))[2 + y:2 + y + h, 2 + x:2 + x + w]
    return source[:, ::-1] if is_mirrored else source


def affine_of(random, shape, number):
    """The six numbers of --affine: some meet borders and seams exactly."""
    h, w = shape[:2]
    if number == 0:
        return [1, 0, w - 1, 0, 1, 1 - h]
    if number == 1:
        return [-1, 0, w - 1.5, 0, -1, h - 0.5]
    matrix = np.eye(2) + random.normal(0, 0.3, (2, 2))
    centre = np.array([(w - 1) / 2, (h - 1) / 2])
    shift = centre - matrix @ centre + random.normal(0, 0.2, 2) * [w, h]
    return [matrix[0, 0], matrix[0, 1], shift[0], matrix[1, 0], matrix[1, 1], shift[1]]


def near_seam(at, size, fill):
    """Where scipy jumps, its doubles and our 2^-20 pixel may fall on either side."""
    if fill == "constant":
        return (abs(at) < 2.0 ** -10) | (abs(at - (size - 1)) < 2.0 ** -10)
    if fill == "wrap" and size > 1:
        return abs(at - np.round(at / (size - 1)) * (size - 1)) < 2.0 ** -10
    return np.zeros(at.shape, bool)


def compare_scipy(image, numbers, fill, result, excuse):
    h, w, c = image.shape
    a, b, k, d, e, f = numbers
    y, x = np.mgrid[0:h, 0:w]
    excused = near_seam(a * x + b * y + k, w, fill) | near_seam(d * x + e * y + f, h, fill) if excuse else False
    for channel in range(c):
        expected = scipy.ndimage.affine_transform(image[..., channel].astype(float), [[e, d], [b, a]], offset=[f, k],
                                                  order=1, mode=fill, cval=77)
        error = np.where(excused, 0, abs(expected - result[..., channel]))
        assert error.max() <= 1, (image.shape, numbers, fill, error.max())


def test_scipy():
    """--affine against scipy.ndimage.affine_transform: at most 1 grey level, odd sizes, up to 1,000 pixels wide."""
    random = np.random.default_rng(5)
    shapes = [(28, 28, 1), (1, 1, 1), (1, 7, 1), (7, 1, 3), (2, 2, 1), (31, 17, 3), (5, 1000, 1), (64, 64, 1), (33, 999, 3)]
    for shape in shapes:
        image = make(shape, 1, seed=sum(shape))["image"][0]
        for number in range(5):
            numbers = affine_of(random, shape, number)
            rounded = [half_up(k * PIXEL) / PIXEL for k in numbers]
            text = ",".join("%.17g" % k for k in numbers)
            for fill in ("nearest", "constant", "reflect", "wrap"):
                result = joined(augment("--affine=" + text, "--fill", fill, "--fill-value", 77), "image")[0]
                compare_scipy(image, numbers, fill, result, excuse=True)
                compare_scipy(image, rounded, fill, result, excuse=False)


def test_keras():
    """Random transforms against scipy with Keras's matrix, in doubles all the way."""
    for fill in ("nearest", "constant", "reflect", "wrap"):
        tensors = make((28, 28, 1), 200, seed=4)
        records = augment("--preset", "keras", "--seed", 2, "--fill", fill, "--fill-value", 77)
        ranges = {"rotation": 10, "zoom": 0.1, "shift": 0.1, "shear-degrees": 0.1}
        for image, identity, result in zip(tensors["image"], tensors["id"], joined(records, "image")):
            matrix = sample(2, 0, identity, 28, 28, ranges)[0]
            compare_scipy(image, matrix[:2].ravel(), fill, result, excuse=True)


sys.exit(globals()["test_" + sys.argv[1]]())
