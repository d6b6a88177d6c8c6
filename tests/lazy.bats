#!/usr/bin/env bats
# The lazy form of a stream, fm-stream(5): fm-augment --lazy, and what every reader makes of it.

load helper

pass() {
	"$FM_BIN/../tests/bench/pass" "$@"
}

lazy() {
	need_python numpy xxhash
	"$PYTHON" "$FM_ROOT/tests/oracles/lazy.py" "$@"
}

# stream FILE SHAPE N [HOLDOUT]: random pictures, with names of different widths and a tensor that nobody knows
stream() {
	need_python numpy xxhash
	"$PYTHON" - "$@" <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		path, shape, n = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3])
		random = numpy.random.default_rng(5)
		names = b"".join((b"%d" % i * (1 + i % 3)).ljust(16, b"\0") for i in range(n))
		stream.write(path, {"image": random.integers(0, 256, (n, *shape), numpy.uint8),
		                    "label": (numpy.arange(n) % 4 - 1).astype(numpy.int32),
		                    "id": random.permutation(n).astype(numpy.int64) * 1000 - 7,
		                    "depth": random.random((n, 2), numpy.float32),
		                    "name": numpy.frombuffer(names, numpy.uint8).reshape(n, 16)},
		             ["a", "b", "c"], rows=37, holdout=int(sys.argv[4]) if len(sys.argv) > 4 else None)
	END
}

# samples FILE: a line for each sample: part, epoch, and all that it has
samples() {
	"$PYTHON" - "$@" <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import stream, xxhash
		for metadata, tensors in stream.read(open(sys.argv[1], "rb").read()):
		    for i in range(len(tensors.get("image", []))):
		        print(metadata.get("fm.part"), metadata.get("fm.epoch"), tensors["name"][i].tobytes().rstrip(b"\0").decode(),
		              *(tensors[name][i].tolist() for name in sorted(tensors) if name not in ("image", "name")),
		              xxhash.xxh3_64_hexdigest(tensors["image"][i].tobytes()))
	END
}

# same IN OPTION…: the lazy stream is sound and stands for the samples of the plain one
same() {
	local in=$1
	shift
	fm-augment "$@" "$in" > plain.fms
	fm-augment --lazy "$@" "$in" > lazy.fms
	pass plain.fms > plain.pass
	pass lazy.fms > lazy.pass
	samples plain.pass > plain.samples
	samples lazy.pass > lazy.samples
	[ -s plain.samples ]
	cmp plain.samples lazy.samples
	lazy check lazy.fms > fill
}

@test "every reader sees the samples of the plain stream, for every fill and every transform" {
	stream grey.fms '(9, 7, 1)' 100 20
	stream colour.fms '(6, 11, 3)' 60
	stream pixel.fms '(1, 1, 1)' 30
	local in fill
	for in in grey colour pixel; do
		for fill in nearest constant reflect wrap; do
			same $in.fms --rotation 180 --shift 1.5 --zoom 0.5 --fill $fill --epochs 2
			grep -qx "$fill\( 0\)\?" fill
		done
		same $in.fms --preset seed --fill constant --fill-value 200 --epochs 1
		grep -qx "constant 200" fill
		same $in.fms --flip --erase 0.7 --brightness 0.5 --contrast 0.8 --preset keras --epochs 3 --seed 9
		same $in.fms --epochs 2
	done
}

@test "a stream goes on at a later epoch" {
	stream in.fms '(9, 7, 1)' 100 20
	same in.fms --preset seed --epochs 4 --start-epoch 3
	[ "$(grep -c '^fit 3 ' lazy.samples)" -eq 80 ]
}

@test "a stream of many records, kept in a file, on any threads and instruction set" {
	stream in.fms '(4, 4, 1)' 20000
	same in.fms --preset seed --epochs 1
	fm-augment --lazy --preset seed --epochs 1 --threads 1 --memory 4K in.fms | cmp - lazy.fms
	FM_CPU=plain pass lazy.fms | cmp - lazy.pass
	# the rows of one record are more samples than a usual record holds
	stream large.fms '(90, 100, 2)' 100
	same large.fms --preset seed --epochs 2
	[ "$("$PYTHON" -c 'import sys; print(sys.stdin.buffer.read().count(b"fm.xxh3"))' < lazy.pass)" -gt 4 ]
	stat -c %s lazy.pass | awk '{ exit !($1 > 3600000) }'
	fm-info lazy.pass > text
	run ! grep -q '^form' text
}

@test "no samples, and none to fit" {
	stream none.fms '(5, 5, 1)' 0
	fm-augment --lazy --epochs 2 none.fms | pass > out.fms
	[ -z "$(samples out.fms)" ]
	stream held.fms '(5, 5, 1)' 10 10
	same held.fms --flip --epochs 2
	fm-augment --lazy --epochs inf held.fms | pass > out.fms
	[ "$(samples out.fms | wc -l)" -eq 10 ]
}

