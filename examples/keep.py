#!/usr/bin/python3
"""keep: pass on the samples of the named classes: a filter for tensor streams, written from fm-stream(5) alone.

    fm-fetch fashion-mnist --range 0:1000 | examples/keep.py Sandal 'Ankle boot' | fm-info

Needs numpy and xxhash (Debian: python3-numpy, python3-xxhash).
"""
import json
import re
import signal
import struct
import sys

import numpy
import xxhash

DTYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
          "I64": "<i8", "F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}
MAGIC = b'{"__metadata__":{"fm.xxh3":"'


class Bad(Exception):
    """Input that is not a whole, sound stream."""


def no_duplicates(pairs):
    if len(dict(pairs)) != len(pairs):
        raise Bad("duplicate keys")
    return dict(pairs)


def read_exactly(file, size):
    data = file.read(size)
    if len(data) != size:
        raise Bad("the stream is torn")
    return data


def read_record(file):
    """One record: (metadata, {name: (dtype, array)}), or None at the end of the input."""
    length = file.read(8)
    if not length:
        return None
    if len(length) < 8:
        raise Bad("the stream is torn")
    size = struct.unpack("<Q", length)[0]
    if size > 16 << 20:
        raise Bad("a header of %d bytes" % size)
    text = read_exactly(file, size)
    if not text.startswith(MAGIC):
        raise Bad("not a tensor stream")
    header = json.loads(text, object_pairs_hook=no_duplicates)
    metadata = header.pop("__metadata__")
    data_size = max([tensor["data_offsets"][1] for tensor in header.values()], default=0)
    if data_size > 256 << 20:
        raise Bad("a record of %d bytes" % data_size)
    data = read_exactly(file, data_size)
    at = len(MAGIC)
    digest = xxhash.xxh3_64(length + text[:at] + b"0" * 16 + text[at + 16:] + data).hexdigest()
    if digest != metadata["fm.xxh3"]:
        raise Bad("a damaged record: fm.xxh3 is %s, its bytes hash to %s" % (metadata["fm.xxh3"], digest))
    return metadata, {name: (tensor["dtype"], array_of(tensor, data)) for name, tensor in header.items()}


def array_of(tensor, data):
    begin, end = tensor["data_offsets"]
    return numpy.frombuffer(data[begin:end], DTYPES[tensor["dtype"]]).reshape(tensor["shape"])


def read_stream(file):
    """All records of one whole stream, the end record last, once nothing is found to follow it."""
    number = samples = 0
    content = Content()
    while True:
        record = read_record(file)
        if record is None:
            raise Bad("the stream is torn: no end record")
        metadata, tensors = record
        if metadata["fm.record"] != str(number) or ("fm.stream" in metadata) != (number == 0):
            raise Bad("record %s where %d was expected" % (metadata["fm.record"], number))
        if "fm.end" in metadata:
            break
        content.add(tensors)
        samples += len(tensors["image"][1])
        number += 1
        yield record
    if metadata["fm.samples"] != str(samples) or metadata.get("fm.content", content.digest()) != content.digest():
        raise Bad("the end record tells of other samples")
    if file.read(1):
        raise Bad("something follows the end record; joined streams are not for this example")
    yield record


class Content:
    """fm.content: a hash of all samples that does not depend on where records begin and end."""

    def __init__(self):
        self.tensors = {}

    def add(self, tensors):
        for name, (dtype, array) in tensors.items():
            shape = "*" if name == "name" else ",".join(str(d) for d in array.shape[1:])
            digest = self.tensors.setdefault(name, (dtype, shape, xxhash.xxh3_64()))[2]
            if name == "name":
                digest.update(b"".join(row.tobytes().split(b"\0")[0] + b"\0" for row in array))
            else:
                digest.update(array.tobytes())

    def digest(self):
        lines = ["%s %s %s %s\n" % (name, dtype, shape, digest.hexdigest())
                 for name, (dtype, shape, digest) in sorted(self.tensors.items())]
        return xxhash.xxh3_64("".join(lines).encode()).hexdigest()


