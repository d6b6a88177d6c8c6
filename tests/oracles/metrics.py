"""Compare every number of fm-metrics --json with scikit-learn (or numpy, where it has no such score)."""
import json
import subprocess
import sys
import warnings

import numpy as np
import sklearn.metrics as sk

import stream

warnings.filterwarnings("ignore")
TOLERANCE = 1e-9


def expect(where, found, wanted):
    wanted = None if wanted is None or not np.isfinite(wanted) else float(wanted)
    if wanted is None or found is None:
        assert found is None and wanted is None, f"{where}: found {found}, expected {wanted}"
    else:
        assert abs(found - wanted) <= TOLERANCE * max(1, abs(wanted)), f"{where}: found {found}, expected {wanted}"


def ratio(part, whole):
    return part / whole if whole else None


def check_averages(found, y, predicted):
    for key, function in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        for average in ("macro", "weighted", "micro"):
            wanted = function(y, predicted, average=average, zero_division=0) if len(y) else None
            expect(f"{key}.{average}", found[key][average], wanted)


def check_agreement(found, y, predicted):
    n = len(y)
    expect("accuracy", found["accuracy"], sk.accuracy_score(y, predicted) if n else None)
    expect("balanced_accuracy", found["balanced_accuracy"], sk.balanced_accuracy_score(y, predicted) if n else None)
    # undefined where either side has one value only: scikit-learn says 0 and NaN, we say null
    is_defined = n and len(set(y)) > 1 and len(set(predicted)) > 1
    expect("mcc", found["mcc"], sk.matthews_corrcoef(y, predicted) if is_defined else None)
    expect("kappa", found["kappa"], sk.cohen_kappa_score(y, predicted) if n else None)


def check_calibration(found, y, q, k):
    n = len(y)
    onehot = np.eye(k)[y] if n else np.zeros((0, k))
    expect("log_loss", found["log_loss"], sk.log_loss(y, q, labels=range(k)) if n and k > 1 else
           ratio(-np.log(np.clip(q, 2**-52, 1 - 2**-52)[:, 0]).sum() if n else 0, n))
    wanted = ratio(((q - onehot) ** 2).sum(), n)
    expect("brier", found["brier"], wanted / 2 if k == 2 and n else wanted)
    if k == 2 and n:
        expect("brier, two", found["brier"], sk.brier_score_loss(y, q[:, 1], pos_label=1) if len(set(y)) > 1 else wanted / 2)
    top, right = q.max(1) if n else np.zeros(0), None
    right = q.argmax(1) == y if n else np.zeros(0, bool)
    bins = np.digitize(top, np.arange(1, 15) / 15, right=True)
    error = sum(abs(right[bins == b].sum() - top[bins == b].sum()) for b in range(15))
    expect("ece", found["ece"], ratio(error, n))


def check_top(found, y, p, k):
    order = np.argsort(-p, axis=1, kind="stable")
    assert list(found["top_k"]) == [str(i + 1) for i in range(min(k, 10))]
    for key, value in found["top_k"].items():
        expect(f"top_k.{key}", value, ratio((order[:, :int(key)] == y[:, None]).any(1).sum(), len(y)))


def has_both(y, c):
    return 0 < (y == c).sum() < len(y)


