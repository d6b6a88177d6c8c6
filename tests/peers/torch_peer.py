"""PyTorch trains and predicts with the seed's network."""
import os
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples"))
import fm_torch  # noqa: E402
from torch_net import Net, arrange  # noqa: E402


def load(folder):
    net = Net()
    arrays, _ = fm_torch.read_safetensors(os.path.join(folder, "model.safetensors"))
    state = {name: torch.from_numpy(array) for name, array in arrays.items() if not name.startswith("fm.")}
    net.load_state_dict(state, strict=False)
    return net


def pictures(folder, layout):
    """Floats 0 to 1, ready to be cut into batches: preparing them is not measured."""
    x = np.load(os.path.join(folder, "images.npy")).transpose(0, 3, 1, 2).astype(np.float32) / 255
    return arrange(torch.from_numpy(np.ascontiguousarray(x)), layout)


def multiply_in_bf16():
    torch.backends.mkldnn.conv.fp32_precision = "bf16"
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"


def compiled(thing):
    """A program of its own for each batch."""
    from torch import _dynamo

    _dynamo.config.cache_size_limit = 64
    return torch.compile(thing, dynamic=False)


def trainer(folder, setting):
    net = arrange(load(folder).train(), setting["layout"])
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, eps=1e-7, fused=True)
    criterion = nn.CrossEntropyLoss()
    x = pictures(folder, setting["layout"])
    labels = torch.from_numpy(np.load(os.path.join(folder, "labels.npy")).astype(np.int64))

    def forward(images, classes):
        with torch.autocast("cpu", torch.bfloat16, enabled=setting["arithmetic"] == "autocast"):
            return criterion(net(images), classes)

    loss = compiled(forward) if setting["mode"] == "compiled" else forward

    def run(batch):
        optimizer.zero_grad()
        loss(x[:batch], labels[:batch]).backward()
        optimizer.step()
        return batch

    return run


def fuse(net):
    """Batch norm folded into what is before it, as for any deployment."""
    for i in (1, 2, 3):
        conv, bn = getattr(net, f"conv{i}"), getattr(net, f"bn{i}")
        setattr(net, f"conv{i}", nn.utils.fusion.fuse_conv_bn_eval(conv, bn))
        setattr(net, f"bn{i}", nn.Identity())
    net.fc1, net.bn4 = nn.utils.fusion.fuse_linear_bn_eval(net.fc1, net.bn4), nn.Identity()
    return net


def predictor(folder, setting):
    net = arrange(fuse(load(folder).eval()), setting["layout"])
    x = pictures(folder, setting["layout"])
    if setting["arithmetic"] == "weights":
        net, x = net.bfloat16(), x.bfloat16()
    whole = nn.Sequential(net, nn.Softmax(1)).eval()
    if setting["mode"] == "frozen":
        from torch._inductor import config

        config.freezing = True
    if setting["mode"] != "eager":
        whole = compiled(whole)

    def run(batch):
        with torch.inference_mode(setting["mode"] != "frozen"), torch.no_grad(), torch.autocast(
            "cpu", torch.bfloat16, enabled=setting["arithmetic"] == "autocast"
        ):
            whole(x[:batch])
        return batch

    return run


def start(folder, setting):
    torch.manual_seed(1)
    torch.set_num_threads(setting["threads"])
    if setting["arithmetic"] == "inside":
        multiply_in_bf16()
    return (trainer if setting["work"] == "train" else predictor)(folder, setting)
