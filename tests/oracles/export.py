"""What fm-export wrote, read by somebody else: python3 export.py WHAT FILE..."""
import csv
import glob
import json
import os
import struct
import sys
import tarfile
import zlib

import numpy as np

import stream


def samples(path):
    """All samples of a tensor stream, {tensor: array}; names as a list of text; classes."""
    records = stream.read(open(path, "rb").read())[:-1]
    arrays = {name: np.concatenate([tensors[name] for _, tensors in records]) for name in records[0][1] if name != "name"}
    if "name" in records[0][1]:
        rows = [row for _, tensors in records for row in tensors["name"]]
        arrays["name"] = [row.tobytes().split(b"\0")[0].decode() for row in rows]
    return arrays, json.loads(records[0][0]["fm.classes"])


def agree(prob, predicted):
    worst = np.abs(prob - samples(predicted)[0]["prob"]).max()
    print("largest difference %g" % worst)
    assert worst <= 1e-5, worst


# --- protobuf: (field, wire type, value) of a message; the structure alone, without any schema ---


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    at, found = 0, {}
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            size, at = varint(data, at)
            value = data[at : at + size]
            assert len(value) == size, "a field ends after its message"
            at += size
        elif wire == 5:
            value = struct.unpack_from("<f", data, at)[0]
            at += 4
        else:
            raise ValueError("wire type %d" % wire)
        found.setdefault(number, []).append(value)
    return found


def tensors(path):
    """Of a safetensors file."""
    data = open(path, "rb").read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    about = header.pop("__metadata__")
    body = data[8 + length :]
    return {name: (t["shape"], body[slice(*t["data_offsets"])]) for name, t in header.items()}, about


def structure(onnx, model, folded):
    """The wire format of an ONNX file: numbers of the public specification, every edge known, weights those of the model."""
    message = fields(open(onnx, "rb").read())
    assert message[1] == [7] and message[2] == [b"fm-tools"], "ir_version, producer"
    assert fields(message[8][0]) == {1: [b""], 2: [13]}, "operator set"
    weights, about = tensors(model)
    entries = {fields(e)[1][0].decode(): fields(e)[2][0].decode() for e in message[14]}
    assert entries["fm.arch"] == about["fm.arch"]
    assert json.loads(entries["fm.classes"]) == json.loads(about["fm.classes"])
    graph = fields(message[7][0])
    initial = {}
    for tensor in map(fields, graph[5]):
        shape, count = tensor[1], int(np.prod(tensor[1]))
        assert tensor[2] == [1] and len(tensor[9][0]) == 4 * count
        initial[tensor[8][0].decode()] = (shape, tensor[9][0])
    if not folded:
        for name, weight in weights.items():
            assert name.startswith("fm.") or initial[name] == weight, name
    (value,) = map(fields, graph[11])
    assert value[1] == [b"image"]
    known = set(initial) | {"image"}
    operations = []
    for node in map(fields, graph[1]):
        for name in node[1]:
            assert name.decode() in known, name
        known |= {name.decode() for name in node[2]}
        operations.append(node[4][0].decode())
        for attribute in map(fields, node.get(5, [])):
            assert attribute[20][0] in (1, 2, 7)
    (value,) = map(fields, graph[12])
    assert value[1] == [b"prob"] and "prob" in known
    assert operations[:4] == ["Cast", "Transpose", "Mul", "Add"] and operations[-1] == "Softmax"
    print(" ".join(operations))


def runtime(onnx, pictures, predicted):
    """onnx.checker, and ONNX Runtime against fm-predict."""
    import onnx as library
    import onnxruntime

    library.checker.check_model(onnx, full_check=True)
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    agree(session.run(["prob"], {"image": samples(pictures)[0]["image"]})[0], predicted)


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def attributes(node):
    """{name: whole number, float, or list of whole numbers}"""
    found = {}
    for a in map(fields, node.get(5, [])):
        found[a[1][0].decode()] = {1: lambda: a[2][0], 2: lambda: signed(a[3][0]), 7: lambda: list(map(signed, a[8]))}[a[20][0]]()
    return found


def windows(x, kernel, strides):
    """[n, c, h, w] -> [n, c, out h, out w, kernel h, kernel w]"""
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))
    return view[:, :, :: strides[0], :: strides[1]]


def convolve(x, w, b=0.0, *, kernel_shape, strides, pads, group=1):
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    parts = zip(np.split(x, group, axis=1), np.split(w, group))
    y = [np.einsum("nchwij,ocij->nohw", windows(part, kernel_shape, strides), filters) for part, filters in parts]
    return np.concatenate(y, axis=1) + np.reshape(b, (1, -1, 1, 1))


def normalise(x, gamma, beta, mean, variance, *, epsilon):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + epsilon) * gamma.reshape(shape) + beta.reshape(shape)


def exponents(x, axis):
    x = np.exp(x - x.max(axis=axis, keepdims=True))
    return x / x.sum(axis=axis, keepdims=True)


# What the specification says of each operation that fm-export writes, in double.
OPERATIONS = {
    "Cast": lambda x, to: x.astype(float),
    "Transpose": lambda x, perm: x.transpose(perm),
    "Mul": lambda x, y: x * y,
    "Add": lambda x, y: x + y,
    "Conv": convolve,
    "Gemm": lambda x, w, b=0.0, *, transB: x @ (w.T if transB else w) + b,
    "BatchNormalization": normalise,
    "Relu": lambda x: np.maximum(x, 0),
    "MaxPool": lambda x, kernel_shape, strides: windows(x, kernel_shape, strides).max((4, 5)),
    "AveragePool": lambda x, kernel_shape, strides: windows(x, kernel_shape, strides).mean((4, 5)),
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdims=True),
    "Flatten": lambda x, axis: x.reshape(int(np.prod(x.shape[:axis])), -1),
    "Softmax": exponents,
}


