#!/usr/bin/env bats
# What fm-train makes of a stream in the lazy form, whose transforms the backend applies: what it makes of the plain one.

load helper
load train

# pooled and not, so that pictures are read by every way into a network
FLAT="flatten, dense 5, relu, dense classes"
STEPS="conv 4 3x3 stride 2, bn, relu, dropout 0.2, flatten, dense classes"
RICH=(--optimizer adamw --weight-decay 0.01 --schedule onecycle --ema 0.9 --label-smoothing 0.1 --class-weights balanced
	--monitor val_accuracy --patience 50 --views flip --temperature fit)
MOVES=(--preset seed --flip --erase 0.4 --brightness 0.3 --contrast 0.2 --fill reflect)

setup_file() {
	need_python numpy xxhash
}

lazy() {
	"$PYTHON" "$FM_ROOT/tests/oracles/lazy.py" "$@"
}

# make_both IN ROWS OPTION…: the same epochs plainly, and lazily in records of so many rows
make_both() {
	local in=$1 rows=$2
	shift 2
	fm-augment "$@" "$in" > plain.fms
	fm-augment --lazy "$@" "$in" > whole.fms
	lazy split whole.fms "$rows" > lazy.fms
}

# same_models OPTION…: of both streams fm-train makes one model
same_models() {
	train "$@" -o plain.safetensors plain.fms
	train "$@" -o lazy.safetensors lazy.fms
	lazy compare plain.safetensors lazy.safetensors lazy.fms || fail "they differ: $*"
}

@test "the same model, whatever is trained how" {
	make_stream in.fms --holdout 30 --unlabelled 9 --names
	make_both in.fms 7 "${MOVES[@]}" --epochs 3
	local device
	for device in cpu ref; do
		same_models --skip-unlabelled --device $device
		same_models --skip-unlabelled --device $device "${RICH[@]}"
		same_models --skip-unlabelled --device $device --mixup 0.4 --cutmix 0.3 --freeze 0.3,0.6 --class-weights balanced
	done
	same_models --skip-unlabelled --arch "$FLAT"
	same_models --skip-unlabelled --arch "$STEPS" --batch 150
	same_models --skip-unlabelled --precision fp32
	same_models --skip-unlabelled --precision bf16
	FM_CPU=plain same_models --skip-unlabelled
}

@test "the same model for any number of threads, any records, and a data set in a file" {
	make_stream in.fms --samples 203 --holdout 20
	make_both in.fms 50 "${MOVES[@]}" --epochs 2 --fill constant --fill-value 90
	same_models --threads 1
	mv lazy.safetensors one.safetensors
	local threads
	for threads in 2 3 7; do
		train --threads $threads -o lazy.safetensors lazy.fms
		cmp one.safetensors lazy.safetensors
	done
	train -o lazy.safetensors whole.fms
	cmp one.safetensors lazy.safetensors
	train --memory 2K -o lazy.safetensors lazy.fms
	cmp one.safetensors lazy.safetensors
}

@test "colours, and no hold-out part" {
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		random = numpy.random.default_rng(3)
		stream.write("in.fms", {"image": random.integers(0, 256, (70, 9, 12, 3), numpy.uint8),
		                        "label": (numpy.arange(70) % 2).astype(numpy.int32)}, ["a", "b"], rows=11)
	END
	make_both in.fms 9 "${MOVES[@]}" --rotation 40 --epochs 2
	same_models
	same_models --arch "$STEPS"
}

