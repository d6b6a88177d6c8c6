#!/usr/bin/env bats
# fm-predict: what it adds, what it keeps, at once, and what it refuses.

load helper

# A model of two layers for 4x4 pictures of classes a, b, c, trained on noise.
model() {
	need_python numpy xxhash
	need fm-train
	pictures train.fms 60
	fm-train --arch 'conv 3 3x3 same, bn, relu, flatten, dense classes' --epochs 2 --device ref -o model.safetensors train.fms
}

# pictures FILE N [CLASSES [SHAPE [ROWS]]]: random ones, labelled in turn, the last one unlabelled
pictures() {
	"$PYTHON" - "$@" <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		n, classes = int(sys.argv[2]), (sys.argv[3] if len(sys.argv) > 3 else "a|b|c").split("|")
		shape = eval(sys.argv[4]) if len(sys.argv) > 4 else (4, 4, 1)
		random = numpy.random.default_rng(6)
		label = numpy.arange(n, dtype=numpy.int32) % len(classes)
		if sys.argv[1] != "train.fms":
		    label[-1:] = -1
		names = numpy.frombuffer(b"".join(b"p\t%04d\\" % i for i in range(n)), numpy.uint8).reshape(n, 7)
		stream.write(sys.argv[1], {"image": random.integers(0, 256, (n, *shape), numpy.uint8), "label": label,
		                           "id": numpy.arange(n) * 10 + 3, "name": names}, classes,
		             rows=int(sys.argv[5]) if len(sys.argv) > 5 else 100)
	END
}

# look CODE FILE…: Python over the streams s[0], s[1], …: lists of (metadata, tensors)
look() {
	"$PYTHON" - "$@" <<- 'END'
		import os, sys, json
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		s = [stream.read(open(path, "rb").read()) for path in sys.argv[2:]]
		whole = lambda one, name: numpy.concatenate([tensors[name] for _, tensors in one[:-1]])
		exec(sys.argv[1])
	END
}

@test "prob is added, and everything else stays as it is" {
	model
	pictures in.fms 50 'a|b|c' '(4, 4, 1)' 20
	fm-predict -m model.safetensors in.fms > out.fms
	look '
for (_, one), (_, other) in zip(s[0][:-1], s[1][:-1]):
    assert set(other) == {*one, "prob"}
    for name in one:
        assert numpy.array_equal(one[name], other[name]), name
    assert other["prob"].shape == (len(one["id"]), 3) and other["prob"].dtype == numpy.float32
    assert abs(other["prob"].sum(1) - 1).max() < 1e-6
assert len(s[0]) == len(s[1])' in.fms out.fms
}

@test "predicting again replaces prob" {
	model
	pictures in.fms 20
	fm-predict -m model.safetensors in.fms > one.fms
	fm-predict -m model.safetensors one.fms > other.fms
	look 'assert numpy.array_equal(whole(s[0], "prob"), whole(s[1], "prob"))' one.fms other.fms
}

@test "labels mean names: a subset in another order is mapped, an unknown one refused" {
	model
	pictures in.fms 30 'c|a'
	fm-predict -m model.safetensors in.fms > out.fms
	look '
assert json.loads(s[1][0][0]["fm.classes"]) == ["a", "b", "c"]
one, other = whole(s[0], "label"), whole(s[1], "label")
assert (other == numpy.array([2, 0, -1])[one]).all()' in.fms out.fms
	pictures bad.fms 30 'c|d'
	run -3 --separate-stderr fm-predict -m model.safetensors bad.fms
	[ -z "$output" ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *'class "d", which the model lacks'* ]]
}

@test "pictures of another geometry are refused, both sides named" {
	model
	for shape in '(5, 4, 1)' '(4, 4, 3)'; do
		pictures in.fms 5 'a|b|c' "$shape"
		run -3 --separate-stderr fm-predict -m model.safetensors in.fms
		[ -z "$output" ]
		[[ $stderr == *model.safetensors*4x4x1*in.fms*"$(tr -d '(), ' <<< "$shape" | sed 's/./&x/g; s/x$//')"* ]]
	done
}