def interpret(onnx, pictures, predicted):
    """Compute the graph as the specification reads, and compare with fm-predict."""
    graph = fields(fields(open(onnx, "rb").read())[7][0])
    values = {t[8][0]: np.frombuffer(t[9][0], "<f4").reshape(t[1]).astype(float) for t in map(fields, graph[5])}
    values[b"image"] = samples(pictures)[0]["image"]
    for node in map(fields, graph[1]):
        operation = OPERATIONS[node[4][0].decode()]
        values[node[2][0]] = operation(*(values[name] for name in node[1]), **attributes(node))
    agree(values[b"prob"], predicted)


# --- streams ---


def png(data):
    """Pixels [h, w, c] of an 8-bit grey or RGB PNG, checked chunk by chunk."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + chunk)
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunk)
            assert depth == 8 and colour in (0, 2) and not interlace
            step = 3 if colour else 1
        elif kind == b"IDAT":
            body += chunk
        at += 12 + size
    body = zlib.decompress(body)
    rows, above, length = [], [0] * (width * step), width * step
    for y in range(height):
        kind, line = body[y * (length + 1)], list(body[y * (length + 1) + 1 : (y + 1) * (length + 1)])
        for x in range(length):
            a, b, c = (line[x - step] if x >= step else 0), above[x], (above[x - step] if x >= step else 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        rows.append(line)
        above = line
    return np.array(rows, np.uint8).reshape(height, width, step)


def folders(source, target):
    """PNG files in class folders, by name where there are names, else by id: every pixel of every sample, and no more."""
    arrays, classes = samples(source)
    files = {os.path.relpath(path, target) for path in glob.glob(target + "/**", recursive=True) if os.path.isfile(path)}
    for i, image in enumerate(arrays["image"]):
        stem = os.path.splitext(arrays["name"][i])[0] if "name" in arrays else "%09d" % arrays["id"][i]
        folder = classes[arrays["label"][i]].replace("/", "%2F")
        path = (stem if stem.startswith(folder + "/") else folder + "/" + stem) + ".png"
        files.remove(path)
        assert (png(open(os.path.join(target, path), "rb").read()) == image).all(), path
    assert not files, files


def numpy_folder(source, target):
    arrays, classes = samples(source)
    if os.path.isdir(target):
        found = {name[:-4]: np.load(os.path.join(target, name)) for name in os.listdir(target)}
    else:
        found = dict(np.load(target))
    for theirs, ours in {"images": "image", "labels": "label", "id": "id", "prob": "prob"}.items():
        assert (theirs in found) == (ours in arrays), theirs
        if ours in arrays:
            assert found[theirs].dtype == arrays[ours].dtype and (found[theirs] == arrays[ours]).all(), theirs
            assert found[theirs].shape == arrays[ours].shape
    assert found["classes"].tolist() == classes


def table(source, target):
    arrays, _ = samples(source)
    rows = list(csv.reader(open(target)))
    pixels = arrays["image"].reshape(len(arrays["image"]), -1)
    assert rows[0] == ["label"] + ["p%d" % i for i in range(pixels.shape[1])]
    values = np.array(rows[1:], int).reshape(-1, pixels.shape[1] + 1)
    assert (values[:, 0] == arrays["label"]).all() and (values[:, 1:] == pixels).all()


def webdataset(source, target):
    """As WebDataset reads it: neighbours of one key are one sample, a key ends at the first dot of its last component."""
    arrays, _ = samples(source)
    grouped = []
    for member in tarfile.open(target):
        folder, base = os.path.split(member.name)
        assert member.isfile() and not member.name.startswith("/") and ".." not in member.name.split("/"), member.name
        key = (folder, base.split(".", 1)[0])
        if not grouped or grouped[-1][0] != key:
            grouped.append((key, {}))
        suffix = base.split(".", 1)[1]
        assert suffix not in grouped[-1][1], member.name
        grouped[-1][1][suffix] = tarfile.open(target).extractfile(member.name).read()
    assert len(grouped) == len(arrays["image"])
    for i, (_, parts) in enumerate(grouped):
        assert (png(parts["png"]) == arrays["image"][i]).all()
        assert int(parts.get("cls", -1)) == arrays["label"][i]


def make(target, *names):
    """A stream of 5 x 3 RGB pictures with these names, of the class "cat" or "dog/\n" by turns; or with a "-" first of no class."""
    random = np.random.default_rng(1)
    width = max(len(name.encode()) for name in names)
    tensors = {
        "image": random.integers(0, 256, (len(names), 5, 3, 3), np.uint8),
        "label": np.array([-1 if name.startswith("-") else i % 2 for i, name in enumerate(names)], np.int32),
        "id": np.arange(len(names), dtype=np.int64),
        "name": np.array([list(name.encode().ljust(width, b"\0")) for name in names], np.uint8),
    }
    stream.write(target, tensors, ["cat", "dog/\n"])


def pixels(pictures, target):
    """The pictures of a stream, bare."""
    samples(pictures)[0]["image"].tofile(target)


def floats(source, predicted):
    prob = samples(predicted)[0]["prob"]
    agree(np.fromfile(source, "<f4").reshape(prob.shape), predicted)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:], **({"folded": False} if sys.argv[1] == "structure" and len(sys.argv) < 5 else {}))
