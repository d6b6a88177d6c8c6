"""Lazy streams, fm-stream(5), for tests: sound ones, hostile ones, and what a stream of epochs says of its rows."""
import json
import struct
import sys

import numpy as np
import xxhash

import stream

SIDE = 6
IDENTITY = [1 << 20, 0, 0, 0, 1 << 20, 0]


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def first(**more):
    return {"fm.stream": "1", "fm.classes": compact(["a", "b"]), "fm.input": compact({"h": SIDE, "w": SIDE, "c": 1}),
            "fm.history": "[]", "fm.epochs": "2", "fm.epoch.samples": "3", "fm.form": "lazy", "fm.fill": "nearest", **more}


def data(n, start=0, more=None):
    random = np.random.default_rng(start)
    return {"image": random.integers(0, 256, (n, SIDE, SIDE, 1), np.uint8),
            "label": (np.arange(n) % 2).astype(np.int32), "id": np.arange(start, start + n, dtype=np.int64), **(more or {})}


def rows(*which, affine=None, tone=(1 << 16, 0), erase=(0, 0, 0, 0, 0)):
    """An epoch's record of these rows; the last one has the transform."""
    n = len(which)
    tensors = {"row": np.array(which, np.int64), "affine": np.tile(np.array(IDENTITY, np.int32), (n, 1)),
               "tone": np.tile(np.array([1 << 16, 0], np.int32), (n, 1)), "erase": np.zeros((n, 5), np.int32)}
    tensors["affine"][-1] = IDENTITY if affine is None else affine
    tensors["tone"][-1] = tone
    tensors["erase"][-1] = erase
    return tensors


def without(tensors, name):
    return {key: array for key, array in tensors.items() if key != name}


def build(records, end=True, content=None, samples=None):
    """Bytes of a stream of (metadata, tensors), its hashes right."""
    records = [({"fm.record": str(i), **metadata}, tensors) for i, (metadata, tensors) in enumerate(records)]
    body = b"".join(stream.record(metadata, tensors) for metadata, tensors in records)
    if not end:
        return body
    n = sum(len(next(iter(tensors.values()))) for _, tensors in records)
    metadata = {"fm.record": str(len(records)), "fm.history": "[]", "fm.end": "1", "fm.records": str(len(records)),
                "fm.samples": str(n if samples is None else samples)}
    metadata["fm.content"] = content or content_of(records)
    return body + stream.record(metadata, {})


def content_of(records):
    """fm.content, as the page says it."""
    tensors = {}
    for _, found in records:
        for name, array in found.items():
            tensors.setdefault(name, []).append(array)
    text = ""
    for name in sorted(tensors):
        arrays = tensors[name]
        shape = ",".join(map(str, arrays[0].shape[1:]))
        body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
        if name == "name":
            shape = "*"
            body = b"".join(bytes(row).split(b"\0")[0] + b"\0" for array in arrays for row in array)
        text += "%s %s %s %016x\n" % (name, stream.NAMES[arrays[0].dtype], shape, xxhash.xxh3_64_intdigest(body))
    return "%016x" % xxhash.xxh3_64_intdigest(text.encode())


HOLDOUT, FIT = {"fm.part": "holdout"}, {"fm.part": "fit"}


def epoch(number, marked=True):
    return {**(FIT if marked else {}), "fm.epoch": str(number)}


def sound(**more):
    """Two hold-out samples, three to fit, two epochs; the second in two records."""
    return [({**HOLDOUT, **first(**more)}, data(2)), (FIT, data(3, 2)), (epoch(0), rows(2, 3, 4)),
            (epoch(1), rows(4, 2, affine=[-1 << 20, 0, 5 << 20, 0, 1 << 20, 1 << 19], tone=(90000, -1 << 20),
                            erase=(1, 2, 3, 2, 200))), (epoch(1), rows(3))]


def replaced(at, *records):
    made = sound()
    made[at:at + 1] = records
    return made


