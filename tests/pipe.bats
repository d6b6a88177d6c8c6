#!/usr/bin/env bats
# Whole pipes: what passes through all of the programs, one picture at a time and to the end.

load helper

@test "a hundred single pictures through fetch, augment and predict, each answered before the next is sent" {
	need_fashion_mnist
	need_python numpy xxhash
	fm-fetch fashion-mnist --range 0:200 |
		fm-train --arch "conv 4 3x3 stride 2, relu, flatten, dense classes" --epochs 1 -o model.safetensors
	fm-fetch fashion-mnist --split test --range 0:100 > all.fms
	"$PYTHON" - <<- 'END'
		import json, os, subprocess, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import select, stream

		data = open("all.fms", "rb").read()
		tensors = stream.read(data)[0][1]
		classes = json.loads(stream.read(data)[0][0]["fm.classes"])
		stream.write("single.fms", tensors, classes, rows=1)
		data = open("single.fms", "rb").read()

		def record_end(at):
		    size = int.from_bytes(data[at:at + 8], "little")
		    header = json.loads(data[at + 8:at + 8 + size])
		    return at + 8 + size + max([e["data_offsets"][1] for k, e in header.items() if k != "__metadata__"], default=0)

		pipe = subprocess.Popen("fm-fetch - | fm-augment --flip | fm-predict -m model.safetensors --format jsonl",
		                        shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
		at, answer = 0, b""
		for i in range(100):
		    end = record_end(at)
		    pipe.stdin.write(data[at:end])
		    at = end
		    while b"\n" not in answer:
		        assert select.select([pipe.stdout], [], [], 60)[0], f"picture {i} was not answered"
		        answer += pipe.stdout.read(65536)
		    line, _, answer = answer.partition(b"\n")
		    assert json.loads(line)["id"] == int(tensors["id"][i]) and not answer, (i, line)
		pipe.stdin.write(data[at:])
		pipe.stdin.close()
		assert pipe.stdout.read() == b"" and pipe.wait() == 0
	END
}

@test "early stopping in a pipe of epochs is quiet under pipefail" {
	need_fashion_mnist
	set -o pipefail
	fm-fetch fashion-mnist --range 0:400 --holdout 100 |
		fm-augment --preset seed --epochs 1000 |
		fm-train --arch "flatten, dense classes" --patience 1 --lr 0.1 -o model.safetensors 2> words
	[ ! -s words ]
	[ "$(fm-info --json model.safetensors | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["kind"])')" = model ]
}
