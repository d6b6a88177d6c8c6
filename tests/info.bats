#!/usr/bin/env bats
# fm-info: what a stream or a model is, and how it was made.

load helper

setup_file() {
	need_fashion_mnist
	cd "$BATS_FILE_TMPDIR" || return 1
	fm-fetch fashion-mnist --range 0:500 --holdout 100 > s.fms
	if command -v fm-train > /dev/null; then
		fm-augment --preset seed --epochs 2 < s.fms > a.fms
		fm-train --arch "conv 4 3x3 stride 2, bn, relu, flatten, dense classes" --batch 50 -o m.safetensors < a.fms
	fi
}

json() {
	"$PYTHON" -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2], {"d": d}))' "$@"
}

@test "a stream is counted: records, samples, parts, classes" {
	fm-info --json "$BATS_FILE_TMPDIR/s.fms" > d.json
	[ "$(json d.json 'd["kind"], d["samples"], d["holdout_samples"], d["unlabelled"]')" = "('stream', 500, 100, 0)" ]
	[ "$(json d.json 'len(d["classes"]), sum(c["samples"] for c in d["classes"])')" = "(10, 500)" ]
	[ "$(json d.json 'd["tensors"][-1]["name"], d["tensors"][-1]["row_shape"]')" = "('image', [28, 28, 1])" ]
	fm-info < "$BATS_FILE_TMPDIR/s.fms" > text
	grep -q "Ankle boot" text
}

@test "a stream with tensors that are reserved is shown, and used by nobody" {
	"$PYTHON" - "$BATS_TEST_DIRNAME/oracles" <<- 'END'
	import sys; sys.path.insert(0, sys.argv[1])
	import numpy as np, stream
	stream.write("reserved.fms", {"image": np.zeros((3, 2, 2, 1), np.uint8), "weight": np.ones(3, np.float32),
	                              "target": np.ones((3, 4), np.float32)}, ["a"])
	END
	fm-info reserved.fms > text
	grep -q "target F32 \[n, 4\]" text
	grep -q "weight F32 \[n\]" text
	fm-info < reserved.fms | cmp - text
	run -3 --separate-stderr fm-augment reserved.fms
	[[ "$stderr" == *reserved* ]]
}

@test "a model is laid out: layers, shapes, parameters" {
	need fm-train
	fm-info --json "$BATS_FILE_TMPDIR/m.safetensors" > d.json
	[ "$(json d.json '[l["name"] for l in d["layers"]][:3]')" = "['conv1', 'bn1', 'relu1']" ]
	[ "$(json d.json 'd["layers"][0]["output_shape"], d["layers"][0]["parameters"]')" = "([13, 13, 4], 40)" ]
	# 4 x 9 + 4, four a channel for batch norm, 13 x 13 x 4 x 10 + 10
	[ "$(json d.json 'd["parameters"], d["trainable"], d["non_trainable"]')" = "(6826, 6818, 8)" ]
	fm-info "$BATS_FILE_TMPDIR/m.safetensors" | grep -q "parameters: 6826"
	fm-info < "$BATS_FILE_TMPDIR/m.safetensors" | grep -q "parameters: 6826"
}

@test "the script of a stream makes the same bytes" {
	fm-info --script "$BATS_FILE_TMPDIR/s.fms" > again.sh
	sh again.sh > again.fms
	cmp "$BATS_FILE_TMPDIR/s.fms" again.fms
}

@test "the script of a model makes the same bytes" {
	need fm-train
	fm-info --script "$BATS_FILE_TMPDIR/m.safetensors" > again.sh
	sh again.sh again.safetensors
	cmp "$BATS_FILE_TMPDIR/m.safetensors" again.safetensors
}

@test "the script of predictions makes the model first" {
	need fm-train fm-predict
	fm-fetch fashion-mnist --split test --range 0:50 | fm-predict -m "$BATS_FILE_TMPDIR/m.safetensors" > p.fms
	fm-info --script p.fms > again.sh
	sh again.sh > again.fms
	cmp p.fms again.fms
}

@test "the script of joined streams joins them again" {
	fm-fetch fashion-mnist --range 0:10 > a.fms
	fm-fetch fashion-mnist --range 10:30 > b.fms
	cat a.fms b.fms | fm-augment --flip > c.fms
	fm-info --script c.fms > again.sh
	sh again.sh > again.fms
	cmp c.fms again.fms
}

