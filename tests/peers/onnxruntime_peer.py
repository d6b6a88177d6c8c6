"""ONNX Runtime predicts with the model that fm-export wrote."""
import os

import numpy as np
import onnxruntime

from onnx_models import as_floats

def start(folder, setting):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting["threads"]
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if setting.get("wait") == "passive":
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    path = os.path.join(folder, setting["model"] + ".onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    images = np.load(os.path.join(folder, "images.npy"))
    x = images if setting["model"].startswith("bytes") else as_floats(images)
    name = session.get_inputs()[0].name
    bound = {}

    def bind(batch):
        binding = session.io_binding()
        binding.bind_cpu_input(name, x[:batch])
        binding.bind_output("prob")
        return binding

    def run(batch):
        if not setting["binding"]:
            session.run(["prob"], {name: x[:batch]})
            return batch
        if batch not in bound:
            bound[batch] = bind(batch)
        session.run_with_iobinding(bound[batch])
        return batch

    return run
