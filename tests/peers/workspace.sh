#!/bin/bash
# workspace.sh: what ours and all peers work on, in one folder: pictures as a stream and as arrays, one model, and its ONNX.
#
#	PATH=build/bin:$PATH tests/peers/workspace.sh FOLDER PYTHON
set -euo pipefail

folder=$1 python=$(realpath --no-symlinks "$2")
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
cd "$folder"

# made anew when fm-train is: the model holds what its programs know to write
[ floats-operator.onnx -nt "$(command -v fm-train)" ] && exit 0
rm -f floats-operator.onnx
fm-fetch fashion-mnist --range 0:12800 > train.fms
fm-fetch fashion-mnist --split test > test.fms
# a record a picture, for 2,000 of them
fm-export --format npy -o raw test.fms
tail -c $((2000 * 28 * 28)) raw/images.npy | fm-fetch --raw 28x28x1 > single.fms
rm -r raw
# with validation data, whose activations' ranges int8 needs
fm-fetch fashion-mnist --range 12800:22800 --holdout 1000 | fm-train --quiet --epochs 1 -o model.safetensors
rm -rf arrays
fm-export --format npy -o arrays train.fms
mv arrays/*.npy .
rmdir arrays
fm-export --fold -o bytes.onnx model.safetensors
"$python" "$here/onnx_models.py" . 2> models.log || {
	tail -n 5 models.log >&2
	exit 1
}
