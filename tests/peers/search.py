"""Which settings are a peer's best: each is tried once and remembered in FOLDER/best.json.

usage: search.py FOLDER wall|processor [WORK | PEER]...

A setting that is slow at the usual batch is not tried at others. What was tried stays known until the processor, the
number of threads or the versions change; remove best.json to begin again. By processor time (all threads' together) a
machine may be busy with other work meanwhile.
"""
import fcntl
import json
import os
import sys

import settings
from worker import Failed, Worker

SECONDS = 0.6
# the batch that is tried first, and the share of the best below which the others are not tried
USUAL_BATCH, HOPELESS = 128, 0.6
# how far behind the best others may be to be run against ours, how many such, and how many batches of one setting
NEAR, FINALISTS, BATCHES_EACH = 0.8, 4, 2


def machine():
    lines = open("/proc/cpuinfo").read().splitlines()
    keys = ("model name", "cpu family", "model", "Features", "CPU part")
    about = sorted({line for line in lines if line.split(":")[0].strip() in keys})
    return {
        "processor": about, "threads": len(os.sched_getaffinity(0)),
        "versions": open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")).read(),
    }


class Tried:
    """What best.json holds: [{setting, batch, figure} or {setting, failed}]; figure in pictures a second, by the clock of
    the search: the best stretch by the wall's, which other work can only make slower, or by processor time."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "best.json")
        self.about, self.results = machine(), []
        if os.path.exists(self.path):
            kept = json.load(open(self.path))
            if kept["about"] == self.about:
                self.results = kept["results"]

    def add(self, results):
        self.results += results
        with open(self.path + ".new", "w") as file:
            json.dump({"about": self.about, "results": self.results}, file, indent=1)
        os.replace(self.path + ".new", self.path)

    def missing(self):
        known = [result["setting"] for result in self.results]
        return [setting for setting in settings.every(self.about["threads"]) if setting not in known]

    def finalists(self, matches, batch=None):
        """[(setting, batch)] of those that match, best first; with this batch, or each setting with its best ones."""
        fitting = [r for r in self.results if "figure" in r and matches(r["setting"]) and batch in (None, r["batch"])]
        chosen, settings_chosen = [], []
        for result in sorted(fitting, key=lambda r: -r["figure"]):
            if len(chosen) == FINALISTS or chosen and result["figure"] < NEAR * chosen[0]["figure"]:
                break
            if settings_chosen.count(result["setting"]) < BATCHES_EACH:
                settings_chosen.append(result["setting"])
                chosen.append(result)
        return [(result["setting"], result["batch"]) for result in chosen]


def hopeless(found, tried):
    """Is the first figure far behind what the same work does in the same precision and batch?"""
    same = [r["figure"] for r in tried.results if r.get("batch") == found["batch"] and all(
        r["setting"][name] == found["setting"][name] for name in ("work", "precision", "threads"))]
    return found["figure"] < HOPELESS * max(same, default=0)


def try_one(setting, folder, clock, tried):
    """Results of every batch, or of the usual one alone where that is hopeless; and the failure that ended it."""
    found = []
    usual = min(setting["batches"], key=lambda batch: abs(batch - USUAL_BATCH))
    try:
        with Worker(setting, folder, clock) as worker:
            for batch in [usual] + [b for b in setting["batches"] if b != usual]:
                figure = worker.ask(batch, SECONDS)["processor" if clock == "processor" else "best"]
                found.append({"setting": setting, "batch": batch, "figure": round(figure, 1)})
                if len(found) == 1 and hopeless(found[0], tried):
                    break
    except Failed as failure:
        found.append({"setting": setting, "failed": str(failure)})
    return found


def search(folder, clock, chosen=(), say=print):
    """Try what was not tried yet, all of it or of the works and peers chosen; one search at a time. @return Tried"""
    lock = open(os.path.join(folder, "best.lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    tried = Tried(folder)
    todo = [s for s in tried.missing() if not chosen or s["work"] in chosen or s["peer"] in chosen]
    for i, setting in enumerate(todo):
        results = try_one(setting, folder, clock, tried)
        tried.add(results)
        rates = [f"{r['batch']}: {r['figure']:.0f}" for r in results if "batch" in r]
        failed = "".join(" " + r["failed"] for r in results if "failed" in r)
        say(f"{i + 1} of {len(todo)}: {setting['work']}, {settings.words(setting)}: {', '.join(rates)}{failed}", flush=True)
    return tried


if __name__ == "__main__":
    search(sys.argv[1], sys.argv[2], sys.argv[3:])
