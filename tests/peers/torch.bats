#!/usr/bin/env bats
# PyTorch as the peer: gradients, ten optimiser steps, and a model file read by the example.
load ../helper

@test "gradients and ten steps of sgd, adam and adamw agree with PyTorch, on ref and cpu" {
	need_python torch numpy xxhash
	run "$PYTHON" "$FM_ROOT/tests/peers/torch_steps.py" "$FM_BIN/../tests/peers/steps" ref cpu
	echo "$output"
	[ "$status" = 0 ]
	[ "$(grep -c '^ok' <<< "$output")" = 12 ]
}

@test "a trained model gives the same probabilities in PyTorch, on the whole test set" {
	need_python torch numpy
	fm-fetch fashion-mnist --range 0:2000 | fm-train --epochs 1 -o model.safetensors
	fm-fetch fashion-mnist --split test | fm-predict -m model.safetensors --format stream > predicted.fms
	run "$PYTHON" "$FM_ROOT/examples/predict_torch.py" model.safetensors < predicted.fms
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == "10000 pictures"* ]]
}
