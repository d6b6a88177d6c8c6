"""How fast fm-tools are, measured as the peers are: tests/bench's programs, and whole commands."""
import os
import re
import resource
import statistics
import subprocess
import time

CPU_LINE = re.compile(r"(train|predict) .*batch +(\d+) threads (\d+) +(\d+) images/s \(best +(\d+)\) +([\d.]+) GFLOP/s, ([\d.]+) of (\d+)")


class Absent(Exception):
    """With why this can't be measured here."""


class Ours:
    """folder: the pictures and the model; clock: wall or processor, whose seconds count."""

    def __init__(self, folder, clock):
        self.folder, self.clock = folder, clock
        self.programs, self.benches = os.environ["FM_BIN"], os.environ["FM_BENCH"]

    def environment(self, **more):
        return {**os.environ, "PATH": self.programs + ":" + os.environ["PATH"], **more}

    def cpu(self, work, precision, batch=128, threads=2, seconds=0.8, mask=None, arguments=()):
        """The backend in process: {rate, best, share, gigaflops, roof}; work is train or predict."""
        command = [os.path.join(self.benches, "cpu"), "--" + work, "--precision", precision, "--batch", str(batch),
                   "--threads", str(threads), "--seconds", str(seconds), *arguments]
        command += ["--cpu-time"] if self.clock == "processor" else []
        done = subprocess.run(command, env=self.environment(**({"FM_CPU": mask} if mask else {})), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        found = CPU_LINE.search(done.stdout)
        if done.returncode or not found:
            raise Absent(done.stdout.strip().splitlines()[-1][:150] if done.stdout.strip() else "no figure")
        rate, best, gigaflops, share, roof = map(float, found.groups()[3:])
        return {"rate": rate, "best": best, "gigaflops": gigaflops, "share": share, "roof": roof, "batch": batch}

    def best_batch(self, work, precision, batches, **more):
        """As for the peers: the batch that is fastest in a short trial."""
        tried = [self.cpu(work, precision, batch, seconds=0.3, **more) for batch in batches]
        return max(tried, key=lambda t: t["rate"])["batch"]

    def seconds(self, command, threads=2):
        """Of a whole shell command in the folder; by processor time its threads' mean."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        done = subprocess.run(["bash", "-c", "set -e -o pipefail; " + command], cwd=self.folder, env=self.environment(), text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wall = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise Absent((done.stderr.strip().splitlines() or [f"status {done.returncode}: {command}"])[-1][:150])
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return used / threads if self.clock == "processor" else wall

    def median_seconds(self, command, times, threads=2):
        return statistics.median(self.seconds(command, threads) for _ in range(times))

    def latency(self, precision):
        """Median milliseconds of one picture through fm-predict and back."""
        command = [os.path.join(self.benches, "latency"), "", "records", "single.fms",
                   os.path.join(self.programs, "fm-predict"), "-m", "model.safetensors", "--precision", precision,
                   "--format", "jsonl"]
        done = subprocess.run(command, cwd=self.folder, env=self.environment(), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        if done.returncode:
            raise Absent(done.stderr.strip().splitlines()[0][:150])
        return float(done.stdout.split(" us median")[0].split()[-1]) / 1e3
