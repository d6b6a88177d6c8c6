#!/usr/bin/python3
"""Gradients and ten optimiser steps of a backend against PyTorch in double precision. Prints TAP.

usage: torch_steps.py STEPS-PROGRAM DEVICE...
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import xxhash

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples"))
import fm_torch  # noqa: E402

SEED, SMOOTHING, RATE, EMA = 5, 0.1, 1e-3, 0.9
SMALL = ("conv 6 3x2 stride 2 same nobias, bn, relu, avgpool 2 stride 1, conv 5 3x3, relu, dropout 0.25, flatten, "
         "dense 9, bn, relu, dropout 0.5, dense classes, softmax")
RESIDUAL = ("conv 8 3x3 same nobias, residual(bn, relu, conv 8 3x3 same nobias, bn, relu, conv 8 3x3 same | ), "
            "residual(conv 12 3x3 stride 2 same nobias, bn | conv 12 1x1 stride 2 same nobias, bn), relu, "
            "depthwise 3x3 stride 1 same, bn, relu, globalavgpool, dense classes")
POOLED = "bn, conv 8 5x5 same, maxpool 3 stride 2, bn, relu, globalavgpool, dense classes nobias"
CASES = [("seed", 28, 28, 1, 10, "adam"), (SMALL, 9, 11, 3, 4, "adam"), (SMALL, 9, 11, 3, 4, "adamw"),
         (SMALL, 9, 11, 3, 4, "sgd"), (RESIDUAL, 10, 9, 2, 5, "adamw"), (POOLED, 12, 7, 2, 3, "adam")]


def philox(purpose, draws, epoch, identity):
    """Philox4x32-10 as fm-tools(7) keys and counts it: [draws, 4] words."""
    key = xxhash.xxh3_64_intdigest(purpose.encode(), seed=SEED)
    k0, k1 = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    low, high = identity & 0xFFFFFFFF, identity >> 32 & 0xFFFFFFFF
    c = [np.arange(draws, dtype=np.uint64)] + [np.full(draws, v, np.uint64) for v in (epoch, low, high)]
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        shift = np.uint64(32)
        c = [(p1 >> shift) ^ c[1] ^ k0, p1 & mask, (p0 >> shift) ^ c[3] ^ k1, p0 & mask]
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & mask, (k1 + np.uint64(0xBB67AE85)) & mask
    return np.stack(c, 1)


class Dropout(torch.nn.Module):
    """Drops the units that the contract says; unit j in (c, h, w) order, which is PyTorch's own."""

    def __init__(self, name, rate):
        super().__init__()
        self.name, self.rate = name, rate
        self.epoch, self.ids = 0, []

    def forward(self, x):
        if not self.training:
            return x
        units = x[0].numel()
        words = np.stack([philox(self.name, -(-units // 4), self.epoch, int(i)).reshape(-1)[:units] for i in self.ids])
        kept = torch.from_numpy(words >= np.uint64(self.rate * 2**32)).reshape(x.shape)
        return x * kept / (1 - self.rate)


def load(path):
    """The model as it was before the first step, in double precision, with dropout by contract."""
    model = fm_torch.Model(path)
    network = model.network
    for name, module in list(network.named_children()):
        if isinstance(module, torch.nn.Dropout):
            setattr(network, name, Dropout(name, module.p))
    network.double().train()
    take(model, [p for _, p in parameters(network)], model.tensors["fm.param"])
    take(model, statistics(network), model.tensors["fm.bn"])
    return model


def sequences(steps):
    """Lists of the names of layers, each of which reads what the one before it has put out; in the file's order."""
    run = []
    for step in steps:
        if isinstance(step, str):
            run.append(step)
            continue
        yield run
        for branch in step:
            yield from sequences(branch)
        run = []
    yield run


def layers(network):
    return [name for run in sequences(network.steps) for name in run]


def parameters(network):
    """In the file's order, which is the order of the layers."""
    return [(f"{step}.{name}", p) for step in layers(network)
            for name, p in getattr(network, step).named_parameters(recurse=False)]


def statistics(network):
    modules = [getattr(network, step) for step in layers(network)]
    return [s for m in modules if hasattr(m, "running_mean") for s in (m.running_mean, m.running_var)]


def take(model, tensors, flat):
    at = 0
    with torch.no_grad():
        for tensor in tensors:
            values = flat[at:at + tensor.numel()].reshape(tensor.shape)
            tensor.copy_(torch.from_numpy(values.astype(np.float64)))
            at += tensor.numel()
    assert at == flat.size


def loss_of(model, step):
    """Summed over the batch: weight * cross-entropy against smoothed, mixed targets."""
    t = {name[3:]: array[step] for name, array in model.tensors.items()
         if name in ("fm.pixels", "fm.label_a", "fm.label_b", "fm.lambda", "fm.weight", "fm.ids")}
    for module in model.network.children():
        if isinstance(module, Dropout):
            module.epoch, module.ids = step, t["ids"]
    logits = model.network(model.prepare(t["pixels"]).double())
    classes = logits.shape[1]
    onehot = np.eye(classes)
    share = t["lambda"].astype(np.float64)[:, None]
    target = share * onehot[t["label_a"]] + (1 - share) * onehot[t["label_b"]]
    target = torch.from_numpy((1 - SMOOTHING) * target + SMOOTHING / classes)
    losses = -(target * torch.log_softmax(logits, 1)).sum(1)
    return (torch.from_numpy(t["weight"].astype(np.float64)) * losses).sum(), float(t["weight"].sum(dtype=np.float64))


def make_optimizer(kind, network):
    weights, others = [], []
    for name, p in parameters(network):
        (weights if name.endswith("weight") and not name.startswith("bn") else others).append(p)
    decay = 0 if kind == "adam" else 0.01
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0}]
    if kind == "sgd":
        return torch.optim.SGD(groups, RATE, momentum=0.9)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind](groups, RATE, (0.9, 0.999), 1e-7)


def distance(found, expected, scale):
    """Euclidean, in parts of scale's length; a NaN is infinitely far."""
    d = np.linalg.norm(np.asarray(found, np.float64).ravel() - np.asarray(expected, np.float64).ravel())
    return np.nan_to_num(d / max(np.linalg.norm(scale), 1e-12), nan=np.inf)


def before_bn(network):
    """Biases that the batch norm after them takes out again: their gradient is rounding, which Adam makes steps of.

    {bias: that batch norm}
    """
    found = {}
    for run in sequences(network.steps):
        steps = [step for step in run if "pool" not in step]
        found.update({f"{a}.bias": b for a, b in zip(steps, steps[1:]) if b.startswith("bn")})
    return found


def compare_gradient(model, worst):
    names, found, at = parameters(model.network), model.tensors["fm.gradient"], 0
    total = np.concatenate([p.grad.numpy().ravel() for _, p in names])
    for name, p in names:
        expected = p.grad.numpy()
        scale = total / 10 if name in before_bn(model.network) else expected
        worst[f"gradient of {name}"] = distance(found[at:at + p.numel()], expected, scale) / 1e-5
        at += p.numel()


def compare_end(model, start, ema, worst):
    """Parameters by the way they went, averages likewise, statistics as they are."""
    at = 0
    for name, p in parameters(model.network):
        end = p.detach().numpy()
        if name not in before_bn(model.network):
            begin = start[at:at + p.numel()].reshape(end.shape)
            worst[name] = distance(model.tensors[name], end, end - begin) / 2e-3
            average = model.tensors["fm.ema"][at:at + p.numel()]
            worst[f"average of {name}"] = distance(average, ema[name], ema[name] - begin) / 2e-3
        at += p.numel()
    for step in layers(model.network):
        module = getattr(model.network, step)
        for name in ("running_mean", "running_var") if hasattr(module, "running_mean") else ():
            expected = getattr(module, name).numpy()
            found = model.tensors[f"{step}.{name}"]
            if name == "running_mean" and step in before_bn(model.network).values():
                worst[f"{step}.{name}"] = np.abs(found - expected).max() / 2e-3  # ten steps of a bias, averaged
            else:
                worst[f"{step}.{name}"] = distance(found, expected, expected) / 1e-4


def compare(path, kind):
    """{what: error in parts of what is allowed}"""
    model, worst = load(path), {}
    start = model.tensors["fm.param"].astype(np.float64)
    optimizer = make_optimizer(kind, model.network)
    ema = {name: p.detach().numpy().copy() for name, p in parameters(model.network)}
    for step, found in enumerate(model.tensors["fm.losses"]):
        optimizer.zero_grad()
        loss, weight = loss_of(model, step)
        loss.backward()
        if step == 0:
            compare_gradient(model, worst)
        for _, p in parameters(model.network):
            p.grad /= weight
        optimizer.step()
        for name, p in parameters(model.network):
            ema[name] = EMA * ema[name] + (1 - EMA) * p.detach().numpy()
        worst[f"loss of step {step + 1}"] = abs(float(loss) - found) / abs(float(loss)) / (1e-6 if step == 0 else 1e-4)
    compare_end(model, start, ema, worst)
    after = fm_torch.Model(path)
    prob = after.predict(after.tensors["fm.pixels"][0])
    worst["probabilities"] = np.abs(prob - after.tensors["fm.prob"]).max() / 1e-5
    return worst


def main():
    program, devices = sys.argv[1], sys.argv[2:]
    cases = [(device, case) for device in devices for case in CASES]
    failed = False
    for number, (device, case) in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "steps.safetensors")
            subprocess.run([program, *map(str, case), device, path], check=True)
            worst = compare(path, case[-1])
        what = max(worst, key=worst.get)
        good = worst[what] <= 1
        failed = failed or not good
        print(f"{'ok' if good else 'not ok'} {number} - {device}, {case[-1]}, {case[0][:24]}…: "
              f"worst {what}, {worst[what]:.3f} of what is allowed", flush=True)
    print(f"1..{len(cases)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
