"""The recipe fast in PyTorch, from a cold start to the scores, to compare its time with tests/bench/recipe.sh's:

    time fast_torch.py FOLDER [--arithmetic fp32|autocast|inside] [--seed N] [--epochs N] [--pictures N] [--threads N]

FOLDER has Fashion-MNIST's four IDX files. The same net, batches, optimiser, schedule, flips and views; eager, because
compiling takes longer than it saves in so short a training; channels last, which is the faster layout.
"""
import argparse
import gzip
import os

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--arithmetic", choices=["fp32", "autocast", "inside"], default="autocast")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--pictures", type=int, default=60000)
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
options = parser.parse_args()
BATCH, RATE = 64, 6e-3


def read(name, header, shape):
    path = os.path.join(options.folder, name)
    with gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb") as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=header).reshape(shape).copy())


def pictures(part):
    images, labels = read(part + "-images-idx3-ubyte", 16, (-1, 1, 28, 28)), read(part + "-labels-idx1-ubyte", 8, -1)
    return images, labels.long()


def block(*layers, channels, normal=nn.BatchNorm2d):
    return [*layers, normal(channels, 1e-3, 0.01), nn.ReLU(inplace=True)]


def make_net():
    net = nn.Sequential(
        *block(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(1, 32, 4), channels=32), nn.MaxPool2d(2),
        *block(nn.Conv2d(32, 64, 3, padding=1), channels=64), nn.MaxPool2d(2),
        *block(nn.Conv2d(64, 128, 3, padding=1), channels=128), nn.Flatten(),
        *block(nn.Linear(128 * 7 * 7, 128), channels=128, normal=nn.BatchNorm1d), nn.Dropout(0.1), nn.Linear(128, 10))
    weights = [layer for layer in net if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for layer in weights:
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    nn.init.xavier_uniform_(weights[-1].weight)
    return net.to(memory_format=torch.channels_last), [layer.weight for layer in weights]


def floats(images):
    return images.float().div_(255).contiguous(memory_format=torch.channels_last)


def autocast():
    return torch.autocast("cpu", torch.bfloat16, enabled=options.arithmetic == "autocast")


def train(net, decayed, images, labels):
    rest = [parameter for parameter in net.parameters() if all(parameter is not weight for weight in decayed)]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, RATE, eps=1e-7, fused=True)
    steps = options.epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.2)
    for _ in range(options.epochs):
        for rows in torch.randperm(len(images)).split(BATCH):
            batch = images[rows]
            flipped = torch.rand(len(rows)) < 0.5
            batch[flipped] = batch[flipped].flip(3)
            with autocast():
                loss = nn.functional.cross_entropy(net(floats(batch)), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def score(net, images, labels):
    net.eval()
    with torch.inference_mode(), autocast():
        prob = torch.cat([(net(floats(batch)).float().softmax(1) + net(floats(batch.flip(3))).float().softmax(1)) / 2
                          for batch in images.split(256)])
    accuracy = (prob.argmax(1) == labels).double().mean().item()
    print(f'{{"accuracy":{accuracy},"log_loss":{-prob[torch.arange(len(labels)), labels].log().double().mean().item()}}}')


torch.manual_seed(options.seed)
torch.set_num_threads(options.threads)
if options.arithmetic == "inside":
    torch.backends.mkldnn.conv.fp32_precision = "bf16"
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
trained, weights = make_net()
fit = pictures("train")
train(trained, weights, fit[0][:options.pictures], fit[1][:options.pictures])
score(trained, *pictures("t10k"))
