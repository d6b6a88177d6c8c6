"""Compare fm-metrics --baseline and --bootstrap with scipy, scikit-learn and a bootstrap of our own draws."""
import json
import subprocess
import warnings

import numpy as np
import scipy.stats
import sklearn.metrics as sk
import xxhash

import stream

warnings.filterwarnings("ignore")
CLASSES = ["a", "b", "c", "d"]
REPLICATES = 60


def philox(counter, key):
    """Philox4x32-10 of counters [4][m]; key: two 32-bit words."""
    c = [np.asarray(word, np.uint64) for word in counter]
    k = [np.uint64(word) for word in key]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        one, other = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(other >> np.uint64(32)) ^ c[1] ^ k[0], other & low, (one >> np.uint64(32)) ^ c[3] ^ k[1], one & low]
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return np.stack(c, 1).ravel()


def draws(seed, replicate, n):
    key = xxhash.xxh3_64_intdigest(b"bootstrap", seed)
    blocks = np.arange((n + 3) // 4)
    words = philox([blocks, np.full_like(blocks, replicate), 0 * blocks, 0 * blocks], (key & 0xFFFFFFFF, key >> 32))
    return (words[:n] * np.uint64(n) >> np.uint64(32)).astype(int)


def near(where, found, wanted, tolerance=1e-9):
    if wanted is None or not np.isfinite(wanted):
        assert found is None, f"{where}: found {found}, expected null"
    else:
        assert found is not None and abs(found - wanted) <= tolerance * max(1, abs(wanted)), f"{where}: found {found}, expected {wanted}"


def predictions(random, y, strength):
    z = random.normal(size=(len(y), len(CLASSES))) + strength * np.eye(len(CLASSES))[y]
    p = np.exp(z)
    return (p / p.sum(1, keepdims=True)).astype(np.float32)


def tensors(p, label, ids, image):
    return {"image": image, "prob": p, "label": label.astype(np.int32), "id": ids.astype(np.int64)}


def log_losses(p, y):
    p = p.astype(float)
    return -np.log(np.clip((p / p.sum(1, keepdims=True))[np.arange(len(y)), y], 2**-52, 1 - 2**-52))


def metrics(*arguments):
    run = subprocess.run(["fm-metrics", "--json", *arguments], capture_output=True)
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout), run.returncode


def check_baseline(random, n, new_strength, old_strength, same=False):
    y = random.integers(0, len(CLASSES), n)
    new, old = predictions(random, y, new_strength), predictions(random, y, old_strength)
    old = new if same else old
    ids, image = random.permutation(10 * n)[:n], random.integers(0, 256, (n, 2, 2, 1), np.uint8)
    label = np.where(random.random(n) < 0.1, -1, y)
    stream.write("new.fms", tensors(new, label, ids, image), CLASSES, rows=70)
    # the baseline comes in another order, and numbers its classes in another
    order, back = random.permutation(n), np.array([2, 0, 3, 1])
    shuffled = np.where(label < 0, -1, np.argsort(back)[label])
    stream.write("old.fms", tensors(old[:, back][order], shuffled[order], ids[order], image[order]),
                 [CLASSES[i] for i in back], rows=33)
    found, status = metrics("--baseline", "old.fms", "--bootstrap", str(REPLICATES), "--seed", "7", "new.fms")
    paired = found["baseline"]
    known = label >= 0
    by_id = np.argsort(ids[known])
    new, old, y = new[known][by_id], old[known][by_id], y[known][by_id]
    n = len(y)
    right, was_right = new.argmax(1) == y, old.argmax(1) == y
    b, c = int((right & ~was_right).sum()), int((~right & was_right).sum())
    assert (paired["samples"], paired["only_new"], paired["only_old"]) == (n, b, c)
    p = min(1, 2 * scipy.stats.binom.cdf(min(b, c), b + c, 0.5)) if n else None
    near("mcnemar", paired["mcnemar"], p)
    near("accuracy", paired["accuracy"], was_right.mean() if n else None)
    near("difference", paired["accuracy_difference"], (b - c) / n if n else None)
    bound = (b - c) / n - 1.645 * np.sqrt(b + c - (b - c) ** 2 / n) / n if n else None
    near("bound", paired["accuracy_bound"], bound)
    difference = log_losses(new, y) - log_losses(old, y)
    near("log loss", paired["log_loss_difference"], difference.mean() if n else None)
    means = [difference[draws(7, i, n)].mean() for i in range(REPLICATES)] if n else [np.nan]
    near("low", paired["log_loss_interval"]["low"], np.percentile(means, 2.5))
    near("high", paired["log_loss_interval"]["high"], np.percentile(means, 97.5))
    assert status == (0 if n and b > c and p < 0.05 else 1), f"exit status {status}"
    for worse in (0, 0.001, 0.02, 0.3):
        status = metrics("--baseline", "old.fms", "--allow-worse", str(worse), "--bootstrap", "1", "new.fms")[1]
        assert status == (0 if n and bound > -worse else 1), f"--allow-worse {worse}: exit status {status}"


def correlation(y, predicted):
    """Undefined where either side has one value only; scikit-learn says 0."""
    return sk.matthews_corrcoef(y, predicted) if len(set(y)) > 1 and len(set(predicted)) > 1 else np.nan


def check_bootstrap(random, n):
    y = random.integers(0, len(CLASSES), n)
    p = predictions(random, y, 1.5)
    stream.write("in.fms", tensors(p, y, np.arange(n), np.zeros((n, 1, 1, 1), np.uint8)), CLASSES)
    found = metrics("--bootstrap", str(REPLICATES), "in.fms")[0]["intervals"]
    q = p.astype(float) / p.astype(float).sum(1, keepdims=True)
    predicted, losses = p.argmax(1), log_losses(p, y)
    scores = {"accuracy": sk.accuracy_score, "balanced_accuracy": sk.balanced_accuracy_score, "mcc": correlation,
              "kappa": sk.cohen_kappa_score}
    for name, function in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        for average in ("macro", "weighted"):
            scores[f"{name}.{average}"] = lambda a, b, f=function, how=average: f(a, b, average=how, zero_division=0)
    samples = [draws(1, i, n) for i in range(REPLICATES)]
    values = {name: [function(y[s], predicted[s]) for s in samples] for name, function in scores.items()}
    values["log_loss"] = [losses[s].mean() for s in samples]
    values["brier"] = [((q - np.eye(len(CLASSES))[y])[s] ** 2).sum(1).mean() for s in samples]
    for name, column in values.items():
        interval = found
        for part in name.split("."):
            interval = interval[part]
        near(f"{name} low", interval["low"], np.nanpercentile(column, 2.5))
        near(f"{name} high", interval["high"], np.nanpercentile(column, 97.5))


if __name__ == "__main__":
    rng = np.random.default_rng(2)
    for case in ((0, 1, 1), (300, 2, 1), (300, 1, 2), (300, 1.5, 1.5), (1500, 2, 1.9), (40, 3, 3), (1, 1, 1), (200, 1, 1, True)):
        check_baseline(rng, *case)
        print("baseline", case, "agrees")
    for size in (500, 37, 3):
        check_bootstrap(rng, size)
        print("bootstrap of", size, "agrees")