def hostile():
    """name: (bytes, the record that the message is about or None, words of the message)"""
    def last(**transform):
        return replaced(3, (epoch(1), rows(4, 2, **transform)))

    wide = np.iinfo(np.int32)
    plain = without({**HOLDOUT, **first()}, "fm.form")
    cases = {
        "row beyond": (replaced(2, (epoch(0), rows(2, 3, 5))), 2, "sample 2: its tensor \"row\" is 5"),
        "row far beyond": (replaced(2, (epoch(0), rows(2, 3, 1 << 62))), 2, "the data set has 5 samples"),
        "row negative": (replaced(2, (epoch(0), rows(2, -1, 4))), 2, "sample 1: its tensor \"row\" is -1"),
        "row held out": (replaced(2, (epoch(0), rows(1, 3, 4))), 2, "hold-out"),
        "affine too far": (last(affine=[1 << 20, 0, 2047 << 20, 0, 1 << 20, 0]), 3, "affine"),
        "affine wraps": (last(affine=[wide.max] * 6), 3, "at most"),
        "affine far back": (last(affine=[0, 0, wide.min, 0, 0, 0]), 3, "pixel 2048"),
        "affine in y": (last(affine=[1 << 20, 0, 0, 0, wide.min, 0]), 3, "affine"),
        "box negative": (last(erase=[-1, 0, 2, 2, 0]), 3, "erase"),
        "box of negative size": (last(erase=[3, 3, 1, -1, 0]), 3, "erase"),
        "box too low": (last(erase=[5, 0, 2, 1, 0]), 3, "outside"),
        "box overflows": (last(erase=[0, wide.max, 1, wide.max, 0]), 3, "outside"),
        "level too high": (last(erase=[0, 0, 1, 1, 256]), 3, "level 256"),
        "level negative": (last(erase=[0, 0, 0, 0, -1]), 3, "level -1"),
        "epoch first": ([(epoch(0), rows(0))] + sound(), 0, "fm.stream is missing"),
        "epoch in the first record": (replaced(0, ({**epoch(0), **first()}, data(2))), 0, "come first"),
        "no data set": ([({**FIT, **first()}, data(0)), (epoch(0), rows(0, 0, 0)), (epoch(1), rows(0, 0, 0))], 1, "0 samples"),
        "data after an epoch": (replaced(3, (FIT, data(1, 9))), 3, "before all epochs"),
        "hold-out after an epoch": (replaced(3, (HOLDOUT, data(1, 9))), 3, "must come first"),
        "hold-out with an epoch": (replaced(1, ({**HOLDOUT, "fm.epoch": "0"}, rows(0))), 1, "hold-out record"),
        "pictures in an epoch": (replaced(2, (epoch(0), data(3))), 2, "needs it"),
        "pictures beside rows": (replaced(2, (epoch(0), {**rows(2, 3, 4), **data(3)})), 2, "holds 7 tensors"),
        "rows in the data set": (replaced(1, (FIT, rows(0))), 1, "is missing"),
        "rows beside pictures": (replaced(1, (FIT, data(3, 2, {"row": np.zeros(3, np.int64)}))), 1, "holds 4 tensors"),
        "a data set with rows": (replaced(0, ({**HOLDOUT, **first()}, data(2, 0, {"tone": np.zeros(2, np.int64)}))), 0,
                                 "needs the name"),
        "affine of other width": (replaced(2, (epoch(0), {**rows(2, 3, 4), "affine": np.zeros((3, 5), np.int32)})), 2, "affine"),
        "affine of other length": (replaced(2, (epoch(0), {**rows(2, 3, 4), "affine": np.zeros((2, 6), np.int32)})), 2, "affine"),
        "row of other type": (replaced(2, (epoch(0), {**rows(2, 3, 4), "row": np.zeros(3, np.int32)})), 2, "row"),
        "an epoch is short": (replaced(2, (epoch(0), rows(2, 3))), 3, "epoch 0 has 2 samples"),
        "epochs in another order": (sound()[:2] + [(epoch(1), rows(2, 3, 4)), (epoch(0), rows(2, 3, 4))], 3, "follows"),
        "epochs are missing": (sound()[:3], 3, "ends after epoch 0"),
        "label unknown": (replaced(1, (FIT, {**data(3, 2), "label": np.array([0, 2, 1], np.int32)})), 1, "label 2"),
        "fill unknown": (replaced(0, ({**HOLDOUT, **first(**{"fm.fill": "mirror"})}, data(2))), 0, "fm.fill"),
        "level of the fill": (replaced(0, ({**HOLDOUT, **first(**{"fm.fill": "constant 256"})}, data(2))), 0, "fm.fill"),
        "form unknown": (replaced(0, ({**HOLDOUT, **first(**{"fm.form": "eager"})}, data(2))), 0, "fm.form"),
        "no form": (replaced(0, (plain, data(2))), 1, "fm.epoch is missing"),
        "no epochs": (replaced(0, (without({**HOLDOUT, **first()}, "fm.epochs"), data(2))), 0, "fm.epochs is missing"),
    }
    for name in ("row", "affine", "tone", "erase"):
        cases["without " + name] = (replaced(2, (epoch(0), without(rows(2, 3, 4), name))), 2, "\"%s\" is missing" % name)
    built = {name: (build(records), at, words) for name, (records, at, words) in cases.items()}
    built["joined"] = (2 * build(sound()), 0, "can't be joined")
    built["joined to a plain one"] = (build([(without(without(without(first(), "fm.epochs"), "fm.form"), "fm.fill"), data(2))]) +
                                      build(sound()), 0, "can't be joined")
    built["torn"] = (build(sound(), end=False), 5, "torn")
    built["samples of the data set alone"] = (build(sound(), samples=5), 5, "fm.samples")
    built["another content"] = (build(sound(), content=content_of(sound()[:4])), 5, "fm.content says")
    return built


