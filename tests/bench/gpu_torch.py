"""The peer on a GPU: the preset seed in PyTorch, at its best: channels last, bf16, torch.compile, CUDA graphs, the data set on
the device from the start. Two ways to capture: forward and backward by torch.compile itself, or the whole step with its
optimiser as one graph. Prints the fastest of three epochs for each batch size, and by which way it was.

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
WARM_STEPS = 5


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


class Trainer:
    def __init__(self, mode):
        self.net = Net().to(DEVICE, memory_format=torch.channels_last)
        options = {"fused": True, "capturable": True} if DEVICE == "cuda" else {}
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, eps=1e-7, **options)
        self.loss = torch.compile(self.eager_loss, mode=mode) if DEVICE == "cuda" else self.eager_loss

    def eager_loss(self, pixels, labels):
        with torch.autocast(DEVICE, torch.bfloat16):
            x = (pixels.float() / 255).contiguous(memory_format=torch.channels_last)
            return torch.nn.functional.cross_entropy(self.net(x).float(), labels)

    def step(self, pixels, labels):
        self.loss(pixels, labels).backward()
        self.optimizer.step()


def by_parts(pixels, labels, batch):
    """torch.compile's own graphs: "reduce-overhead" is its word for them."""
    trainer = Trainer("reduce-overhead")

    def step(rows):
        trainer.optimizer.zero_grad(set_to_none=True)
        trainer.step(pixels[rows], labels[rows])

    return step


def whole(pixels, labels, batch):
    """Compiled, then captured with the choice of the batch and the optimiser: one launch a step."""
    trainer = Trainer("default")
    rows = torch.arange(batch, device=DEVICE)
    graph, aside = torch.cuda.CUDAGraph(), torch.cuda.Stream()

    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_STEPS):
            trainer.optimizer.zero_grad(set_to_none=True)
            trainer.step(pixels[rows], labels[rows])
    torch.cuda.current_stream().wait_stream(aside)
    trainer.optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        trainer.step(pixels[rows], labels[rows])

    def step(chosen):
        rows.copy_(chosen)
        graph.replay()

    return step


WAYS = (by_parts, whole) if DEVICE == "cuda" else (by_parts,)


def epoch(step, batch):
    order = torch.randperm(SAMPLES, device=DEVICE)
    wait()
    started = time.perf_counter()
    for first in range(0, SAMPLES - batch + 1, batch):
        step(order[first : first + batch])
    wait()
    return time.perf_counter() - started


def fastest(way, pixels, labels, batch):
    step = way(pixels, labels, batch)
    epoch(step, batch)  # compiles, and chooses algorithms
    return min(epoch(step, batch) for _ in range(3))


def main(batches):
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    pixels = torch.randint(0, 256, (SAMPLES, 1, 28, 28), dtype=torch.uint8, device=DEVICE)
    labels = torch.randint(0, 10, (SAMPLES,), device=DEVICE)
    for batch in batches:
        done = SAMPLES // batch * batch
        times = []
        for way in WAYS:
            try:
                times.append((fastest(way, pixels, labels, batch), way.__name__))
            except RuntimeError as error:  # one way may be beyond a version of PyTorch; the other counts then
                print(f"{way.__name__}, batch {batch}: {error}", file=sys.stderr)
        if not times:
            sys.exit(f"PyTorch {torch.__version__} can't do it")
        best, name = min(times)
        for seconds, way in times:
            print(f"batch {batch}, {way}: {seconds * 1000:.1f} ms", file=sys.stderr)
        print(f"peer     PyTorch {torch.__version__}, batch {batch}, bf16, {name}: {best * 1000:9.1f} ms  {done / best:12.0f} images/s",
              flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [512, 128])
