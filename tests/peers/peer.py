"""A peer at work: it makes itself ready, then runs for as long as it is told, and says how fast it was.

usage: peer.py MODULE FOLDER SETTING

MODULE (torch_peer, ...) has start(folder, setting), which returns run(batch): do one batch, return how many pictures that
were. FOLDER holds the model and pictures that ours and all peers work on. A line in is "BATCH SECONDS"; a line out is
JSON: pictures a second by wall clock (median and best of stretches of 30 ms or one batch) and by processor time.
"""
import importlib
import json
import statistics
import sys
import time

STRETCH = 0.03
WARM_BATCHES, WARM_SECONDS = 3, 0.3


def stretch(run, batch):
    """(pictures, wall seconds, processor seconds)"""
    pictures, wall, processor = 0, time.perf_counter(), time.process_time()
    while True:
        pictures += run(batch)
        elapsed = time.perf_counter() - wall
        if elapsed >= STRETCH:
            return pictures, elapsed, time.process_time() - processor


def warm(run, batch):
    begin, batches = time.perf_counter(), 0
    while batches < WARM_BATCHES or time.perf_counter() - begin < WARM_SECONDS:
        run(batch)
        batches += 1
        if time.perf_counter() - begin > 10 * WARM_SECONDS and batches > 1:
            return


def measure(run, batch, seconds, threads):
    begin, found = time.perf_counter(), []
    while not found or time.perf_counter() - begin < seconds:
        found.append(stretch(run, batch))
    rates = [pictures / wall for pictures, wall, _ in found]
    return {
        "rate": statistics.median(rates),
        "best": max(rates),
        "processor": threads * sum(s[0] for s in found) / max(sum(s[2] for s in found), 1e-9),
    }


def main():
    module, folder, setting = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    # what libraries print on standard output would be taken for an answer
    answers, sys.stdout = sys.stdout, sys.stderr
    run = importlib.import_module(module).start(folder, setting)
    warmed = None
    for line in sys.stdin:
        batch, seconds = int(line.split()[0]), float(line.split()[1])
        if batch != warmed:
            warm(run, batch)
            warmed = batch
        print(json.dumps(measure(run, batch, seconds, setting["threads"])), file=answers, flush=True)


if __name__ == "__main__":
    main()
