"""A peer in a process of its own, which answers how fast it is: the near end of peer.py."""
import json
import os
import select
import subprocess
import sys
import tempfile

# what would slow a peer down or change how many threads it takes
CLEARED = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "ONEDNN_", "DNNL_", "TF_", "TORCH", "MALLOC_", "LD_PRELOAD", "FM_")


class Failed(Exception):
    """With what the peer last said."""


def environment(setting, clock, folder):
    clear = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED)}
    clear["CUDA_VISIBLE_DEVICES"] = ""
    clear["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(os.path.abspath(folder), "inductor")
    # by processor time, waiting must cost nothing; by the wall's, whatever is fastest: the libraries' own way
    if clock == "processor":
        clear["OMP_WAIT_POLICY"] = "passive"
    return {**clear, **setting.get("environment", {})}


class Worker:
    """One peer with one setting. As a context manager it ends what it started."""

    def __init__(self, setting, folder, clock):
        self.setting, self.clock = setting, clock
        self.log = tempfile.TemporaryFile()
        here = os.path.dirname(os.path.abspath(__file__))
        wait = "passive" if clock == "processor" else "active"
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(here, "peer.py"), setting["peer"] + "_peer", folder,
             json.dumps({**setting, "wait": wait})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=environment(setting, clock, folder),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def ask(self, batch, seconds, patience=300):
        """{rate, best, processor} in pictures a second; raises Failed."""
        try:
            self.process.stdin.write(b"%d %g\n" % (batch, seconds))
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self.last_words()) from None
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise Failed(self.last_words() if ready else f"no answer within {patience} s")
        return json.loads(line)

    def last_words(self):
        self.process.wait()
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else f"ended with status {self.process.returncode}"
