"""From the ONNX model that fm-export wrote, those that its runtimes like best.

usage: onnx_models.py FOLDER

FOLDER/bytes.onnx, which reads pixels as they lie in a stream, gives floats.onnx, which begins at the first layer, and
both quantised to int8 in ways that differ in sign and form: bytes-u8.onnx, floats-u8.onnx, floats-s8.onnx,
floats-operator.onnx. Ranges of activations come from training pictures.
"""
import os
import sys

import numpy as np
import onnx
import onnx.utils
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

CALIBRATION, BATCH = 1024, 64
FORMS = {
    "bytes-u8": ("bytes", QuantFormat.QDQ, QuantType.QUInt8),
    "floats-u8": ("floats", QuantFormat.QDQ, QuantType.QUInt8),
    "floats-s8": ("floats", QuantFormat.QDQ, QuantType.QInt8),
    "floats-operator": ("floats", QuantFormat.QOperator, QuantType.QUInt8),
}


def as_floats(images):
    """What the first layer reads: [n, c, h, w] from 0 to 1."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)


class Pictures(CalibrationDataReader):
    def __init__(self, name, x):
        self.feeds = iter([{name: x[i : i + BATCH]} for i in range(0, CALIBRATION, BATCH)])

    def get_next(self):
        return next(self.feeds, None)


def cut(folder):
    """Without cast, transposition, scale and shift: those of floats are prepared once, beside the measurement."""
    source = os.path.join(folder, "bytes.onnx")
    nodes = onnx.load(source).graph.node
    first = next(node for node in nodes if node.op_type in ("Conv", "Gemm", "BatchNormalization"))
    onnx.utils.extract_model(source, os.path.join(folder, "floats.onnx"), [first.input[0]], ["prob"])


def main():
    folder = sys.argv[1]
    images = np.load(os.path.join(folder, "images.npy"))
    cut(folder)
    for name, (source, form, activation) in FORMS.items():
        path = os.path.join(folder, source + ".onnx")
        feed = onnx.load(path).graph.input[0].name
        x = images if source == "bytes" else as_floats(images)
        quantize_static(
            path, os.path.join(folder, name + ".onnx"), Pictures(feed, x), quant_format=form, per_channel=True,
            activation_type=activation, weight_type=QuantType.QInt8,
        )


if __name__ == "__main__":
    main()
