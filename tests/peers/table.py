"""The table of make bench-peers: each line of what is asked, ours, the best peer, and their ratio in one paired run.

usage: table.py FOLDER [wall|processor] [ROW]...

FOLDER is what workspace.sh made. Settings that were never tried are tried first, unless SEARCH=no is in the environment.
By processor time, the mean of the threads, other work on the machine plays a smaller part; the wall's clock is for a quiet
one.
"""
import contextlib
import os
import statistics
import sys
import tempfile

import settings
from ours import Absent, Ours
from pairs import alternate
from search import Tried, machine, search
from worker import Failed

BATCHES = [128, 256, 512, 1024]
AUGMENT = "fm-augment --preset seed"


class Table:
    def __init__(self, folder, clock, rows):
        self.folder, self.clock, self.rows = folder, clock, rows
        self.ours = Ours(folder, clock)
        self.threads = machine()["threads"]
        self.line("", "asked", "ours", "best peer", "ratio: min median max", "share of the roof")

    def line(self, *columns):
        print("{:46} {:>13} {:>12} {:>12}   {:23} {}".format(*columns), flush=True)

    def wanted(self, name):
        return not self.rows or any(word in name for word in self.rows)

    def finalists(self, work, matches=lambda setting: True, batch=None):
        known = os.environ.get("SEARCH") == "no"
        tried = Tried(self.folder) if known else search(self.folder, self.clock, [work])
        return tried.finalists(lambda s: s["work"] == work and matches(s), batch)

    @contextlib.contextmanager
    def row(self, name, asked):
        """What can't be measured is said, and the table goes on."""
        try:
            yield
        except (Absent, Failed) as why:
            self.line(name, asked, "-", "-", "", f"not measured: {why}")

    def compare(self, name, asked, matches, work, precision, batches, batch=None, show="{:,.0f}"):
        """Ours in process against the peers that match, in pictures a second."""
        if not self.wanted(name):
            return
        found = []

        def measure():
            found.append(self.ours.cpu(work, precision, batch=size, threads=self.threads))
            return found[-1]["rate"]

        with self.row(name, asked):
            size = self.ours.best_batch(work, precision, batches, threads=self.threads)
            pairs = alternate(measure, self.finalists(work, matches, batch), self.folder, self.clock)
            share, gigaflops = (statistics.median(f[key] for f in found) for key in ("share", "gigaflops"))
            rate, theirs = statistics.median(pairs.ours), statistics.median(pairs.theirs)
            self.ratio(name, asked, show.format(self.figure(rate, batch)), show.format(self.figure(theirs, batch)), pairs,
                       f"{share:.2f}, peer {share * theirs / rate:.2f} (of {gigaflops / share:,.0f} GFLOP/s); batch {size}")

    @staticmethod
    def figure(rate, batch):
        """Milliseconds where single pictures are asked for."""
        return 1e3 / rate if batch == 1 else rate

    def ratio(self, name, asked, ours, theirs, pairs, rest):
        self.line(name, asked, ours, theirs, "{:6.2f} {:6.2f} {:6.2f}".format(*pairs.ratio()), rest)
        print(f"    peer: {settings.words(pairs.setting)}, batch {pairs.batch}", flush=True)

    def train(self):
        unit = {"work": "train", "batches": BATCHES}
        self.compare("train, images/s", "2.6, then 3 x", lambda s: True, precision="bf16", **unit)
        self.compare("train --precision fp32", "2.2 x PyTorch", lambda s: s["peer"] == "torch" and s["precision"] == "fp32",
                     precision="fp32", **unit)

    def predict(self):
        def of(precision):
            return lambda s: s["precision"] == precision

        unit = {"work": "predict", "batches": BATCHES}
        self.compare("predict bf16, images/s", "1.4 x", of("bf16"), precision="bf16", **unit)
        self.compare("predict int8", "2 x any", lambda s: True, precision="int8", **unit)
        self.compare("predict fp32", "1.3 x ONNX R.", lambda s: s["peer"] == "onnxruntime" and s["precision"] == "fp32",
                     precision="fp32", **unit)
        self.compare("predict fp32, any peer", "", of("fp32"), precision="fp32", **unit)

        single = {"work": "predict", "batches": [1], "batch": 1, "show": "{:.4f}"}
        self.compare("one image int8, ms", "0.03 ms", of("int8"), precision="int8", **single)
        self.compare("one image fp32, ms", "0.06 ms", of("fp32"), precision="fp32", **single)

    def whole_train(self):
        """The pipe, fm-train alone and Keras with its generator, pictures a second of whole commands."""
        name = "fm-augment | fm-train, images/s"
        if not self.wanted(name):
            return
        epochs, pictures = 5, 12800
        train = "fm-train -q -o trained.safetensors"
        seconds = []

        def measure():
            alone = self.ours.seconds(f"{train} --epochs {epochs} train.fms")
            piped = self.ours.seconds(f"{AUGMENT} --epochs {epochs} train.fms | {train}")
            steps = self.ours.cpu("train", "auto", seconds=0.5)["rate"]
            seconds.append((alone, piped, epochs * pictures / steps))
            return epochs * pictures / piped

        with self.row(name, "6 x Keras"):
            pairs = alternate(measure, self.finalists("generate"), self.folder, self.clock, rounds=3)
            self.ratio(name, "6 x Keras", f"{statistics.median(pairs.ours):,.0f}", f"{statistics.median(pairs.theirs):,.0f}",
                       pairs, "whole command; the peer after its start")
            self.own("    of fm-train alone", "0.95", [alone / piped for alone, piped, _ in seconds])
            self.own("    fm-train, of its steps (batch 128)", "0.95", [steps / alone for alone, _, steps in seconds])

    def own(self, name, asked, ratios):
        self.line(name, asked, "", "", "{:6.2f} {:6.2f} {:6.2f}".format(min(ratios), statistics.median(ratios), max(ratios)), "")

    def start(self):
        name = "10,000 test images from start, s"
        if not self.wanted(name):
            return
        for precision in ("fp32", "bf16", "int8"):
            with self.row(f"{name}, {precision}", "0.5 s"):
                seconds = self.ours.median_seconds(f"fm-predict -m model.safetensors --precision {precision} test.fms", 5)
                self.line(f"{name}, {precision}", "0.5 s", f"{seconds:.3f}", "", "", "")

    def latency(self):
        for precision in ("int8", "bf16", "fp32") if self.wanted("through a pipe") else ():
            name = f"one image through a pipe, {precision}, ms"
            with self.row(name, "0.08 ms"):
                self.line(name, "0.08 ms", f"{self.ours.latency(precision):.4f}", "", "", "")

    def augment(self):
        """Always by processor time: one core's work, the whole program into a pipe."""
        name = "fm-augment on one core, images/s"
        if not self.wanted(name):
            return
        epochs, pictures = 60, 12800
        ours = Ours(self.folder, "processor")

        def measure():
            return epochs * pictures / ours.seconds(f"{AUGMENT} --threads 1 --epochs {epochs} train.fms > >(cat > /dev/null)", 1)

        for peer, asked in (("opencv", "4, then 6 x"), ("scipy", "")):
            with self.row(name, asked):
                pairs = alternate(measure, self.finalists("warp", lambda s, peer=peer: s["peer"] == peer), self.folder,
                                  "processor", seconds=0.5)
                self.ratio(name, asked, f"{statistics.median(pairs.ours):,.0f}", f"{statistics.median(pairs.theirs):,.0f}",
                           pairs, "whole command; the peer's warps alone")

    def stream(self):
        name = "stream, GB/s"
        if not self.wanted(name):
            return
        ours = Ours(self.folder, "processor")
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as many:
            with open(os.path.join(self.folder, "train.fms"), "rb") as one:
                whole = one.read()
            for _ in range(40):
                many.write(whole)
            many.flush()
            seconds = ours.median_seconds(f"'{ours.benches}/pass' {many.name}", 5, 1)
        self.line(name, "3 GB/s", f"{40 * len(whole) / seconds / 1e9:.2f}", "", "", "read, verified, hashed, written")

    def generality(self):
        """Other shapes and instruction sets, by the share of the roof that they reach."""
        if not self.wanted("share / seed's"):
            return
        small = "conv 32 3x3 same, bn, relu, maxpool 2, conv 64 3x3 same, bn, relu, globalavgpool, dense classes"
        cases = [("32x32x3, 100 classes", "0.8", {}, ["--input", "32x32x3", "--classes", "100"]),
                 ("64x64x1", "0.8", {}, ["--input", "64x64x1"]),
                 ("64x64x1, two convolutions", "0.8", {}, ["--input", "64x64x1", "--arch", small]),
                 ("FM_CPU=avx2, own roof", "0.8", {"mask": "avx2"}, [])]
        for work in ("train", "predict"):
            for what, asked, more, arguments in cases:
                precision = "fp32" if more else "bf16"
                with self.row(f"{work} {what}: share / seed's", asked):
                    pairs = [(self.ours.cpu(work, precision, arguments=arguments, seconds=0.4, **more)["share"],
                              self.ours.cpu(work, precision, seconds=0.4)["share"]) for _ in range(3)]
                    self.own(f"{work} {what}: share / seed's", asked, [a / b for a, b in pairs])

    def everything(self):
        for part in (self.train, self.predict, self.start, self.latency, self.whole_train, self.augment, self.stream,
                     self.generality):
            part()


if __name__ == "__main__":
    Table(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "wall", sys.argv[3:]).everything()
