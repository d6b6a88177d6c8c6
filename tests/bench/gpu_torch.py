"""The peer on a GPU: the preset seed in PyTorch, at its best: channels last, bf16, torch.compile with CUDA graphs, the data
set on the device from the start. Prints the fastest of three epochs for each batch size.

    gpu_torch.py BATCH...        (DEVICE=cpu SAMPLES=1000 to try it without a GPU)
"""

import os
import pathlib
import sys
import time

import torch

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "peers")]
from torch_net import Net  # noqa: E402

DEVICE = os.environ.get("DEVICE", "cuda")
SAMPLES = int(os.environ.get("SAMPLES", "60000"))


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def make_step(batch):
    net = Net().to(DEVICE, memory_format=torch.channels_last)
    options = {"fused": True, "capturable": True} if DEVICE == "cuda" else {}
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, **options)

    def forward(pixels, labels):
        with torch.autocast(DEVICE, torch.bfloat16):
            x = (pixels.float() / 255).contiguous(memory_format=torch.channels_last)
            return torch.nn.functional.cross_entropy(net(x).float(), labels)

    # "reduce-overhead" is PyTorch's word for CUDA graphs
    fast = torch.compile(forward, mode="reduce-overhead") if DEVICE == "cuda" else forward

    def step(pixels, labels):
        optimizer.zero_grad(set_to_none=True)
        fast(pixels, labels).backward()
        optimizer.step()

    return step


def epoch(step, pixels, labels, batch):
    order = torch.randperm(SAMPLES, device=DEVICE)
    wait()
    started = time.perf_counter()
    for first in range(0, SAMPLES - batch + 1, batch):
        rows = order[first : first + batch]
        step(pixels[rows], labels[rows])
    wait()
    return time.perf_counter() - started


def main(batches):
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    pixels = torch.randint(0, 256, (SAMPLES, 1, 28, 28), dtype=torch.uint8, device=DEVICE)
    labels = torch.randint(0, 10, (SAMPLES,), device=DEVICE)
    for batch in batches:
        step = make_step(batch)
        epoch(step, pixels, labels, batch)  # compiles, and chooses algorithms
        best = min(epoch(step, pixels, labels, batch) for _ in range(3))
        done = SAMPLES // batch * batch
        print(f"peer     PyTorch {torch.__version__}, batch {batch}, bf16: {best * 1000:9.1f} ms  {done / best:12.0f} images/s",
              flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [512, 128])