@test "probabilities are the same for any record size and thread count" {
	model
	pictures large.fms 600 'a|b|c' '(4, 4, 1)' 600
	pictures small.fms 600 'a|b|c' '(4, 4, 1)' 7
	fm-predict --device ref -m model.safetensors --threads 1 large.fms > one.fms
	fm-predict --device ref -m model.safetensors --threads 3 small.fms > other.fms
	look 'assert numpy.array_equal(whole(s[0], "prob"), whole(s[1], "prob")); assert len(s[0]) == 2' one.fms other.fms
}

@test "test views are the mean over flips and shifts" {
	model
	pictures in.fms 20
	need_python numpy
	look '
image = whole(s[0], "image")
padded = numpy.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
number = 0
for y, x in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2)):
    for mirrored in (False, True):
        view = padded[:, y:y + 4, x:x + 4]
        stream.write("view%d.fms" % number, {"image": view[:, :, ::-1] if mirrored else view}, ["a", "b", "c"])
        number += 1' in.fms
	for i in {0..9}; do
		fm-predict -m model.safetensors --tta none "view$i.fms" > "p$i.fms"
	done
	fm-predict -m model.safetensors --tta flip in.fms > flip.fms
	fm-predict -m model.safetensors --tta 'flip shift 1' in.fms > ten.fms
	look '
views = [whole(one, "prob").astype(float) for one in s[2:]]
assert abs(whole(s[0], "prob") - numpy.mean(views[:2], 0)).max() < 1e-7
assert abs(whole(s[1], "prob") - numpy.mean(views, 0)).max() < 1e-7
assert abs(whole(s[0], "prob") - views[0]).max() > 1e-3' flip.fms ten.fms p{0..9}.fms
}

@test "tables have names escaped, empty labels and the top classes" {
	model
	pictures in.fms 4
	fm-predict -m model.safetensors --format tsv --top 2 in.fms > out.tsv
	fm-predict -m model.safetensors --format jsonl --top 9 in.fms > out.jsonl
	fm-predict -m model.safetensors in.fms > out.fms
	look '
prob = whole(s[0], "prob")
rows = [line.rstrip("\n").split("\t") for line in open("out.tsv")]
assert rows[0] == "id name label predicted prob class_1 prob_1 class_2 prob_2".split()
lines = [json.loads(line) for line in open("out.jsonl")]
assert len(rows) == 5 and len(lines) == 4
for i, (row, line) in enumerate(zip(rows[1:], lines)):
    order = numpy.argsort(-prob[i], kind="stable")
    best = ["%.9g" % prob[i][order[0]], "%.9g" % prob[i][order[1]]]
    label = "abc"[i] if i < 3 else ""
    assert row == [str(10 * i + 3), "p\\t%04d\\\\" % i, label, "abc"[order[0]], best[0], "abc"[order[0]], best[0],
                   "abc"[order[1]], best[1]], row
    assert list(line) == rows[0] + ["class_3", "prob_3"]
    assert line["name"] == "p\t%04d\\" % i and line["label"] == (label or None) and line["id"] == 10 * i + 3
    assert numpy.float32(line["prob"]) == prob[i].max()' out.fms
}

@test "on a terminal it prints a table, and refuses to send a stream" {
	model
	pictures in.fms 3
	run -0 on_terminal fm-predict -m model.safetensors in.fms
	assert_output --partial "predicted"
	run -2 on_terminal fm-predict -m model.safetensors --format stream in.fms
	run -0 fm-predict --help
	[[ ${lines[0]} == *stream*terminal*tsv* ]]
}