def write_hostile(folder):
    for i, (name, (body, at, words)) in enumerate(hostile().items()):
        with open("%s/%d.fms" % (folder, i), "wb") as file:
            file.write(body)
        with open("%s/%d.says" % (folder, i), "w") as file:
            file.write("%s\n%s\n%s\n" % (name, at, words))


def check(path):
    """A stream that fm-augment --lazy has sent is what the page says."""
    records = stream.read(open(path, "rb").read())
    data_set = [found for metadata, found in records[:-1] if "fm.epoch" not in metadata]
    epochs = [(metadata, found) for metadata, found in records[:-1] if "fm.epoch" in metadata]
    assert ["fm.epoch" in metadata for metadata, _ in records[:-1]] == [False] * len(data_set) + [True] * len(epochs)
    for metadata, found in epochs:
        assert list(found) == ["row", "affine", "erase", "tone"], list(found)
    keys = list(records[0][0])
    assert keys.index("fm.form") + 1 == keys.index("fm.fill") > keys.index("fm.epoch.samples")
    end = records[-1][0]
    assert end["fm.content"] == content_of(records[:-1])
    assert int(end["fm.samples"]) == sum(len(next(iter(found.values()))) for _, found in records[:-1])
    holdout = sum(len(found["id"]) for (metadata, found) in records[:-1] if metadata.get("fm.part") == "holdout")
    total = sum(len(found["id"]) for found in data_set)
    for number in {metadata["fm.epoch"] for metadata, _ in epochs}:
        used = np.concatenate([found["row"] for metadata, found in epochs if metadata["fm.epoch"] == number])
        assert sorted(used) == list(range(holdout, total)), "epoch " + number
    print(records[0][0]["fm.fill"])


def split(path, rows):
    """The same stream, its epochs in records of so many rows."""
    made = []
    records = stream.read(open(path, "rb").read())
    for metadata, found in records[:-1]:
        n = len(next(iter(found.values())))
        step = rows if "fm.epoch" in metadata else n
        made += [(metadata, {name: array[at:at + step] for name, array in found.items()}) for at in range(0, n, step)]
    made.append(({**records[-1][0], "fm.records": str(len(made))}, {}))
    return b"".join(stream.record({**metadata, "fm.xxh3": stream.ZEROS, "fm.record": str(i)}, found)
                    for i, (metadata, found) in enumerate(made))


def change(path, name, epoch=None, index=None, value=None):
    """The same stream with another number in the first record of that epoch ("None": of what is to fit), or another fill."""
    made, is_done = b"", False
    for metadata, found in stream.read(open(path, "rb").read()):
        if name == "fill" and "fm.fill" in metadata:
            metadata["fm.fill"] = "nearest"
        elif name in found and not is_done and str(metadata.get("fm.epoch")) == epoch and metadata.get("fm.part") == "fit":
            found[name] = found[name].copy()
            found[name].flat[int(index)] = int(value)
            is_done = True
        made += stream.record({key: v for key, v in metadata.items() if key not in ("fm.xxh3", "fm.content")}, found)
    return made


def compare(plain, lazy, path):
    """Two models, of a plain stream and of the lazy one of that path, but for what their histories say of it, are one."""
    end = stream.read(open(path, "rb").read())[-1][0]
    parts = []
    for model in (plain, lazy):
        body = open(model, "rb").read()
        length = struct.unpack_from("<Q", body)[0]
        header = json.loads(body[8:8 + length])
        metadata = header["__metadata__"]
        metadata["fm.history"] = json.loads(metadata["fm.history"])
        read = metadata["fm.history"][0]["inputs"][0]
        is_lazy = read["history"][0]["options"].pop("lazy", False)
        parts.append((is_lazy, read.pop("content"), read.pop("samples"), header, body[8 + length:]))
    assert [part[0] for part in parts] == [False, True]
    assert parts[1][1:3] == (end["fm.content"], int(end["fm.samples"])), (parts[1][1:3], end)
    assert parts[0][3:] == parts[1][3:]


if __name__ == "__main__":
    if sys.argv[1] == "hostile":
        write_hostile(sys.argv[2])
    elif sys.argv[1] == "sound":
        sys.stdout.buffer.write(build(sound()))
    elif sys.argv[1] == "split":
        sys.stdout.buffer.write(split(sys.argv[2], int(sys.argv[3])))
    elif sys.argv[1] == "change":
        sys.stdout.buffer.write(change(*sys.argv[2:]))
    elif sys.argv[1] == "compare":
        compare(*sys.argv[2:])
    else:
        check(sys.argv[2])
