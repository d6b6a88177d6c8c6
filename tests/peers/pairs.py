"""Ours and the peers in turn, A B A B …, so that what the machine does meanwhile falls on all of them."""
import contextlib
import statistics
import time

from worker import Failed, Worker

# libraries' threads go on spinning for a while
PAUSE = 0.2


class Pairs:
    """What came out: setting and batch of the peer that was best in this run, rates of both sides, ratios pair by pair."""

    def __init__(self, ours, setting, batch, theirs):
        self.ours, self.setting, self.batch, self.theirs = ours, setting, batch, theirs
        self.ratios = [a / b for a, b in zip(ours, theirs)]

    def ratio(self):
        return min(self.ratios), statistics.median(self.ratios), max(self.ratios)


def alternate(measure, finalists, folder, clock, rounds=5, seconds=0.8):
    """measure() is ours: pictures a second. finalists: [(setting, batch)]. @return Pairs; raises Failed where no peer runs"""
    ours, theirs = [], {}
    with contextlib.ExitStack() as stack:
        workers = []
        starting = [(stack.enter_context(Worker(setting, folder, clock)), batch) for setting, batch in finalists]
        for worker, batch in starting:
            with contextlib.suppress(Failed):
                worker.ask(batch, 0.1)
                workers.append((len(workers), worker, batch))
        for _ in range(rounds if workers else 0):
            time.sleep(PAUSE)
            ours.append(measure())
            for at, worker, batch in workers:
                found = worker.ask(batch, seconds)
                theirs.setdefault(at, []).append(found["processor" if clock == "processor" else "rate"])
                time.sleep(PAUSE)
    if not theirs:
        raise Failed("no peer runs")
    at = max(theirs, key=lambda a: statistics.median(theirs[a]))
    _, worker, batch = workers[at]
    return Pairs(ours, worker.setting, batch, theirs[at])