@test "a reader that has enough ends endless epochs quietly" {
	need_fashion_mnist
	set -o pipefail
	fm-fetch fashion-mnist --range 0:300 | fm-augment --preset seed --epochs inf --lazy 2> words |
		fm-train --arch "flatten, dense classes" --batch 50 --steps 15 -o m.safetensors
	[ ! -s words ]
	[ -s m.safetensors ]
}

@test "fm-info shows the form itself, and its script makes the same bytes" {
	need_fashion_mnist
	fm-fetch fashion-mnist --range 0:200 --holdout 50 | fm-augment --preset seed --fill constant --epochs 2 --lazy > lazy.fms
	fm-info lazy.fms > text
	grep -qE '^form +lazy$' text
	grep -qE '^fill +constant 0$' text
	grep -qE '^data_samples +200$' text
	grep -qE '^samples +500$' text
	grep -qE '^unlabelled +0$' text
	grep -q 'affine I32 \[n, 6\]' text
	fm-info --script lazy.fms > again.sh
	sh again.sh | cmp - lazy.fms
	fm-fetch fashion-mnist --range 0:20 | fm-augment --flip --epochs 3 --start-epoch 1 --lazy > late.fms
	fm-info --script late.fms > again.sh
	sh again.sh | cmp - late.fms
	run ! grep -q start-epoch <(fm-info lazy.fms)
	fm-info < lazy.fms | cmp - text
}

@test "options that can't be, and tensors in the way" {
	stream in.fms '(5, 5, 1)' 10
	run -2 fm-augment --lazy in.fms
	assert_output --partial "--lazy needs --epochs"
	fm-augment --lazy --epochs 2 in.fms > lazy.fms
	run -2 fm-augment --epochs 2 lazy.fms
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		stream.write("tone.fms", {"image": numpy.zeros((3, 4, 4, 1), numpy.uint8), "tone": numpy.zeros(3, numpy.int32)}, ["a"])
	END
	run -3 fm-augment --lazy --epochs 2 tone.fms
	assert_output --partial 'there is a tensor "tone" already'
}

@test "a sound stream of the page's own making is read" {
	lazy sound > sound.fms
	pass sound.fms > out.fms
	[ "$("$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import stream
		print([(m.get("fm.part"), m.get("fm.epoch"), t["id"].tolist()) for m, t in stream.read(open("out.fms", "rb").read())[:-1]])
	END
	)" = "[('holdout', None, [0, 1]), ('fit', '0', [2, 3, 4]), ('fit', '1', [4, 2]), ('fit', '1', [3])]" ]
}

@test "hostile streams are refused, with record and byte, and nothing ends as if whole" {
	lazy hostile .
	local says name record words
	for says in *.says; do
		{ read -r name && read -r record && read -r words; } < "$says" || [ -n "$name" ]
		run -3 bash -c "'$FM_BIN/../tests/bench/pass' '${says%.says}.fms' 2>&1 > out"
		[[ $output == *"record $record "*"at byte "*"$words"* ]] || fail "$name: $output"
		run -3 fm-info "${says%.says}.fms"
		[[ $output == *"record $record "*"at byte "*"$words"* ]] || fail "fm-info, $name: $output"
		run ! grep -aq 'fm\.end' out
	done
	[ "$(ls ./*.says | wc -l)" -gt 40 ]
}

@test "a lazy stream cut anywhere is torn" {
	lazy sound > sound.fms
	local size
	size=$(stat -c %s sound.fms)
	for ((cut = 1; cut < size; cut += 97)); do
		head -c "$cut" sound.fms > torn.fms
		run -3 bash -c "'$FM_BIN/../tests/bench/pass' torn.fms 2> words > out"
		grep -q 'record . at byte' words
		run ! grep -aq 'fm\.end' out
	done
}

@test "hostile and torn streams leave fm-train no model" {
	lazy hostile .
	local says name record words
	for says in *.says; do
		{ read -r name && read -r record && read -r words; } < "$says" || [ -n "$name" ]
		run -3 fm-train --arch "flatten, dense classes" --batch 2 -o m.safetensors "${says%.says}.fms"
		[ "$name" = "epochs in another order" ] && words="begins with epoch 1" || words="record $record *at byte *$words"
		# shellcheck disable=SC2053 # a pattern
		[[ $output == *$words* ]] || fail "$name: $output"
		[ ! -e m.safetensors ]
	done
	lazy sound > sound.fms
	local cut size
	size=$(stat -c %s sound.fms)
	for ((cut = 1; cut < size; cut += 197)); do
		head -c "$cut" sound.fms > torn.fms
		run -3 fm-train --arch "flatten, dense classes" --batch 2 -o m.safetensors torn.fms
		[ ! -e m.safetensors ]
	done
	fm-train --arch "flatten, dense classes" --batch 2 -o m.safetensors sound.fms
}
