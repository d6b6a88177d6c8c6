"""OpenVINO predicts with the model that fm-export wrote."""
import os

import numpy as np
import openvino

from onnx_models import as_floats

def start(folder, setting):
    core = openvino.Core()
    images = np.load(os.path.join(folder, "images.npy"))
    x = images if setting["model"].startswith("bytes") else as_floats(images)
    options = {
        "INFERENCE_NUM_THREADS": setting["threads"],
        "NUM_STREAMS": min(setting["streams"], setting["threads"]),
        "INFERENCE_PRECISION_HINT": "f32" if setting["precision"] == "fp32" else "bf16",
    }
    prepared = {}

    def prepare(batch):
        model = core.read_model(os.path.join(folder, setting["model"] + ".onnx"))
        if setting["shape"] == "fixed":
            model.reshape([batch, *x.shape[1:]])
        compiled = core.compile_model(model, "CPU", options)
        if setting["streams"] == 1:
            return compiled.create_infer_request()
        return openvino.AsyncInferQueue(compiled, 2 * setting["streams"])

    def run(batch):
        if batch not in prepared:
            prepared[batch] = prepare(batch)
        if setting["streams"] == 1:
            prepared[batch].infer({0: x[:batch]}, share_inputs=True, share_outputs=True)
            return batch
        times = 4 * setting["streams"]
        for _ in range(times):
            prepared[batch].start_async({0: x[:batch]}, share_inputs=True)
        prepared[batch].wait_all()
        return times * batch

    return run
