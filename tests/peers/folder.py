"""fm-fetch and torchvision's ImageFolder fetch the same picture files, in turn, whole passes, start included.

usage: folder.py NAME FOLDER SIZE|- CHANNELS [ROUNDS]

SIZE: both scale so that the shorter side is as long, and cut the middle out; -: pictures stay as they are. The peer is
a DataLoader with two workers that stay from pass to pass (its start is not counted), with Pillow or torchvision's own
decoder, batches of 64 or 256: whichever is fastest in a first pass. Prints pictures a second of both, and the ratio:
least, median, most of the passes, by the wall's clock and by the processors' (all processes of either side).
"""
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time

import torch
from torchvision import datasets, io
from torchvision.transforms import v2

WORKERS = 2


def decoded(channels):
    mode = io.ImageReadMode.GRAY if channels == 1 else io.ImageReadMode.RGB
    return lambda path: io.decode_image(path, mode)


def loaders(folder, side, channels):
    """Every setting that is tried, by name."""
    fit = [v2.Resize(side, antialias=True), v2.CenterCrop(side)] if side else []
    grey = [v2.Grayscale(1)] if channels == 1 else []
    sets = {
        "Pillow": datasets.ImageFolder(folder, v2.Compose([*grey, *fit, v2.PILToTensor()])),
        "torchvision's decoder": datasets.ImageFolder(folder, v2.Compose(fit) if fit else None, loader=decoded(channels)),
    }
    for name, pictures in sets.items():
        for batch in (64, 256):
            yield f"{name}, batches of {batch}", torch.utils.data.DataLoader(
                pictures, batch_size=batch, num_workers=WORKERS, persistent_workers=True, prefetch_factor=4)


def workers_seconds():
    """Processor seconds of this process and of the workers that it has started."""
    ticks = 0
    for pid in [os.getpid(), *(worker.pid for worker in multiprocessing.active_children())]:
        with open(f"/proc/{pid}/stat") as stat:
            ticks += sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def clocked(run, processor):
    """Seconds of run() by both clocks."""
    used, begin = processor(), time.perf_counter()
    run()
    return time.perf_counter() - begin, processor() - used


def theirs(loader):
    return clocked(lambda: [labels for _, labels in loader], workers_seconds)


def ours(folder, side, channels):
    command = [os.path.join(os.environ["FM_BIN"], "fm-fetch"), folder, "--channels", str(channels)]
    command += ["--size", f"{side}x{side}", "--fit", "crop"] if side else []
    environment = {**os.environ, "FM_THREADS": str(WORKERS)}
    return clocked(lambda: subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True), children_seconds)


def spread(ratios):
    return f"{min(ratios):.2f} {statistics.median(ratios):.2f} {max(ratios):.2f}"


def main(name, folder, size, channels, rounds=3):
    torch.set_num_threads(1)
    side, channels = 0 if size == "-" else int(size), int(channels)
    best, least = None, float("inf")
    for setting, loader in loaders(folder, side, channels):
        theirs(loader)  # its workers start, files come into the cache
        if (seconds := sum(theirs(loader))) < least:
            best, least = (setting, loader), seconds
    count = len(best[1].dataset)
    pairs = [(ours(folder, side, channels), theirs(best[1])) for _ in range(int(rounds))]
    rates = [count / statistics.median(times[at][0] for times in pairs) for at in (0, 1)]
    print(f"  {name:34} {rates[0]:8,.0f} pictures/s, torchvision {rates[1]:8,.0f} ({best[0]}); ratio "
          f"{spread([b[0] / a[0] for a, b in pairs])}, by processor time {spread([b[1] / a[1] for a, b in pairs])}", flush=True)


main(*sys.argv[1:])
