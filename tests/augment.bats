#!/usr/bin/env bats
# fm-augment: what it sends, in which order, and how it refuses.

load helper

oracle() {
	need_python numpy scipy xxhash
	"$PYTHON" "$FM_ROOT/tests/oracles/augment.py" "$@"
}

# stream FILE ROWS SHAPE N [HOLDOUT]: random pictures
stream() {
	need_python numpy xxhash
	"$PYTHON" - "$@" <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		path, rows, shape, n = sys.argv[1], int(sys.argv[2]), eval(sys.argv[3]), int(sys.argv[4])
		random = numpy.random.default_rng(3)
		stream.write(path, {"image": random.integers(0, 256, (n, *shape), numpy.uint8),
		                    "label": (numpy.arange(n) % 3).astype(numpy.int32),
		                    "name": numpy.frombuffer(b"".join(b"%07d" % i for i in range(n)), numpy.uint8).reshape(n, 7)},
		             ["a", "b", "c"], rows=rows, holdout=int(sys.argv[5]) if len(sys.argv) > 5 else None)
	END
}

# samples FILE: a line for each sample: epoch, part, id, label, name, hash of the picture
samples() {
	"$PYTHON" - "$@" <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import stream, xxhash
		for metadata, tensors in stream.read(open(sys.argv[1], "rb").read()):
		    for i in range(len(tensors.get("image", []))):
		        print(metadata.get("fm.epoch"), metadata.get("fm.part"), tensors["id"][i], tensors["label"][i],
		              tensors["name"][i].tobytes().decode(), xxhash.xxh3_64_hexdigest(tensors["image"][i].tobytes()))
	END
}

@test "one pass is numpy's, from the random words to the pixels" {
	oracle sampler
}

@test "epochs are shuffled and drawn as numpy does it" {
	oracle epochs
}

@test "an affine map is scipy's to one grey level, in all fill modes" {
	oracle scipy
}

@test "random transforms are Keras's matrix in scipy to one grey level" {
	oracle keras
}

@test "shifts by whole pixels, and flips that alternate" {
	oracle whole_pixels
}

@test "neither threads nor record sizes nor instruction sets change a bit" {
	stream small.fms 7 '(28, 28, 1)' 500
	stream large.fms 500 '(28, 28, 1)' 500
	fm-augment --preset seed --flip --erase 0.3 --epochs 2 --threads 1 < small.fms > one.fms
	samples one.fms > one
	local cpu
	for cpu in plain avx2 avx512; do
		FM_CPU=$cpu run -0 bash -c "fm-augment small.fms > /dev/null || [ \$? -eq 5 ]"
		FM_CPU=$cpu fm-augment small.fms > /dev/null 2>&1 || continue # not on this processor
		FM_CPU=$cpu fm-augment --preset seed --flip --erase 0.3 --epochs 2 --threads 3 < large.fms > three.fms
		samples three.fms | cmp one -
		FM_CPU=$cpu fm-augment --preset seed --threads 2 large.fms > pass.fms
		samples pass.fms > pass."$cpu"
		cmp pass.plain pass."$cpu"
	done
	FM_CPU=pdp11 run -5 fm-augment small.fms
	assert_output --partial "the most it can is"
	fm-augment --preset seed --threads 1 small.fms > pass.fms
	samples pass.fms | cmp pass.plain -
}

@test "names travel with their pictures, and labels" {
	stream in.fms 50 '(5, 5, 1)' 120 20
	fm-augment --epochs 2 in.fms > out.fms
	samples out.fms > out
	[ "$(wc -l < out)" -eq 220 ]
	awk '{ if ($5 + 0 != $3 || $4 != $3 % 3) exit 1 }' out
	head -n 20 out | awk '{ if ($1 != "None" || $2 != "holdout" || $3 != NR - 1) exit 1 }'
	tail -n 200 out | awk '{ if ($1 != int((NR - 1) / 100) || $2 != "fit") exit 1 }'
	# nothing was asked for, so pictures are as they were
	fm-augment in.fms > same.fms
	samples same.fms | cut -d' ' -f 3- | sort > pictures
	tail -n 100 out | cut -d' ' -f 3- | sort > second
	grep -v -x -F -f pictures second && fail "a picture changed"
	[ "$(uniq second | wc -l)" -eq 100 ]
}