def canonical(value):
    """No white space, UTF-8 as it is, control bytes as \\u00xx."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    short = {"b": "\\u0008", "t": "\\u0009", "n": "\\u000a", "f": "\\u000c", "r": "\\u000d"}
    return re.sub(r"\\(.)", lambda match: short.get(match[1], match[0]), text)


def record_bytes(metadata, tensors):
    """Tensors by falling element size, then name; the hash last of all."""
    header = {"__metadata__": {"fm.xxh3": "0" * 16, **metadata}}
    data = b""
    for name, (dtype, array) in sorted(tensors.items(), key=lambda item: (-item[1][1].itemsize, item[0])):
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = canonical(header).encode()
    text += b" " * (-len(text) % 8)
    record = struct.pack("<Q", len(text)) + text + data
    at = 8 + len(MAGIC)
    return record[:at] + xxhash.xxh3_64_hexdigest(record).encode() + record[at + 16:]


def history(history_of_input, **totals):
    """One entry more, with the input's own history inside it, as the text that it came as."""
    before = canonical({"name": "stdin", **totals})[:-1] + ',"history":' + history_of_input + "}"
    return '[{"tool":"keep","version":"1","options":{},"inputs":[' + before + "]}]"


def with_ids(tensors, first):
    """A stream without ids has those that count its samples."""
    ids = numpy.arange(first, first + len(tensors["image"][1]), dtype="<i8")
    return {"id": ("I64", ids), **tensors}


def keep(tensors, labels):
    """The samples with these labels."""
    n = len(tensors["image"][1])
    label = tensors["label"][1] if "label" in tensors else numpy.full(n, -1)
    return {name: (dtype, array[numpy.isin(label, labels)]) for name, (dtype, array) in tensors.items()}


def run(names, source, sink):
    records = samples = seen = 0
    content, whole, first = Content(), Content(), {}
    for metadata, tensors in read_stream(source):
        if "fm.stream" in metadata:
            if metadata["fm.stream"] != "1" or "fm.epochs" in metadata or "fm.form" in metadata:
                raise Bad("a version, an epoch or a form that this example does not know")
            classes = json.loads(metadata["fm.classes"])
            labels = [classes.index(name) for name in names if name in classes]
            first = {"fm.stream": "1", "fm.classes": metadata["fm.classes"], "fm.input": metadata["fm.input"],
                     "fm.history": history(metadata["fm.history"]),
                     **{key: metadata[key] for key in sorted(metadata) if not key.startswith("fm.")}}
            nothing = keep(with_ids(tensors, 0), [-2]), metadata.get("fm.part") and "fit"
        if "fm.end" in metadata:
            break
        whole.add(tensors)
        kept = keep(with_ids(tensors, seen), labels)
        seen += len(tensors["image"][1])
        if not len(kept["image"][1]):
            continue
        send(sink, records, metadata.get("fm.part"), first, kept)
        content.add(kept)
        records += 1
        samples += len(kept["image"][1])
        first = {}
    if not records:
        send(sink, records, nothing[1], first, nothing[0])
        content.add(nothing[0])
        records = 1
    end = {"fm.record": str(records), "fm.history": history(metadata["fm.history"], content=whole.digest(), samples=seen),
           "fm.end": "1", "fm.records": str(records), "fm.samples": str(samples), "fm.content": content.digest()}
    sink.write(record_bytes(end, {}))
    sink.flush()


def send(sink, number, part, first, tensors):
    metadata = {"fm.record": str(number), **({"fm.part": part} if part else {}), **first}
    sink.write(record_bytes(metadata, tensors))
    sink.flush()


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as sink:
            run(sys.argv[1:], source, sink)
    except (Bad, KeyError, IndexError, TypeError, ValueError, struct.error) as problem:
        return complain(problem, 3)
    except OSError as problem:
        return complain(problem, 4)
    return 0


def complain(problem, status):
    """Standard error may be closed, too."""
    if sys.stderr:
        print("keep: %s" % problem, file=sys.stderr)
    return status


sys.exit(main())
