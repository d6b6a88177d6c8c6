#!/usr/bin/env bats
# ONNX Runtime as the peer: a net at its full size, on many pictures.
load ../helper

@test "ONNX Runtime gives the same probabilities on the whole test set, batch norm folded or not" {
	FM_PEER_PYTHON=${FM_PEER_PYTHON:-$FM_ROOT/build/peers/bin/python}
	"$FM_ROOT/tests/peers/python.sh" "${FM_PEER_PYTHON%/bin/python}" || skip "onnx and onnxruntime can't be installed"
	fm-fetch fashion-mnist --range 0:2000 | fm-train -q --epochs 1 -o model.safetensors
	fm-fetch fashion-mnist --split test > test.fms
	fm-predict -m model.safetensors --tta none --format stream test.fms > predicted.fms
	for fold in "" --fold; do
		# shellcheck disable=SC2086 # nothing, or an option
		fm-export $fold -o model.onnx model.safetensors
		"$FM_PEER_PYTHON" "$FM_ROOT/tests/oracles/export.py" runtime model.onnx test.fms predicted.fms
	done
}