@test "a record is answered before the next one is sent" {
	model
	pictures in.fms 3 'a|b|c' '(4, 4, 1)' 1
	mkfifo to from
	fm-predict -m model.safetensors --format jsonl < to > from &
	exec 5> to 6< from
	look '
data = open(sys.argv[2], "rb").read()
at = [0]
for _ in range(3):
    length = int.from_bytes(data[at[-1]:at[-1] + 8], "little")
    header = json.loads(data[at[-1] + 8:at[-1] + 8 + length])
    at.append(at[-1] + 8 + length + max(entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"))
for i in range(3):
    open("record%d" % i, "wb").write(data[at[i]:at[i + 1]])
open("record3", "wb").write(data[at[3]:])' in.fms
	for i in 0 1 2; do
		cat record$i >&5
		read -r -t 30 line <&6
		[[ $line == "{\"id\":$((10 * i + 3)),"* ]]
	done
	cat record3 >&5
	exec 5>&-
	wait $!
}

@test "torn input stays torn" {
	model
	pictures in.fms 50 'a|b|c' '(4, 4, 1)' 20
	head -c 2000 in.fms > torn.fms
	run -3 bash -c 'fm-predict -m model.safetensors torn.fms > out.fms'
	run -3 fm-metrics out.fms
}

@test "no samples give no predictions, and a whole stream" {
	model
	pictures in.fms 0
	fm-predict -m model.safetensors in.fms > out.fms
	run -0 fm-metrics --json out.fms
	assert_output --partial '"samples":0,'
	run -0 fm-predict -m model.safetensors --format tsv in.fms
	[ "${#lines[@]}" = 1 ]
}

@test "marks are kept" {
	model
	look '
random = numpy.random.default_rng(1)
stream.write("in.fms", {"image": random.integers(0, 256, (9, 4, 4, 1), numpy.uint8),
             "label": numpy.zeros(9, numpy.int32)}, ["a", "b", "c"], rows=4, holdout=2)'
	fm-predict -m model.safetensors in.fms > out.fms
	look 'assert [m.get("fm.part") for m, _ in s[0]] == [m.get("fm.part") for m, _ in s[1]]' in.fms out.fms
}

@test "the reader of a repeated stream may have enough" {
	model
	pictures in.fms 50
	set -o pipefail
	fm-augment --epochs inf in.fms | fm-predict -m model.safetensors | head -c 100000 > out
	[ "$(wc -c < out)" = 100000 ]
}

@test "the history names the options, the backend, the stream and the model" {
	model
	pictures in.fms 5
	fm-predict -m model.safetensors --tta flip in.fms > out.fms
	look '
entry, = json.loads(s[0][-1][0]["fm.history"])
assert entry["tool"] == "fm-predict" and entry["options"]["tta"] == "flip" and "model" not in entry["options"]
assert entry["backend"] and [one["name"] for one in entry["inputs"]] == ["stdin", "model"]
assert len(entry["inputs"][1]["content"]) == 16 and entry["inputs"][1]["history"][0]["tool"] == "fm-train"
first, = json.loads(s[0][0][0]["fm.history"])
assert all("content" not in one and "samples" not in one for one in first["inputs"])' out.fms
}

@test "usage errors, unreadable files and a full disk" {
	model
	pictures in.fms 5
	run -2 fm-predict in.fms
	assert_output --partial "-m MODEL"
	run -2 fm-predict -m model.safetensors --format xml in.fms
	run -2 fm-predict -m model.safetensors --tta shift in.fms
	run -2 fm-predict -m model.safetensors --top 2 in.fms
	run -4 fm-predict -m missing.safetensors in.fms
	run -4 fm-predict -m model.safetensors missing.fms
	run -3 fm-predict -m in.fms in.fms
	run -3 fm-predict -m model.safetensors --precision int8 in.fms
	run -4 bash -c 'fm-predict -m model.safetensors in.fms > /dev/full'
	run -4 bash -c 'fm-predict -m model.safetensors --format tsv in.fms > /dev/full'
}

# edit FROM TO CODE: a model whose metadata m Python has changed
edit() {
	"$PYTHON" - "$@" <<- 'END'
		import json, struct, sys, xxhash
		data = open(sys.argv[1], "rb").read()
		size, = struct.unpack("<Q", data[:8])
		header = json.loads(data[8:8 + size])
		m = header["__metadata__"]
		exec(sys.argv[3])
		text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
		text += b" " * (-len(text) % 8)
		open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size:])
	END
}

