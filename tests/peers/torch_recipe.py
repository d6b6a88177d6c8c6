"""The whole of a recipe in PyTorch, from a cold start: load, train with augmentation, predict the test set, score it.

usage: torch_recipe.py [NAME=VALUE]...

Prints one line of JSON: seconds of each part, accuracy, log_loss and mcc. The clock begins before PyTorch is imported; what
the interpreter takes to start, whoever runs this has to add. Names and their defaults stand below.
"""
import time

BEGIN = time.perf_counter()

import gzip  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from torch_net import Net, arrange  # noqa: E402

DEFAULTS = {
    "data": "/usr/share/datasets/fashion-mnist", "epochs": 3, "batch": 64, "lr": 6e-3, "weight_decay": 0.02,
    "dropout": 0.1, "smoothing": 0.0, "freeze": "0.5,0.8", "flip": "random", "shift": 0, "views": "flip", "seed": 1, "holdout": 0,
    "layout": "nhwc", "bf16": 1, "compiled": 0, "threads": len(os.sched_getaffinity(0)),
}
FIRST_SHARE, FIRST_RATE, LAST_RATE = 0.2, 1 / 25, 1 / 250000


def arguments(words):
    chosen = dict(DEFAULTS)
    for word in words:
        name, _, value = word.partition("=")
        if name not in chosen:
            sys.exit(f"torch_recipe.py: no {name} here; there are {', '.join(chosen)}")
        chosen[name] = type(chosen[name])(value)
    return chosen


def read(folder, part):
    """(pixels [n, 1, 28, 28], labels [n]) of an IDX pair."""
    def load(name, offset):
        with gzip.open(os.path.join(folder, name)) as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    pixels, labels = load(part + "-images-idx3-ubyte.gz", 16), load(part + "-labels-idx1-ubyte.gz", 8)
    return torch.from_numpy(pixels.reshape(-1, 1, 28, 28).copy()), torch.from_numpy(labels.astype(np.int64))


def shifted(x, most):
    """Each picture by up to so many whole pixels, the border repeated."""
    n, _, h, w = x.shape
    y = (torch.arange(h) + torch.randint(-most, most + 1, (n, 1))).clamp(0, h - 1)
    z = (torch.arange(w) + torch.randint(-most, most + 1, (n, 1))).clamp(0, w - 1)
    return x[torch.arange(n)[:, None, None], 0, y[:, :, None], z[:, None, :]][:, None]


def augmented(x, chosen, epoch, sides):
    """An epoch's pictures as bytes: mirrored at random, or each in every second epoch from a side of its own."""
    if chosen["flip"] == "alternate":
        x = torch.where(((sides + epoch) % 2 == 1)[:, None, None, None], x.flip(3), x)
    elif chosen["flip"] == "random":
        x = torch.where((torch.rand(len(x)) < 0.5)[:, None, None, None], x.flip(3), x)
    return shifted(x, chosen["shift"]) if chosen["shift"] else x


def groups(net, decay):
    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0}]


def freeze(net, shares, done):
    """Leave the first layers as they are, each after its share of the steps, so that their gradients are spared."""
    for layers, share in zip(((net.conv1, net.bn1), (net.conv2, net.bn2), (net.conv3, net.bn3)), shares):
        if done >= share and layers[0].weight.requires_grad:
            for parameter in [p for layer in layers for p in layer.parameters()]:
                parameter.requires_grad_(False)
                parameter.grad = None


def train(net, x, labels, chosen):
    optimizer = torch.optim.AdamW(groups(net, chosen["weight_decay"]), chosen["lr"], (0.9, 0.999), 1e-7, fused=True)
    steps = -(-len(x) // chosen["batch"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, chosen["lr"], chosen["epochs"] * steps, FIRST_SHARE, div_factor=1 / FIRST_RATE,
        final_div_factor=FIRST_RATE / LAST_RATE,
    )
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=chosen["smoothing"])

    def loss(images, classes):
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(chosen["bf16"])):
            return criterion(net(images), classes)

    loss = torch.compile(loss) if chosen["compiled"] else loss
    sides = torch.randint(0, 2, (len(x),))
    shares, done = [float(share) for share in chosen["freeze"].split(",") if share], 0
    for epoch in range(chosen["epochs"]):
        order = torch.randperm(len(x))
        pictures, classes = augmented(x, chosen, epoch, sides)[order], labels[order]
        for at in range(0, len(x), chosen["batch"]):
            images = arrange(pictures[at : at + chosen["batch"]].float().div_(255), chosen["layout"])
            freeze(net, shares, done / (chosen["epochs"] * steps))
            done += 1
            optimizer.zero_grad()
            loss(images, classes[at : at + chosen["batch"]]).backward()
            optimizer.step()
            schedule.step()


def views(x, which):
    yield x
    if which != "none":
        yield x.flip(3)
    if which == "flip shift 1":
        padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
        for top, left in ((0, 1), (2, 1), (1, 0), (1, 2)):
            cut = padded[:, :, top : top + 28, left : left + 28]
            yield cut
            yield cut.flip(3)


def predict(net, x, chosen):
    """Probabilities, the mean over views; [n, 10]"""
    net.eval()
    found = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bool(chosen["bf16"])):
        for at in range(0, len(x), 256):
            images = arrange(x[at : at + 256].float() / 255, chosen["layout"])
            found.append(sum(net(v).float().softmax(1) for v in views(images, chosen["views"])).double())
    prob = torch.cat(found)
    return (prob / prob.sum(1, keepdim=True)).numpy()


def scores(prob, labels):
    table = np.zeros((10, 10))
    np.add.at(table, (labels, prob.argmax(1)), 1)
    n, right, actual, predicted = table.sum(), np.trace(table), table.sum(1), table.sum(0)
    mcc = (right * n - actual @ predicted) / np.sqrt((n**2 - actual @ actual) * (n**2 - predicted @ predicted))
    least = np.finfo(np.float64).eps
    return {"accuracy": right / n, "log_loss": -np.log(prob[np.arange(len(prob)), labels].clip(least)).mean(), "mcc": mcc}


def main():
    chosen = arguments(sys.argv[1:])
    torch.manual_seed(chosen["seed"])
    torch.set_num_threads(chosen["threads"])
    times = [("import", time.perf_counter())]
    x, labels = read(chosen["data"], "train")
    test, truth = read(chosen["data"], "t10k")
    if chosen["holdout"]:
        # choices are made on training pictures that are set aside
        order = torch.randperm(len(x))
        test, truth = x[order[: chosen["holdout"]]], labels[order[: chosen["holdout"]]]
        x, labels = x[order[chosen["holdout"] :]], labels[order[chosen["holdout"] :]]
    times.append(("load", time.perf_counter()))
    net = Net()
    net.dropout.p = chosen["dropout"]
    train(arrange(net.train(), chosen["layout"]), x, labels, chosen)
    times.append(("train", time.perf_counter()))
    prob = predict(net, test, chosen)
    times.append(("predict", time.perf_counter()))
    found = scores(prob, truth.numpy())
    parts = {name: end - begin for (name, end), begin in zip(times, [BEGIN] + [end for _, end in times])}
    print(json.dumps({**found, "seconds": parts, "total": time.perf_counter() - BEGIN}))


if __name__ == "__main__":
    main()