@test "of joined streams each is described, and the script makes all of them" {
	fm-fetch fashion-mnist --range 0:10 > a.fms
	fm-fetch fashion-mnist --range 10:30 | fm-augment --flip > b.fms
	cat a.fms b.fms > ab.fms
	fm-info --script ab.fms > again.sh
	sh again.sh | cmp - ab.fms
	fm-info ab.fms | sed -n '/^history/,$p' | sed 's/ {.*//' > text
	diff - text <<- 'END'
	history of joined stream 1, of 10 samples
	  fm-fetch
	history of joined stream 2, of 20 samples
	  fm-augment
	    fm-fetch
	END
	fm-info --json ab.fms > d.json
	[ "$(json d.json '[(m["samples"], m["history"][0]["tool"]) for m in d["members"]], "history" in d')" = \
		"([(10, 'fm-fetch'), (20, 'fm-augment')], False)" ]
	fm-info --json a.fms > d.json
	[ "$(json d.json '"members" in d, d["history"][0]["tool"]')" = "(False, 'fm-fetch')" ]
	# those of which nothing is known but their content are asked for
	cp "$FM_ROOT/tests/fuzz/corpus/stream/joined" joined.fms
	fm-info --script joined.fms > again.sh
	run -2 --separate-stderr sh again.sh
	[[ $stderr == *"FM_INPUT_1: a file with content "* ]]
	fm-info --json joined.fms > d.json
	[ "$(grep -c '^cat "$FM_INPUT_[12]"$' again.sh)" = 2 ]
}

@test "the script asks for what came through a pipe and left no history" {
	head -c 1568 /dev/urandom > frames
	fm-fetch --raw 28x28x1 < frames > raw.fms
	fm-info --script raw.fms > again.sh
	run -2 --separate-stderr sh again.sh < /dev/null
	[[ $stderr == *"FM_INPUT_1: a file with what fm-fetch has read"* ]]
	[ -z "$output" ]
	FM_INPUT_1=frames sh again.sh | cmp - raw.fms
	for i in 0 1 2; do
		{ echo "P5 2 2 255" && printf %s "abc$i"; } > $i.pgm
	done
	fm-fetch 0.pgm 1.pgm 2.pgm > pictures.fms
	fm-info --script pictures.fms > again.sh
	run -2 --separate-stderr sh again.sh < /dev/null
	printf '%s\0' 0.pgm 1.pgm 2.pgm > list
	FM_INPUT_1=list sh again.sh | fm-info --json > again.json
	[ "$(json again.json 'd["content"]')" = "$(fm-info --json pictures.fms | sed 's/.*"content":"\([0-9a-f]*\)".*/\1/')" ]
}

@test "the script of pictures made as a model's has --like alone" {
	need fm-train
	{ echo "P5 20 30 255" && head -c 600 /dev/urandom; } > picture.pgm
	fm-fetch --like "$BATS_FILE_TMPDIR/m.safetensors" picture.pgm > like.fms
	fm-info --script like.fms > again.sh
	sh again.sh | cmp - like.fms
}

@test "a model comes through a pipe, at once or in pieces, as it does from a file" {
	want=$(fm-info --json "$BATS_FILE_TMPDIR/m.safetensors")
	model=$BATS_FILE_TMPDIR/m.safetensors
	[ "$(cat "$model" | fm-info --json)" = "$want" ]
	[ "$({ head -c 3 "$model" && sleep 0.2 && tail -c +4 "$model"; } | fm-info --json -)" = "$want" ]
	[ "$(fm-info --json < "$model")" = "$want" ]
	for size in 0 7 20 500; do
		run -3 bash -c 'head -c '$size' "$0" | fm-info' "$model"
	done
	assert_output --partial "standard input ends at byte 500"
	run -3 bash -c 'yes | head -c 1000 | fm-info'
	assert_output --partial "is this a tensor stream?"
}

@test "what is neither stream nor model, or torn, is refused" {
	echo hello > text
	run -3 fm-info text
	head -c -50 "$BATS_FILE_TMPDIR/s.fms" > torn.fms
	run -3 fm-info torn.fms
	[ -z "$(fm-info torn.fms 2> /dev/null)" ]
	run -4 fm-info nowhere
	run -2 fm-info --json --script "$BATS_FILE_TMPDIR/s.fms"
}
