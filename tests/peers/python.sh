#!/bin/sh
# python.sh: other people's programs, from PyPI, in an environment of their own, at the versions of requirements.txt.
#
#	tests/peers/python.sh [FOLDER [all]]
#
# FOLDER is build/peers by default. It gets what a test needs, onnx and onnxruntime; with "all" every peer that speed is
# compared with. PyTorch there brings its GPU libraries along: 3 GB come over the network, 8 GB stay.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../build/peers}
python=$folder/bin/python
# written when all are in, so that half an environment is completed and other versions are noticed
complete=$folder/requirements.txt

cmp -s "$here/requirements.txt" "$complete" && exit 0
if [ ! -x "$python" ]; then
	mkdir -p "$folder"
	free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1e6) }')
	[ "${2-}" != all ] || [ "$free" -ge 12 ] || {
		echo "python.sh: the peers need 12 GB while they are installed; $folder has $free GB free" >&2
		exit 4
	}
	/usr/bin/python3 -m venv "$folder"
fi
if [ "${2-}" = all ]; then
	"$python" -m pip install --quiet --requirement "$here/requirements.txt"
	cp "$here/requirements.txt" "$complete"
else
	"$python" -c 'import onnx, onnxruntime, xxhash' 2> /dev/null ||
		"$python" -m pip install --quiet --constraint "$here/requirements.txt" onnx onnxruntime numpy xxhash
fi