@test "--start-epoch goes on as the whole stream does" {
	stream in.fms 50 '(6, 4, 2)' 100 10
	fm-augment --preset seed --epochs 4 in.fms > whole.fms
	fm-augment --preset seed --epochs 4 --start-epoch 2 in.fms > rest.fms
	samples whole.fms | grep -v '^[01] ' > expected
	samples rest.fms | cmp expected -
	grep -a -q '"fm.epochs":"4"' rest.fms
	# a run that has nothing left to do
	fm-augment --epochs 4 --start-epoch 4 in.fms > none.fms
	[ "$(samples none.fms | wc -l)" -eq 10 ]
	fm-info none.fms
	run -2 fm-augment --epochs 4 --start-epoch 5 in.fms
	run -2 fm-augment --start-epoch 1 in.fms
}

@test "a spool on disk sends what memory does" {
	stream in.fms 100 '(28, 28, 1)' 400
	fm-augment --preset seed --epochs 2 --memory 4K in.fms | cmp - <(fm-augment --preset seed --epochs 2 in.fms)
}

@test "a full disk is an error, for the output and for the spool" {
	[ -c /dev/full ] || skip "no /dev/full"
	stream in.fms 100 '(28, 28, 1)' 400
	run -4 bash -c "fm-augment in.fms > /dev/full"
	run -4 bash -c "fm-augment --epochs 2 in.fms > /dev/full"
	TMPDIR=$PWD/missing run -4 --separate-stderr fm-augment --epochs 2 --memory 4K in.fms
	[ -z "$output" ]
}

@test "a reader that has enough of epochs ends them quietly" {
	stream in.fms 100 '(28, 28, 1)' 200
	set -o pipefail
	fm-augment --preset seed --epochs inf in.fms 2> words | head -c 3000000 > some
	[ ! -s words ]
	[ "$(wc -c < some)" -eq 3000000 ]
	fm-augment --epochs 100 in.fms 2> words | head -c 1000 > some
	[ ! -s words ]
}

@test "one pass dies of a closed pipe like any filter" {
	stream in.fms 100 '(28, 28, 1)' 2000
	run bash -c 'fm-augment in.fms 2> words | head -c 1 > some; exit "${PIPESTATUS[0]}"'
	[ "$status" -eq 141 ]
	[ ! -s words ]
}

@test "a torn input stays torn" {
	stream in.fms 10 '(28, 28, 1)' 40
	head -c 20000 in.fms > torn.fms
	run -3 bash -c "fm-augment torn.fms > out.fms 2> words"
	run ! grep -a -q fm.end out.fms
	grep -q "record 2" words
	run -3 --separate-stderr fm-augment --epochs 2 torn.fms
	[ -z "$output" ]
}

@test "a repeated stream keeps its epochs, and is not repeated again" {
	stream in.fms 50 '(6, 4, 1)' 60 10
	fm-augment --epochs 2 in.fms > twice.fms
	fm-augment --flip < twice.fms > flipped.fms
	samples twice.fms | cut -d' ' -f -5 > expected
	samples flipped.fms | cut -d' ' -f -5 | cmp expected -
	run ! cmp -s <(samples twice.fms) <(samples flipped.fms)
	run -2 fm-augment --epochs 2 twice.fms
	assert_output --partial "repeated already"
	# drawn by epoch: one pass after shuffling is what both at once are
	fm-augment --preset seed < twice.fms > apart.fms
	fm-augment --preset seed --epochs 2 in.fms > together.fms
	samples apart.fms | cmp <(samples together.fms) -
}

@test "pictures go through one by one" {
	stream in.fms 1 '(8, 8, 1)' 3
	mkfifo to from
	fm-augment --preset seed < to > from &
	exec 7> to 8< from
	# the length of the first record, from its own header; nothing after it is sent before its answer is read
	"$PYTHON" - <<- 'END'
		import json, os, select, struct
		data = open("in.fms", "rb").read()
		def size(data):
		    length = struct.unpack_from("<Q", data)[0]
		    header = json.loads(data[8:8 + length])
		    return 8 + length + max([0] + [e["data_offsets"][1] for k, e in header.items() if k != "__metadata__"])
		while data:
		    record, data = data[:size(data)], data[size(data):]
		    os.write(7, record)
		    if data:
		        assert select.select([8], [], [], 20)[0], "no answer"
		        assert len(os.read(8, 65536)) > 100
	END
	exec 7>&-
	cat <&8 > rest
	wait $!
	grep -a -q fm.end rest
}