def check_ranking(found, y, p, k):
    for key, function in (("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
        areas = [function(y == c, p[:, c]) if has_both(y, c) else None for c in range(k)]
        for c in range(k):
            expect(f"{key} of {c}", found["classes"][c][key], areas[c])
        there = [c for c in range(k) if areas[c] is not None]
        expect(f"{key}.macro", found[key]["macro"], np.mean([areas[c] for c in there]) if there else None)
        expect(f"{key}.weighted", found[key]["weighted"],
               np.average([areas[c] for c in there], weights=[(y == c).sum() for c in there]) if there else None)


def check_classes(found, y, predicted, k, names):
    precision, recall, f1, support = sk.precision_recall_fscore_support(y, predicted, labels=range(k), zero_division=0) \
        if len(y) else np.zeros((4, k))
    assert [c["name"] for c in found["classes"]] == names
    for c, one in enumerate(found["classes"]):
        assert one["support"] == support[c]
        expect(f"precision of {c}", one["precision"], precision[c] if (predicted == c).any() else None)
        expect(f"recall of {c}", one["recall"], recall[c] if (y == c).any() else None)
        expect(f"f1 of {c}", one["f1"], f1[c] if (y == c).any() or (predicted == c).any() else None)


def check_confusion(found, y, predicted, k, names):
    matrix = sk.confusion_matrix(y, predicted, labels=range(k)) if len(y) else np.zeros((k, k), int)
    assert found["confusion_matrix"] == matrix.tolist(), "confusion_matrix"
    pairs = [(-matrix[a, b], a, b) for a in range(k) for b in range(k) if a != b and matrix[a, b]]
    wanted = [{"actual": names[a], "predicted": names[b], "count": -m, "share": -m / matrix[a].sum()}
              for m, a, b in sorted(pairs)[:20]]
    assert len(found["confused_pairs"]) == len(wanted)
    for one, other in zip(found["confused_pairs"], wanted):
        expect("share", one["share"], other["share"])
        assert all(one[key] == other[key] for key in ("actual", "predicted", "count")), (one, other)


def check_points(where, points, x, y, threshold):
    assert len(points) == len(x), f"{where}: {len(points)} points, expected {len(x)}"
    for i, point in enumerate(points):
        expect(f"{where} {i} x", point["x"], x[i])
        expect(f"{where} {i} y", point["y"], y[i])
        expect(f"{where} {i} threshold", point["threshold"], threshold[i])


def check_curves(found, y, p, q, k):
    top, predicted = q.max(1) if len(y) else np.zeros(0), p.argmax(1) if len(y) else np.zeros(0, int)
    bins = np.digitize(top, np.arange(1, 15) / 15, right=True)
    for c in range(k):
        if not has_both(y, c):
            assert found["roc"][c] == [] and found["pr"][c] == []
        else:
            fpr, tpr, threshold = sk.roc_curve(y == c, p[:, c])
            threshold[0] = np.inf  # releases before 1.3 put the largest plus 1 there
            check_points(f"roc {c}", found["roc"][c], fpr, tpr, threshold)
            precision, recall, threshold = sk.precision_recall_curve(y == c, p[:, c])
            check_points(f"pr {c}", found["pr"][c], recall, precision, np.append(threshold, np.inf))
        where = [(predicted == c) & (bins == b) for b in range(15)]
        full = [b for b in range(15) if where[b].any()]
        check_points(f"reliability {c}", found["reliability"][c], [top[where[b]].mean() for b in full],
                     [(y[where[b]] == c).mean() for b in full], [(b + 1) / 15 for b in full])
        assert [point["count"] for point in found["reliability"][c]] == [where[b].sum() for b in full]


def check(name, p, label, names):
    n, k = p.shape
    stream.write("in.fms", {"image": np.zeros((n, 1, 1, 1), np.uint8), "prob": p.astype(np.float32),
                            "label": label.astype(np.int32), "id": np.arange(n, dtype=np.int64)}, names, rows=77)
    text = subprocess.run(["fm-metrics", "--json", "in.fms"], check=True, capture_output=True).stdout
    found = json.loads(text, parse_constant=lambda constant: sys.exit(f"{name}: {constant} is no JSON"))
    assert found["schema"] == 1 and found["samples"] == n and found["unlabelled"] == (label < 0).sum()
    p = p.astype(np.float32).astype(np.float64)[label >= 0]
    y = label[label >= 0]
    q = p / p.sum(1, keepdims=True)
    predicted = p.argmax(1) if len(y) else np.zeros(0, int)
    check_agreement(found, y, predicted)
    check_averages(found, y, predicted)
    check_calibration(found, y, q, k)
    check_top(found, y, p, k)
    check_ranking(found, y, p, k)
    check_classes(found, y, predicted, k, names)
    check_confusion(found, y, predicted, k, names)
    check_curves(found["curves"], y, p, q, k)
    print(f"{name}: {n} samples of {k} classes agree")


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cases(random):
    def data(n, k, strength=2.0):
        y = random.integers(0, k, n)
        return softmax(random.normal(size=(n, k)) + strength * np.eye(k)[y]), y

    for k in (2, 3, 10, 40):
        yield f"random, {k}", *data(1000, k)
    p, y = data(500, 5)
    yield "absent as label", p, np.where(y == 3, 2, y)
    p[:, 1] = 0
    yield "absent as prediction", p, y
    yield "absent as both", p, np.where(y == 1, 2, y)
    yield "one class in the labels", p, np.full(500, 2)
    yield "one class in both", np.eye(5)[np.full(50, 2)], np.full(50, 2)
    p, y = data(400, 4)
    yield "ties", np.round(p, 1) + 0.1, y
    yield "all tied", np.full((400, 4), 0.25), y
    yield "0 and 1", np.eye(4)[p.argmax(1)], y
    yield "0 and 1, always wrong", np.eye(4)[(y + 1) % 4], y
    yield "0 and 1, always right", np.eye(4)[y], y
    yield "bin edges", np.stack([np.arange(300) % 16 / 15, 1 - np.arange(300) % 16 / 15], 1), random.integers(0, 2, 300)
    yield "not normalised", p * random.uniform(0.01, 50, (400, 1)), y
    yield "tiny", p * 1e-38, y
    yield "unlabelled", p, np.where(random.random(400) < 0.3, -1, y)
    yield "all unlabelled", p, np.full(400, -1)
    yield "no samples", np.zeros((0, 4)), np.zeros(0, int)
    yield "one sample", p[:1], y[:1]
    yield "one class", np.ones((20, 1)), np.zeros(20, int)


if __name__ == "__main__":
    for case, prob, labels in cases(np.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 1)):
        check(case, prob, labels, [f"class {i} \u00e9\"" for i in range(prob.shape[1])])