@test "int8 predicts nearly as fp32 does, with the same bits on every instruction set" {
	model
	pictures train.fms 300
	fm-train --arch 'conv 20 3x3 same, bn, relu, maxpool 2, conv 9 3x3 same, bn, flatten, dense classes' --epochs 2 \
		--val train.fms --device cpu -o whole.safetensors train.fms
	run -0 fm-info whole.safetensors
	pictures in.fms 50 'a|b|c' '(4, 4, 1)' 20
	fm-predict -m whole.safetensors in.fms > exact.fms
	FM_CPU=plain fm-predict -m whole.safetensors --precision int8 --threads 1 in.fms > plain.fms
	look '
exact, plain = whole(s[0], "prob"), whole(s[1], "prob")
assert 0 < abs(exact - plain).max() < 0.05, abs(exact - plain).max()
assert "cpu plain int8" in s[1][-1][0]["fm.history"]' exact.fms plain.fms
	FM_CPU=plain fm-predict -m whole.safetensors --precision int8 --format tsv in.fms > plain.tsv
	local cpu
	for cpu in avx2 avxvnni avx512vnni; do
		FM_CPU=$cpu fm-predict -m whole.safetensors in.fms > /dev/null 2>&1 || continue # not on this processor
		FM_CPU=$cpu fm-predict -v -m whole.safetensors --precision int8 --threads 3 --format tsv in.fms > found.tsv 2> said
		grep -q "cpu $cpu int8" said
		cmp plain.tsv found.tsv
	done
}

@test "int8 wants ranges that fit, and says where they come from" {
	model
	pictures in.fms 5
	run -3 fm-predict -m model.safetensors --precision int8 in.fms
	assert_output --partial '--holdout'
	fm-train --arch 'conv 3 3x3 same, bn, relu, flatten, dense classes' --epochs 1 --val train.fms -o whole.safetensors train.fms
	edit whole.safetensors bad.safetensors 'm["fm.calibration"] = "{\"ranges\":[[0,1]]}"'
	run -3 fm-predict -m bad.safetensors --precision int8 in.fms
	assert_output --partial '1; its network has 2'
	edit whole.safetensors bad.safetensors 'm["fm.calibration"] = "{\"ranges\":[[0,1],[2,\"x\"]]}"'
	run -3 fm-predict -m bad.safetensors --precision int8 in.fms
	assert_output --partial 'range 1'
	run -2 fm-predict -m whole.safetensors --precision int8 --device ref in.fms
	FM_CPU=pdp11 run -5 fm-predict -m whole.safetensors --precision int8 in.fms
	run -2 fm-train --precision int8 --epochs 1 -o none.safetensors train.fms
}

# other_model FILE [CLASSES [SHAPE]]: a model unlike the first one
other_model() {
	pictures train.fms 60 "${2-a|b|c}" "${3-(4, 4, 1)}"
	fm-train --arch 'flatten, dense classes' --epochs 1 --lr 0.1 --device ref -o "$1" train.fms
}