@test "no samples: no epochs, and the classes stay" {
	stream in.fms 10 '(8, 8, 1)' 10
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		first = {"fm.record": "0", "fm.stream": "1", "fm.classes": '["a"]', "fm.input": '{"h":8,"w":8,"c":1}', "fm.history": "[]"}
		open("empty.fms", "wb").write(
		    stream.record(first, {"image": numpy.zeros((0, 8, 8, 1), numpy.uint8)}) +
		    stream.record({"fm.record": "1", "fm.end": "1", "fm.records": "1", "fm.samples": "0", "fm.history": "[]"}, {}))
	END
	local options
	for options in "" "--epochs 3" "--epochs inf"; do
		# shellcheck disable=SC2086 # several words
		fm-augment --preset seed $options empty.fms > out.fms
		grep -a -q 'fm.classes":"\[\\"a\\"\]"' out.fms
		grep -a -q fm.end out.fms
	done
}

@test "options that can't be" {
	stream in.fms 10 '(28, 28, 1)' 10
	local options
	for options in "--shear 0.1 --shear-degrees 3" "--shift 0.1 --shift-pixels 2" "--flip --flip-alternate" \
		"--shift-pixels 1.5" "--shift-pixels 2048" "--affine 1,0,0,0,1,0 --flip-alternate" \
		"--affine 1,0,0,0,1" "--affine 1,0,0,0,1,0,0" "--affine 1,0,nan,0,1,0" \
		"--affine 1,0,0,0,1,0 --flip" "--affine 1,0,0,0,1,0 --epochs 2" "--epochs 0" "--epochs x" "--epochs -1" \
		"--rotation -1" "--zoom 2" "--erase 1.5" "--fill mirror" "--fill-value 256" "--preset mine" "--seed x"; do
		# shellcheck disable=SC2086 # several words
		run -2 fm-augment $options in.fms
		[ -n "$output" ]
	done
}

@test "transforms that leave 2,047 pixels are refused, for this size of picture" {
	stream small.fms 10 '(28, 28, 1)' 3
	stream wide.fms 10 '(4, 1000, 1)' 3
	fm-augment --shift 1.5 small.fms > out.fms
	run -2 fm-augment --shift 1.5 wide.fms
	assert_output --partial "at most 2047"
	fm-augment --affine 1,0,1047,0,1,0 wide.fms > out.fms
	run -2 fm-augment --affine 1,0,1050,0,1,0 wide.fms
	fm-augment --affine 2,0,-1,0,1,0 wide.fms > out.fms
	run -2 fm-augment --affine 3,0,0,0,1,0 wide.fms
	run -2 fm-augment --affine 1e300,0,0,0,1,0 small.fms
	# from one end to the other: the factor alone needs more than 32 bits
	fm-augment --affine -75,0,2000,0,75,-2000 small.fms > out.fms
}

@test "the history has presets spelled out, and the first epoch, but no threads" {
	stream in.fms 10 '(8, 8, 1)' 10
	fm-augment --preset keras --rotation 5 --epochs 2 --start-epoch 1 --threads 2 in.fms > out.fms
	run "$PYTHON" - <<- 'END'
		import json, os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import stream
		records = stream.read(open("out.fms", "rb").read())
		first, last = json.loads(records[0][0]["fm.history"])[0], json.loads(records[-1][0]["fm.history"])[0]
		options = first["options"]
		assert options == last["options"] and first["tool"] == "fm-augment" and first["seed"] == "1", first
		assert float(options["rotation"]) == 5 and options["zoom"] == "0.1" and options["shear-degrees"] == "0.1", options
		assert options["epochs"] == "2" and options["fill"] == "nearest", options
		assert not {"preset", "threads", "memory"} & set(options) and options["start-epoch"] == "1", options
		assert "samples" not in first["inputs"][0] and last["inputs"][0]["samples"] == 10, (first, last)
	END
	[ "$status" -eq 0 ] || fail "$output"
}
