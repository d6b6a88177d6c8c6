"""fm-train's mixup and cutmix, drawn anew in numpy from fm-train(1) alone.

    mix.py loss IN MODEL LOG BATCH SEED MIXUP CUTMIX [WEIGHT,...]   the loss of mixed batches, as the log has it
    mix.py beta ALPHA                                                are the shares those of a Beta distribution?
"""
import json
import math
import sys

import numpy as np
import scipy.stats

import stream
import tensors
from philox import philox, uniform


def beta(seed, alpha, epoch, identity):
    for attempt in range(64):
        u = 1 - uniform(philox(seed, "mixup", attempt, epoch, [identity])[0])
        x, y = math.log(u[0]) / alpha, math.log(u[1]) / alpha
        if math.exp(x) + math.exp(y) <= 1:
            return 1 / (1 + math.exp(y - x))
    return 1


def span(size, side, u):
    length = math.floor(size * side + 0.5)
    begin = math.floor(size * u) - length // 2
    return max(begin, 0), min(begin + length, size)


def mixed(image, other, epoch, identity, seed, mixup, cutmix):
    """The picture and the share that its own label keeps."""
    u = uniform(philox(seed, "cutmix", 0, epoch, [identity])[0])
    h, w, _ = image.shape
    if u[0] < cutmix:
        (top, bottom), (left, right) = span(h, math.sqrt(u[1]), u[2]), span(w, math.sqrt(u[1]), u[3])
        result = image.copy()
        result[top:bottom, left:right] = other[top:bottom, left:right]
        return result, 1 - (bottom - top) * (right - left) / (h * w)
    if not mixup:
        return image, 1
    share = math.floor(beta(seed, mixup, epoch, identity) * 65536 + 0.5)
    return (image.astype(np.int64) * share + other.astype(np.int64) * (65536 - share) + 32768) // 65536, share / 65536


def cross_entropy(image, weight, bias):
    logits = weight.astype(float) @ (image.astype(float).transpose(2, 0, 1).ravel() / 255) + bias
    logits -= logits.max()
    return np.log(np.exp(logits).sum()) - logits


def loss(path, model, log, batch, seed, mixup, cutmix, weights=None):
    """Of a net without hidden layers, whose weights the steps were too small to change."""
    _, net = tensors.load(model)
    class_weights = [float(weight) for weight in weights.split(",")] if weights else [1] * len(net["fc1.bias"])
    batch, seed, mixup, cutmix = int(batch), int(seed), float(mixup), float(cutmix)
    epochs = {}
    for metadata, record in stream.read(open(path, "rb").read())[:-1]:
        for sample in zip(record["image"], record["label"], record["id"]):
            epochs.setdefault(int(metadata["fm.epoch"]), []).append(sample)
    lines = [json.loads(line) for line in open(log)]
    assert len(lines) == len(epochs) > 1
    shares = []
    for epoch, samples in epochs.items():
        total = count = 0
        for begin in range(0, len(samples), batch):
            some = samples[begin:begin + batch]
            for i, (image, label, identity) in enumerate(some):
                other, second, _ = some[(i + 1) % len(some)]
                picture, share = mixed(image, other, epoch, identity, seed, mixup, cutmix)
                entropy = cross_entropy(picture, net["fc1.weight"], net["fc1.bias"])
                for k, part in ((label, share), (second, 1 - share)):
                    total += class_weights[k] * part * entropy[k]
                    count += class_weights[k] * part
                shares.append(share)
        assert abs(lines[epoch]["loss"] - total / count) < 2e-6, (epoch, lines[epoch]["loss"], total / count)
    assert len(set(shares)) > 20 and min(shares) < 0.5, "nothing was mixed"


def beta_test(alpha):
    alpha = float(alpha)
    shares = [beta(1, alpha, epoch, identity) for epoch in range(4) for identity in range(500)]
    assert scipy.stats.kstest(shares, scipy.stats.beta(alpha, alpha).cdf).pvalue > 1e-3


{"loss": loss, "beta": beta_test}[sys.argv[1]](*sys.argv[2:])