# serve ARGUMENT...: predict the records that ask sends, one by one; $server is the process
serve() {
	look '
data = open(sys.argv[2], "rb").read()
at = 0
number = 0
while at < len(data):
    length = int.from_bytes(data[at:at + 8], "little")
    header = json.loads(data[at + 8:at + 8 + length])
    end = at + 8 + length + max([entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"], default=0)
    open("record%d" % number, "wb").write(data[at:end])
    at, number = end, number + 1' in.fms
	mkfifo to from
	fm-predict -m model.safetensors "$@" < to > from 2> words &
	server=$!
	exec 5> to 6< from
}

# ask N: send record N; $answer is the line that comes
ask() {
	cat "record$1" >&5
	read -r -t 30 answer <&6
}

words_are() { [ "$(grep -c "$2" words)" = "$1" ]; }

# expected MODEL N: what picture N of in.fms is by a model
expected() {
	fm-predict -m "$1" --format jsonl in.fms | sed -n "$(($2 + 1))p"
}

@test "on SIGHUP a waiting service answers by the new model, and then by the newest" {
	model
	pictures in.fms 5 'a|b|c' '(4, 4, 1)' 1
	cp model.safetensors first.safetensors
	other_model second.safetensors
	serve --format jsonl -v
	ask 0
	[ "$answer" = "$(expected first.safetensors 0)" ]
	cp second.safetensors new && mv new model.safetensors
	kill -HUP "$server"
	wait_for words_are 1 'read again'
	ask 1
	[ "$answer" = "$(expected second.safetensors 1)" ]
	[ "$answer" != "$(expected first.safetensors 1)" ]
	kill -HUP "$server" # the same file: nothing to do
	wait_for words_are 1 unchanged
	ask 2
	[ "$answer" = "$(expected second.safetensors 2)" ]
	cp first.safetensors new && mv new model.safetensors
	for _ in {1..50}; do kill -HUP "$server"; done
	wait_for words_are 2 'read again'
	ask 3
	[ "$answer" = "$(expected first.safetensors 3)" ]
	ask 4
	cat record5 >&5
	exec 5>&-
	wait "$server"
}

@test "a model that is half written, gone, of other pictures, classes or kind is not taken, and one line says why" {
	model
	pictures in.fms 9 'a|b|c' '(4, 4, 1)' 1
	cp model.safetensors first.safetensors
	other_model fewer.safetensors 'a|b'
	other_model turned.safetensors 'c|b|a'
	other_model larger.safetensors 'a|b|c' '(5, 4, 1)'
	head -c 700 first.safetensors > half.safetensors
	mkfifo fifo.safetensors
	serve --format jsonl
	ask 0
	local count=0
	# refused FILE WORDS: the file in the model's place brings this warning, and changes nothing
	refused() {
		[ "$1" = gone ] && rm model.safetensors || cp -R "$1.safetensors" new && mv -f new model.safetensors || true
		kill -HUP "$server"
		count=$((count + 1))
		wait_for words_are "$count" 'the model that was in use stays in use'
		[ "$(wc -l < words)" = "$count" ]
		tail -n 1 words | grep -q "^fm-predict: model.safetensors.*$2"
		ask "$count"
		[ "$answer" = "$(expected first.safetensors "$count")" ]
	}
	refused half 'cut short'
	refused gone 'No such file'
	refused larger '5x4x1.*4x4x1'
	refused fewer '2 classes.*3'
	refused turned 'class 0 is "c".*"a"'
	refused fifo 'not a plain file'
	cp in.fms in.safetensors
	refused in 'fm.model'
	cat record8 >&5
	read -r -t 30 answer <&6
	cat record9 >&5
	exec 5>&-
	wait "$server"
}

@test "a stream under load goes on while models come and go; its history counts what each has predicted" {
	model
	cp model.safetensors first.safetensors
	other_model second.safetensors
	pictures in.fms 9999 'a|b|c' '(4, 4, 1)' 1
	fm-predict -m first.safetensors in.fms > first.fms
	fm-predict -m second.safetensors in.fms > second.fms
	head -c 700 first.safetensors > half.safetensors
	# the first half comes slowly, so that models change in the midst of it; the rest once the last has been announced
	cat > slowly <<- 'END'
		import os, sys, time
		data = open("in.fms", "rb").read()
		step = len(data) // 200
		for at in range(0, len(data), step):
		    while at >= len(data) // 2 and not os.path.exists("announced"):
		        time.sleep(0.01)
		    os.write(1, data[at:at + step])
		    time.sleep(0.005)
	END
	mkfifo to
	"$PYTHON" slowly > to &
	fm-predict -m model.safetensors < to > out.fms 2> words &
	server=$!
	wait_for test -s out.fms
	for name in second first half second; do
		cp $name.safetensors new
		mv new model.safetensors
		sleep 0.1
		kill -HUP "$server"
	done
	touch announced
	wait "$server"
	[ "$(grep -vc 'cut short' words)" = 0 ]
	look '
first, second, out = (whole(one, "prob") for one in s)
inputs = json.loads(s[2][-1][0]["fm.history"])[0]["inputs"][1:]
contents = [json.loads(one[-1][0]["fm.history"])[0]["inputs"][1]["content"] for one in s[:2]]
assert len(inputs) >= 2 and sum(one["samples"] for one in inputs) == len(out) == 9999
at = 0
for one in inputs:
    by = [first, second][contents.index(one["content"])]
    assert numpy.array_equal(out[at:at + one["samples"]], by[at:at + one["samples"]]), at
    at += one["samples"]
assert one["content"] == contents[1]' first.fms second.fms out.fms
	run -3 fm-info --script out.fms
	assert_output --partial "one after the other"
}

@test "where SIGHUP was ignored it stays so" {
	model
	pictures in.fms 2 'a|b|c' '(4, 4, 1)' 1
	trap '' HUP
	serve --format jsonl -v
	ask 0
	rm model.safetensors
	kill -HUP "$server"
	ask 1
	cat record2 >&5
	exec 5>&-
	wait "$server"
	words_are 0 model.safetensors:
}