@test "fewer epochs or steps than there are: the model knows what was consumed" {
	make_stream in.fms --holdout 30
	make_both in.fms 7 "${MOVES[@]}" --epochs 4
	train --epochs 2 -o plain.safetensors plain.fms
	train --epochs 2 -o lazy.safetensors lazy.fms
	same_weights plain.safetensors lazy.safetensors
	# as if two had been sent
	fm-augment --lazy "${MOVES[@]}" --epochs 2 in.fms > two.fms
	[ "$(fm-info --json lazy.safetensors | "$PYTHON" -c '
import json, sys
found = json.load(sys.stdin)["history"][0]["inputs"][0]
print(found["content"], found["samples"])')" = "$(python '
import stream
end = stream.read(open("two.fms", "rb").read())[-1][0]
print(end["fm.content"], end["fm.samples"])')" ]
	train --steps 9 -o plain.safetensors plain.fms
	train --steps 9 -o lazy.safetensors lazy.fms
	same_weights plain.safetensors lazy.safetensors
}

@test "interrupted in the middle of an epoch, and sent again from the start or from the open epoch" {
	make_stream in.fms --holdout 30 --names --unlabelled 9
	make_both in.fms 7 "${MOVES[@]}" --epochs 8
	train --skip-unlabelled "${RICH[@]}" --log log -o whole.safetensors lazy.fms
	local size data share epoch middle=0
	size=$(stat -c %s lazy.fms)
	data=$(fm-augment --lazy "${MOVES[@]}" --epochs 1 in.fms | wc -c)
	for share in 1 3 5 7; do
		rm -f c part.safetensors part
		run -75 interrupt $((data + (size - data) * share / 8)) lazy.fms --skip-unlabelled "${RICH[@]}" --checkpoint c --log part \
			-o part.safetensors
		assert_output --partial "interrupted after step"
		[ ! -e part.safetensors ]
		epoch=$(state c epoch)
		[ "$(state c epoch_step)" = 0 ] || middle=$((middle + 1))
		cp c kept
		cp part log.kept
		train --skip-unlabelled "${RICH[@]}" --checkpoint c --resume --log part -o part.safetensors lazy.fms
		cmp whole.safetensors part.safetensors
		diff <(without_times log) <(without_times part)
		cp kept c
		cp log.kept part
		rm part.safetensors
		fm-augment --lazy "${MOVES[@]}" --epochs 8 --start-epoch "$epoch" in.fms |
			train --skip-unlabelled "${RICH[@]}" --checkpoint c --resume --log part -o part.safetensors
		cmp whole.safetensors part.safetensors || fail "epoch $epoch, step $(state kept epoch_step)"
	done
	[ $middle -ge 2 ]
}

# on_gpu COMMAND…: with the CUDA backend as the host runs it, and a driver that shows a card for it
on_gpu() {
	[ -e "${FM_BIN%/bin}/cuda-on-host/backends/fm-cuda-13.so" ] || skip "this build has no CUDA backend for the host"
	[ -e driver.so ] || "${CC:-gcc}" -shared -fPIC -D_GNU_SOURCE -Wl,-soname,libcuda.so.1 -o driver.so \
		"$FM_ROOT/tests/device/fake-driver.c" -ldl
	(
		export LD_PRELOAD=$PWD/driver.so FM_BACKENDS=${FM_BIN%/bin}/cuda-on-host/backends FAKE_GPUS=Host:8:0:1024 FAKE_CUDA=13000
		"$@"
	)
}

@test "a GPU is sent rows and transforms, and makes the same model" {
	make_stream in.fms --samples 80 --holdout 20 --names --unlabelled 9
	make_both in.fms 7 "${MOVES[@]}" --epochs 3
	local precision
	for precision in fp32 tf32 bf16 fp16; do
		on_gpu same_models --skip-unlabelled --device cuda --precision $precision
	done
	export EMULATED_CAPABILITY=60
	on_gpu same_models --skip-unlabelled --device cuda "${RICH[@]}"
	on_gpu same_models --skip-unlabelled --device cuda --class-weights balanced --mixup 0.4 --cutmix 0.3 --freeze 0.3,0.6
	run -0 on_gpu train --skip-unlabelled --device cuda -v -o m.safetensors lazy.fms
	assert_output --partial "60 pictures stay on the device; steps send their rows and transforms"
	# interrupted in the middle of an epoch
	train_size=$(stat -c %s lazy.fms)
	run -75 on_gpu interrupt $((train_size * 6 / 8)) lazy.fms --skip-unlabelled --device cuda --checkpoint c -o part.safetensors
	[ "$(state c epoch_step)" != 0 ]
	on_gpu train --skip-unlabelled --device cuda --checkpoint c --resume -o part.safetensors lazy.fms
	cmp m.safetensors part.safetensors
}

@test "a GPU without room for the data set is sent pixels and transforms" {
	make_stream in.fms --samples 9000
	make_both in.fms 500 "${MOVES[@]}" --epochs 2
	on_gpu train --device cuda --steps 5 -o all.safetensors lazy.fms
	# room enough for the net, with less than the data set's half a megabyte to spare
	local memory=0 status=5
	while [ $status = 5 ]; do
		memory=$((memory + (1 << 18)))
		status=0
		EMULATED_MEMORY=$memory on_gpu train --device cuda --steps 5 -v -o less.safetensors lazy.fms 2> words || status=$?
	done
	cat words
	grep -q "pixels are sent with every step" words
	cmp all.safetensors less.safetensors
}

# change STREAM…: written anew, with a number changed, or what it is filled with; see oracles/lazy.py
change() {
	lazy change "$@"
}

@test "another data set, transform or fill than the checkpoint's is refused" {
	make_stream in.fms --holdout 30
	make_both in.fms 10 "${MOVES[@]}" --epochs 4
	run -75 interrupt $(($(stat -c %s lazy.fms) * 7 / 8)) lazy.fms --checkpoint c -o m.safetensors
	[ "$(state c epoch)" -ge 2 ]
	cp c kept
	fm-augment --lazy "${MOVES[@]}" --epochs 4 --start-epoch "$(state c epoch)" in.fms > late.fms
	change lazy.fms image None 5 3 > other.fms
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	assert_output --partial "differs from what the checkpoint was trained on"
	change late.fms image None 5 3 > other.fms
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	assert_output --partial "its data set differs from what the checkpoint was trained on"
	change lazy.fms affine 1 0 1000000 > other.fms
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	assert_output --partial "differs from what the checkpoint was trained on"
	change lazy.fms fill > other.fms
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	assert_output --partial "its first record differs"
	cmp c kept
	[ ! -e m.safetensors ]
}

@test "an unlabelled sample is refused where an epoch wants it" {
	make_stream in.fms --holdout 30 --unlabelled 9
	make_both in.fms 7 "${MOVES[@]}" --epochs 2
	run -3 train -o m.safetensors lazy.fms
	assert_output --partial "has no label"
	assert_output --partial "--skip-unlabelled"
	[ ! -e m.safetensors ]
	# none of them is to fit
	make_stream in.fms --holdout 30
	make_both in.fms 7 "${MOVES[@]}" --epochs 2
	change lazy.fms label None 0 -1 > other.fms
	run -3 train -o m.safetensors other.fms
	assert_output --partial "has no label"
}
