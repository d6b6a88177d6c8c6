"""A model file of fm-tools as a PyTorch module.

Needs numpy and torch alone: a safetensors file is a length, a JSON header and the tensors' bytes, see fm-model(5).
"""
import json
import struct

import numpy as np
import torch
from torch import nn

NUMPY = {"F32": "<f4", "F64": "<f8", "U8": "u1", "I32": "<i4", "I64": "<i8"}


def read_safetensors(path):
    """Return ({name: array}, metadata)."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        array = np.frombuffer(data[begin:end], NUMPY[about["dtype"]])
        tensors[name] = array.reshape(about["shape"]).copy()
    return tensors, metadata


class Same(nn.Module):
    """Pad as TensorFlow does: ceil(size / stride) outputs, the smaller half of the padding before."""

    def __init__(self, kernel, stride):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x):
        pads = []
        for size, kernel in ((x.shape[3], self.kernel[1]), (x.shape[2], self.kernel[0])):
            total = max((-(-size // self.stride) - 1) * self.stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return nn.functional.pad(x, pads)


def split(text, separator):
    """Parts of a text between separators that stand outside all parentheses."""
    parts, depth, begin = [], 0, 0
    for i, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == separator and not depth:
            parts.append(text[begin:i])
            begin = i + 1
    return [part.strip() for part in [*parts, text[begin:]] if part.strip()]


class Network(nn.Module):
    """The layers of fm.arch, each under the name that its tensors have: conv1, bn1, fc1, …"""

    def __init__(self, arch, channels, height, width):
        super().__init__()
        self.counts = {}
        self.steps, _ = self.add_sequence(arch, torch.zeros(1, channels, height, width))

    def add_sequence(self, arch, shape):
        """Steps of layers one after the other: a module's name, or two lists of steps to be added."""
        steps = []
        for text in split(arch, ","):
            if text.startswith("residual("):
                ends = [self.add_sequence(part, shape) for part in split(text[len("residual(") : -1], "|")]
                steps.append((ends[0][0], ends[1][0] if len(ends) > 1 else []))
                shape = ends[0][1]
                continue
            words = text.split()
            kind = "fc" if words[0] == "dense" else words[0]
            self.counts[kind] = self.counts.get(kind, 0) + 1
            name = f"{kind}{self.counts[kind]}"
            for suffix, module in self.build(words, shape):
                self.add_module(name + suffix, module)
                steps.append(name + suffix)
                module.eval()
                shape = module(shape)
        return steps, shape

    @staticmethod
    def build(words, shape):
        kind, channels = words[0], shape.shape[1]
        if kind == "conv":
            kernel, stride = tuple(map(int, words[2].split("x"))), int(words[4])
            if words[5] == "same":
                yield "_pad", Same(kernel, stride)
            yield "", nn.Conv2d(channels, int(words[1]), kernel, stride, bias="nobias" not in words)
        elif kind == "depthwise":
            kernel, stride = tuple(map(int, words[1].split("x"))), int(words[3])
            if words[4] == "same":
                yield "_pad", Same(kernel, stride)
            yield "", nn.Conv2d(channels, channels, kernel, stride, bias="nobias" not in words, groups=channels)
        elif kind == "dense":
            yield "", nn.Linear(channels, int(words[1]), bias="nobias" not in words)
        elif kind == "bn":
            yield "", (nn.BatchNorm2d if shape.dim() == 4 else nn.BatchNorm1d)(channels, eps=1e-3, momentum=0.01)
        elif kind == "relu":
            yield "", nn.ReLU()
        elif kind in ("maxpool", "avgpool"):
            yield "", {"maxpool": nn.MaxPool2d, "avgpool": nn.AvgPool2d}[kind](int(words[1]), int(words[3]))
        elif kind == "globalavgpool":
            yield "", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        elif kind == "flatten":
            yield "", nn.Flatten()
        elif kind == "dropout":
            yield "", nn.Dropout(float(words[1]))
        elif kind == "softmax":
            yield "", nn.Identity()  # the logits are what PyTorch's losses want
        else:
            raise ValueError(f"unknown layer {kind}")

    def run(self, steps, x):
        for step in steps:
            x = getattr(self, step)(x) if isinstance(step, str) else self.run(step[0], x) + self.run(step[1], x)
        return x

    def forward(self, x):
        return self.run(self.steps, x)


class Model:
    """network: a torch module in evaluation mode; classes: names; tensors and metadata: all that the file holds."""

    def __init__(self, path):
        self.tensors, self.metadata = read_safetensors(path)
        about = json.loads(self.metadata["fm.input"])
        self.classes = json.loads(self.metadata["fm.classes"])
        self.scale = np.array(about["scale"], np.float32)
        self.shift = np.array(about["shift"], np.float32)
        self.network = Network(self.metadata["fm.arch"], about["c"], about["h"], about["w"])
        state = {name: torch.from_numpy(array) for name, array in self.tensors.items() if not name.startswith("fm.")}
        self.network.load_state_dict(state)
        self.network.eval()

    def prepare(self, images):
        """[n, h, w, c] bytes to what the network reads."""
        x = images.astype(np.float32) * self.scale + self.shift
        return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))

    def predict(self, images):
        """[n, h, w, c] bytes to probabilities [n, classes]."""
        with torch.no_grad():
            return torch.softmax(self.network(self.prepare(images)), 1).numpy()
