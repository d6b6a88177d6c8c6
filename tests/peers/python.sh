#!/bin/sh
# python.sh: onnx and onnxruntime, which Debian lacks, in an environment of their own; what Debian has is used as it is.
#
#	tests/peers/python.sh [FOLDER, by default build/peers]
set -eu

folder=${1:-$(dirname "$0")/../../build/peers}
[ -x "$folder/bin/python" ] || /usr/bin/python3 -m venv --system-site-packages "$folder"
"$folder/bin/python" -c 'import onnx, onnxruntime' 2> /dev/null ||
	"$folder/bin/python" -m pip install --quiet 'onnx>=1.14' 'onnxruntime>=1.16' 'numpy<2'
