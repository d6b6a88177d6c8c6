"""Everything that is tried of every peer: which of it is the best, search.py finds out.

A setting is what NAME_peer.py's start() wants. work: train, generate (train on pictures that are augmented meanwhile),
predict, warp; precision: of the multiplications; threads; batches: those to try; environment: variables to start with.
"""
import itertools

TRAIN_BATCHES = [64, 128, 256, 512, 1024]
PREDICT_BATCHES = [1, 8, 32, 64, 128, 256, 512, 1024]
# glibc as it is, or told to keep what is freed, in huge pages
MEMORY = {
    "glibc": {},
    "kept": {
        "MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184", "MALLOC_ARENA_MAX": "1",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    },
}
# int8: what onnx_models.py makes of the exported model
QUANTISED = ["bytes-u8", "floats-u8", "floats-s8", "floats-operator"]


def torch(work, threads):
    """arithmetic: fp32; autocast to bf16; fp32 in memory and bf16 inside of convolutions and products; bf16 weights."""
    precisions = {"fp32": "fp32", "autocast": "bf16", "inside": "bf16"}
    modes = ["eager", "compiled"]
    if work == "predict":
        precisions["weights"] = "bf16"
        modes.append("frozen")
    for mode, layout, arithmetic, memory in itertools.product(modes, ["nhwc", "nchw"], precisions, MEMORY):
        if mode == "eager" or memory == "kept":
            yield {
                "precision": precisions[arithmetic], "arithmetic": arithmetic, "mode": mode, "layout": layout,
                "memory": memory, "environment": MEMORY[memory],
                "batches": TRAIN_BATCHES if work == "train" else PREDICT_BATCHES,
            }


def keras(work, threads):
    """feed: how many threads or processes augment pictures. XLA's code (jit) and TensorFlow's."""
    feeds = ["threads 1", "threads 2", "threads 4", "processes 2"] if work == "generate" else ["memory"]
    batches = {"train": [128, 256, 512], "generate": [128], "predict": [128, 512]}[work]
    for precision, jit, feed in itertools.product(["fp32", "bf16"], [False, True], feeds):
        yield {"precision": precision, "jit": jit, "feed": feed, "batches": batches}


def onnxruntime(work, threads):
    """binding: outputs are allocated once."""
    models = [("fp32", "floats"), ("fp32", "bytes")] + [("int8", name) for name in QUANTISED]
    for (precision, model), binding in itertools.product(models, [False, True]):
        yield {"precision": precision, "model": model, "binding": binding, "batches": PREDICT_BATCHES}
        yield {"precision": precision, "model": model, "binding": binding, "batches": [1], "threads": 1}


def openvino(work, threads):
    """streams: requests at work at once, which share the threads. shape: the batch is compiled in, or free."""
    models = [(precision, name) for precision in ("fp32", "bf16") for name in ("floats", "bytes")]
    models += [("int8", name) for name in QUANTISED if name != "floats-operator"]
    for (precision, model), (streams, shape) in itertools.product(models, [(1, "fixed"), (1, "free"), (2, "fixed")]):
        setting = {"precision": precision, "model": model, "streams": streams, "shape": shape}
        yield {**setting, "batches": PREDICT_BATCHES if streams == 1 else PREDICT_BATCHES[1:]}
        if streams == 1:
            yield {**setting, "batches": [1], "threads": 1}


def opencv(work, threads):
    """inverse: the transform needs not be inverted; hint: how exact; reuse: the target is allocated once."""
    for inverse, hint, reuse in itertools.product([False, True], ["DEFAULT", "ACCURATE", "APPROX"], [False, True]):
        yield {"precision": "bytes", "inverse": inverse, "hint": hint, "reuse": reuse, "batches": [512], "threads": 1}


def scipy(work, threads):
    yield {"precision": "floats", "batches": [512], "threads": 1}


WORKS = {
    "train": [torch, keras], "generate": [keras], "predict": [onnxruntime, openvino, torch, keras], "warp": [opencv, scipy],
}


def every(threads):
    for work, peers in WORKS.items():
        for peer in peers:
            for setting in peer(work, threads):
                yield {"peer": peer.__name__, "work": work, "threads": threads, **setting}


def words(setting):
    """As a person reads it."""
    rest = [str(setting[key]) for key in ("precision", "arithmetic", "mode", "layout", "model", "feed", "hint") if key in setting]
    rest += [f"{key} {setting[key]}" for key in ("streams", "shape", "memory") if key in setting]
    rest += [key for key in ("jit", "binding", "inverse", "reuse") if setting.get(key)]
    return f"{setting['peer']} {', '.join(rest)}, threads {setting['threads']}"
