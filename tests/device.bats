# device.bats: --device auto and cuda, with a driver and plug-ins that the tests make: what is chosen, what is said.
load helper

# plugin MAJOR FLAG…: folder/fm-cuda-MAJOR.so
plugin() {
	local number=$1
	shift
	mkdir -p "$(dirname "$folder")"
	"${CC:-gcc}" -std=gnu17 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -I"$FM_ROOT/common" -DNUMBER="\"$number\"" "$@" \
		-o "$folder/fm-cuda-$number.so" "$FM_ROOT/tests/device/fake-plugin.c" "${FM_BIN%/bin}/libfm.a" -lm
}

setup_file() {
	export folder=$BATS_FILE_TMPDIR/backends driver=$BATS_FILE_TMPDIR/driver
	mkdir "$folder" "$driver" "$driver/none"
	"${CC:-gcc}" -shared -fPIC -D_GNU_SOURCE -Wl,-soname,libcuda.so.1 -o "$driver/libcuda.so.1" \
		"$FM_ROOT/tests/device/fake-driver.c" -ldl
	"${CC:-gcc}" -shared -fPIC -DFAKE_EMPTY -Wl,-soname,libcuda.so.1 -o "$driver/none/libcuda.so.1" \
		"$FM_ROOT/tests/device/fake-driver.c"
	plugin 11 -DTOOLKIT=11080 -DMACHINE='"60 70 75 80 86 89 90"' -DPTX='"60 90"'
	plugin 13 -DTOOLKIT=13000 -DMACHINE='"75 80 86 89 90 100 120"' -DPTX='"120"'
	"$FM_BIN/fm-fetch" --holdout 8 --range 0:40 "$(small_set)" > "$BATS_FILE_TMPDIR/small.fms"
}

# A data set of 48 pictures, 4 x 4, in CSV: two classes, told apart by one pixel.
small_set() {
	awk 'BEGIN {
		for (i = 0; i < 48; i++) {
			printf "%d", i % 2
			for (p = 0; p < 16; p++) printf ",%d", (p == 5) ? (i % 2) * 200 : (i * 7 + p * 13) % 40
			print ""
		}
	}' > "$BATS_FILE_TMPDIR/small.csv"
	echo "$BATS_FILE_TMPDIR/small.csv"
}

# train OPTION…: a model on whatever device there is, with the fake driver.
train() {
	LD_PRELOAD=${fake:-$driver/libcuda.so.1} FM_BACKENDS=${backends-$folder} \
		fm-train --arch 'flatten, dense classes' --epochs 1 -o model.safetensors "$@" "$BATS_FILE_TMPDIR/small.fms"
}

backend_of() {
	fm-info --json model.safetensors | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["history"][-1]["backend"])'
}

@test "a P100 takes CUDA 11's plug-in, whatever the driver, and trains through it" {
	export FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280'
	for version in 450.80.02:11000 470.57.02:11040 535.104.05:12020 580.65.06:13000; do
		FAKE_VERSION=${version%:*} FAKE_CUDA=${version#*:} run -0 train -v
		assert_output --partial 'fm-train: device cuda fake11 fp32: Tesla P100-PCIE-16GB, sm_60: fm-cuda-11.so, code for sm_60'
		[ "$(backend_of)" = 'cuda fake11 fp32' ]
	done
}

@test "the newest CUDA that driver and card allow is taken" {
	FAKE_GPUS='NVIDIA H200:9:0:143771' FAKE_CUDA=13000 FAKE_VERSION=580.65.06 run -0 train -v
	assert_output --partial 'cuda fake13 fp32: NVIDIA H200, sm_90: fm-cuda-13.so, code for sm_90'
	FAKE_GPUS='NVIDIA H200:9:0:143771' FAKE_CUDA=12080 FAKE_VERSION=570.86.10 run -0 train -v
	assert_output --partial 'cuda fake11 fp32'
	# machine code runs on a newer minor number, never on another major one or an older minor one
	FAKE_GPUS='GB10:12:1:128000' FAKE_CUDA=13000 run -0 train -v
	assert_output --partial 'sm_121: fm-cuda-13.so, code for sm_120'
	FAKE_GPUS='B300:10:3:280000' FAKE_CUDA=13000 run -0 train -v
	assert_output --partial 'sm_103: fm-cuda-13.so, code for sm_100'
}

@test "a Jetson board runs its own code alone: neither a card's nor PTX" {
	FAKE_GPUS='Orin:8:7:30000' FAKE_CUDA=13000 run -5 train --device cuda
	assert_output --partial 'fm-cuda-11.so has no code for sm_87, a board that runs its own alone (it has 60 70 75 80 86 89 90)'
	rm -rf own && mkdir own
	folder=$PWD/own plugin 12 -DTOOLKIT=12060 -DMACHINE='"72 87"' -DPTX='"87"'
	backends=$PWD/own FAKE_GPUS='Orin:8:7:30000' FAKE_CUDA=12060 run -0 train -v
	assert_output --partial 'sm_87: fm-cuda-12.so, code for sm_87'
	# nor do cards run a board's
	backends=$PWD/own FAKE_GPUS='RTX 4090:8:9:24564' FAKE_CUDA=12040 run -5 train --device cuda
	assert_output --partial 'fm-cuda-12.so has only PTX for sm_89'
}

@test "PTX serves a card without machine code, where the driver knows it" {
	FAKE_GPUS='Later:13:0:99999' FAKE_CUDA=13010 run -0 train -v
	assert_output --partial 'sm_130: fm-cuda-13.so, PTX of compute_120, which the driver translates at the first start'
	# CUDA 11.8's PTX of compute_60 for a card whose own code is missing, and a driver that is too old for it
	rm -rf own && mkdir own
	folder=$PWD/own plugin 11 -DTOOLKIT=11080 -DMACHINE='"70 80"' -DPTX='"60"'
	backends=$PWD/own FAKE_GPUS='GTX 1080:6:1:8000' FAKE_CUDA=11080 run -0 train -v
	assert_output --partial 'sm_61: fm-cuda-11.so, PTX of compute_60'
	backends=$PWD/own FAKE_GPUS='GTX 1080:6:1:8000' FAKE_CUDA=11040 run -5 train --device cuda
	assert_output --partial 'fm-cuda-11.so has only PTX for sm_61, which needs a driver for CUDA 11.8, this one is for 11.4'
}

@test "a card that no plug-in has code for: exit 5 with every reason; auto says so in one line and takes the CPU" {
	export FAKE_GPUS='Tesla K80:3:7:11441' FAKE_CUDA=11040 FAKE_VERSION=470.256.02
	run -5 train --device cuda
	assert_output "fm-train: --device cuda: Tesla K80, sm_37; fm-cuda-13.so needs driver 580 or newer, this is 470.256.02 (CUDA 11.4); fm-cuda-11.so has no code for sm_37 (it has 60 70 75 80 86 89 90); use --device cpu or auto"
	[ ! -e model.safetensors ]
	run -0 train
	[ "${#lines[@]}" = 1 ]
	assert_output --partial 'fm-train: computing on the CPU, because the GPU can'\''t be used: Tesla K80, sm_37; fm-cuda-13.so needs driver 580'
	[[ $(backend_of) == cpu* ]]
	run -0 train -q
	assert_output ''
}

@test "a driver that is too old is named beside what is needed" {
	export FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280'
	FAKE_CUDA=11000 FAKE_VERSION=450.36.06 run -5 train --device cuda
	assert_output --partial 'fm-cuda-11.so needs driver 450.80.02 or newer, this is 450.36.06 (CUDA 11.0)'
	FAKE_CUDA=10020 run -5 train --device cuda # without /proc/driver
	assert_output --partial 'fm-cuda-11.so needs driver 450.80.02 or newer, this is CUDA 10.2'
	FAKE_CUDA=11000 run -0 train --device cuda
}

@test "no driver, no GPU, a driver that doesn't start" {
	fake=$driver/none/libcuda.so.1 run -5 train --device cuda
	assert_output 'fm-train: --device cuda: there is no NVIDIA driver (libcuda.so.1); use --device cpu or auto'
	fake=$driver/none/libcuda.so.1 run -0 train
	assert_output ''
	fake=$driver/none/libcuda.so.1 run -0 train -v
	assert_output --partial ': there is no NVIDIA driver (libcuda.so.1)'
	FAKE_INIT=100 run -5 train --device cuda
	assert_output --partial 'the NVIDIA driver sees no GPU'
	FAKE_GPUS='' run -5 train --device cuda
	assert_output --partial 'the NVIDIA driver sees no GPU'
	FAKE_INIT=803 FAKE_VERSION=535.1.2 run -5 train --device cuda
	assert_output --partial "kernel module (535.1.2) and its library are of different versions; restart the machine"
	FAKE_INIT=999 run -5 train --device cuda
	assert_output --partial 'the NVIDIA driver fails to start: unknown error (error 999)'
}

@test "no plug-in: cuda says where it looked, auto asks no driver" {
	mkdir empty
	export FAKE_LOG=$PWD/asked FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280'
	backends=$PWD/empty run -5 train --device cuda
	assert_output --partial "no GPU backend (fm-cuda-*.so) is in $PWD/empty"
	backends=$PWD/empty run -0 train -v
	assert_output --partial "no GPU backend (fm-cuda-*.so) is in $PWD/empty"
	backends=$PWD/missing run -5 train --device cuda
	assert_output --partial "$PWD/missing: No such file or directory"
	[ ! -e asked ]
	train --device cuda
	[ -e asked ]
}

@test "input, model and options are checked before a driver is asked" {
	export FAKE_LOG=$PWD/asked FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280' LD_PRELOAD=$driver/libcuda.so.1 FM_BACKENDS=$folder
	head -c 700 "$BATS_FILE_TMPDIR/small.fms" > torn.fms
	run -3 fm-train --arch 'flatten, dense classes' --epochs 1 --device cuda -o model.safetensors torn.fms
	run -2 fm-train --arch 'flatten, dense 3' --epochs 1 --device cuda -o model.safetensors "$BATS_FILE_TMPDIR/small.fms"
	run -3 fm-predict --device cuda -m torn.fms "$BATS_FILE_TMPDIR/small.fms"
	[ ! -e asked ]
	[ ! -e model.safetensors ]
}

@test "a plug-in of another build is refused, found and expected named" {
	export FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280' backends=$PWD/own
	mkdir own
	folder=$PWD/own plugin 11 -DTOOLKIT=11080 -DMACHINE='"60"' -DPTX='""' -DABI=7
	run -5 train --device cuda
	assert_output --partial 'fm-cuda-11.so speaks version 7 of the backend interface'
	assert_output --partial 'this program version 2'
	folder=$PWD/own plugin 11 -DTOOLKIT=11080 -DMACHINE='"60"' -DPTX='""' -DEXTRA=8
	run -5 train --device cuda
	[[ $output =~ \(([0-9]+)' bytes), this program version 2 ('([0-9]+)' bytes)' ]]
	[ "${BASH_REMATCH[1]}" = $((BASH_REMATCH[2] + 8)) ]
	run -0 train
	assert_output --partial 'computing on the CPU'
}

@test "a plug-in that can't be loaded: what it lacks is named; another that can is taken" {
	export FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280' FAKE_CUDA=13000 backends=$PWD/own
	mkdir own
	echo 'int cublas;' | "${CC:-gcc}" -x c -shared -fPIC -Wl,-soname,libcublas.so.99 -o libcublas.so.99 -
	folder=$PWD/own plugin 13 -DTOOLKIT=13000 -DMACHINE='"60"' -DPTX='""' -Wl,--no-as-needed libcublas.so.99
	run -5 train --device cuda
	assert_output --partial "fm-cuda-13.so can't be loaded: libcublas.so.99: cannot open shared object file"
	assert_output --partial "install cuBLAS of CUDA 13 (Debian's package libcublas13), or lay it beside the plug-in"
	cp "$folder/fm-cuda-11.so" own/
	run -0 train --device cuda -v
	assert_output --partial 'cuda fake11'
	rm own/*
	echo 'not a library' > own/fm-cuda-11.so
	echo 'int x;' | "${CC:-gcc}" -x c -shared -fPIC -o own/fm-cuda-12.so -
	touch own/fm-cuda-x.so own/fm-cuda-.so own/fm-cuda-13.so.bak
	run -5 train --device cuda
	assert_output --partial "fm-cuda-12.so is no backend: it has no fm_backend; fm-cuda-11.so can't be loaded:"
	refute_output --partial cuda-x
	refute_output --partial cuda-13
}

@test "a card that fails when it is opened: exit 5, or one line and the CPU's own model" {
	export FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280'
	mkdir empty
	backends=$PWD/empty train
	mv model.safetensors cpu.safetensors
	for why in 'out of memory when it was opened' 'uncorrectable ECC error'; do
		FAKE_OPEN=$why run -5 train --device cuda
		assert_output "fm-train: GPU 0: $why"
		[ ! -e model.safetensors ]
		FAKE_OPEN=$why run -0 train
		assert_output "fm-train: computing on the CPU, because the GPU can't be used: GPU 0: $why"
		cmp model.safetensors cpu.safetensors
		rm model.safetensors
	done
}

# The log but for what a clock says.
lines_of() {
	sed -E 's/"(seconds|images_per_second)":[^,}]*,?//g' "$1"
}

@test "steps that queue are waited for now and then: same model, log, checkpoint and errors as one by one" {
	export FAKE_GPUS='NVIDIA H200:9:0:143771' FAKE_CUDA=13000
	long=(--batch 1 --epochs 4 --checkpoint run.ckpt --log run.jsonl)
	train "${long[@]}"
	mkdir one && mv model.safetensors run.* one
	FAKE_QUEUE=$PWD/waits train "${long[@]}"
	cmp model.safetensors one/model.safetensors
	[ "$(lines_of run.jsonl)" = "$(lines_of one/run.jsonl)" ]
	[ "$(awk '{ steps += $1 } END { print steps }' waits)" = 128 ] # 32 samples, 4 times
	[ "$(wc -l < waits)" -lt 64 ] || fail "it waited $(wc -l < waits) times for 128 steps"
	diverging=(--arch 'flatten, dense 9, dense 9, dense classes' --optimizer sgd --lr 1e6 --batch 1 --epochs 4)
	FAKE_QUEUE=$PWD/bad run -1 train "${diverging[@]}"
	queued=$output
	run -1 train "${diverging[@]}"
	[ "$output" = "$queued" ] || fail "$queued"
	assert_output --partial "not finite at step"
}

@test "a plain stream's pictures are given to a GPU once, then rows; pixels where there is no room, where it mixes, or repeats" {
	export FAKE_GPUS='NVIDIA H200:9:0:143771' FAKE_CUDA=13000
	usual=(--batch 10 --epochs 3)
	FAKE_HOLD=$PWD/rows train "${usual[@]}"
	mv model.safetensors rows.safetensors
	[ "$(grep hold rows)" = "hold 0 32" ]
	[ "$(grep -c rows rows)" = 12 ] # 32 samples in tens, 3 times
	run ! grep pixels rows
	FAKE_HOLD=full run -0 train "${usual[@]}" -v
	assert_output --partial 'pixels are sent with every step: the fake is out of memory'
	cmp model.safetensors rows.safetensors
	FAKE_HOLD=$PWD/mixed train "${usual[@]}" --mixup 0.4
	run ! grep -E 'hold|rows' mixed
	fm-augment --epochs 3 "$BATS_FILE_TMPDIR/small.fms" > in.fms
	FAKE_HOLD=$PWD/repeated LD_PRELOAD=$driver/libcuda.so.1 FM_BACKENDS=$folder fm-train --arch 'flatten, dense classes' \
		-o model.safetensors in.fms
	grep pixels repeated
	! grep -E 'hold|rows' repeated
}

@test "a run interrupted while steps are queued is, once it has gone on, the run" {
	need_python numpy xxhash
	export FAKE_GPUS='NVIDIA H200:9:0:143771' FAKE_CUDA=13000 FAKE_QUEUE=$PWD/waits
	local status=0 command=(env LD_PRELOAD="$driver/libcuda.so.1" FM_BACKENDS="$folder" fm-train --arch 'flatten, dense classes' --batch 4
		--checkpoint run.ckpt --resume --log run.jsonl -o model.safetensors)
	"$PYTHON" "$FM_ROOT/tests/oracles/train.py" in.fms --holdout 30 --epochs 5 --rows 7
	"${command[@]}" < in.fms
	mkdir whole && mv model.safetensors run.* whole
	mkfifo fifo
	"${command[@]}" < fifo &
	exec 7> fifo
	head -c $(($(stat -c %s in.fms) / 2)) in.fms >&7
	wait_for rests $!
	kill -TERM $!
	wait $! || status=$?
	exec 7>&-
	[ $status = 75 ]
	[ "$(tail -n 1 waits)" -gt 1 ] || fail "no steps were queued"
	[ ! -e model.safetensors ]
	"${command[@]}" < in.fms
	cmp model.safetensors whole/model.safetensors
	[ "$(lines_of run.jsonl)" = "$(lines_of whole/run.jsonl)" ]
}

@test "of several cards the first that can be used is taken" {
	FAKE_GPUS='Tesla K80:3:7:11441,Tesla P100-PCIE-16GB:6:0:16280' run -0 train -v --device cuda
	assert_output --partial 'Tesla P100-PCIE-16GB, sm_60: fm-cuda-11.so, code for sm_60'
	FAKE_OPEN=busy FAKE_GPUS='Tesla K80:3:7:11441,Tesla P100-PCIE-16GB:6:0:16280' run -5 train --device cuda
	assert_output --partial 'GPU 1: busy'
}

@test "fm-predict computes through a plug-in, and on the CPU what only that has" {
	train --device cpu
	export LD_PRELOAD=$driver/libcuda.so.1 FM_BACKENDS=$folder FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280'
	fm-predict -m model.safetensors "$BATS_FILE_TMPDIR/small.fms" > gpu.fms
	run -0 fm-info --json gpu.fms
	assert_output --partial '"backend":"cuda fake11 fp32"'
	fm-predict --device cpu -m model.safetensors "$BATS_FILE_TMPDIR/small.fms" > cpu.fms
	run -0 fm-metrics --json gpu.fms
	fm-metrics --json cpu.fms > cpu.json
	[ "$(fm-metrics --json gpu.fms | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["accuracy"])')" = \
		"$("$PYTHON" -c 'import json; print(json.load(open("cpu.json"))["accuracy"])')" ]
}

# field KEY…: one value of a JSON object on stdin, as Python prints it
field() {
	"$PYTHON" -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
	value = value[int(key) if key.isdigit() else key]
print(value)' "$@"
}

# devices OPTION…: with the fake driver
devices() {
	LD_PRELOAD=${fake:-$driver/libcuda.so.1} FM_BACKENDS=${backends-$folder} fm-info --devices "$@"
}

@test "fm-info --devices lists each card, what would run on it, and why not" {
	export FAKE_GPUS='Tesla K80:3:7:11441,Tesla P100-PCIE-16GB:6:0:16280,NVIDIA H200:9:0:143771' FAKE_CUDA=12020 FAKE_VERSION=535.104.05
	run -0 devices
	[ "${lines[0]}" = 'auto      cuda:1' ]
	[[ ${lines[1]} == 'cpu       '*'; FM_CPU can be: plain'* ]]
	[ "${lines[2]}" = "cuda:0    Tesla K80, sm_37, 11441 MB: can't be used" ]
	[ "${lines[3]}" = '          fm-cuda-13.so needs driver 580 or newer, this is 535.104.05 (CUDA 12.2)' ]
	[ "${lines[4]}" = '          fm-cuda-11.so has no code for sm_37 (it has 60 70 75 80 86 89 90)' ]
	[ "${lines[5]}" = 'cuda:1    Tesla P100-PCIE-16GB, sm_60, 16280 MB: fm-cuda-11.so, code for sm_60' ]
	[[ $output == *$'\ndriver    535.104.05, CUDA 12.2\n'* ]]
	[[ $output == *$'\nbackend   fm-cuda-13.so: CUDA 13.0, code for 75 80 86 89 90 100 120, PTX for 120\n'* ]]
	devices --json > devices.json
	[ "$(field gpus 1 backend < devices.json)" = fm-cuda-11.so ]
	[ "$(field gpus 0 backend < devices.json)" = None ]
	[ "$(field gpus 2 memory < devices.json)" = $((143771 << 20)) ]
	[ "$(field driver cuda < devices.json)" = 12.2 ]
	[ "$(field backends 1 machine < devices.json)" = '60 70 75 80 86 89 90' ]
	# what it says is what training does
	run -0 train -v
	assert_output --partial 'Tesla P100-PCIE-16GB, sm_60: fm-cuda-11.so, code for sm_60'
}

@test "fm-info --devices without a driver, without plug-ins, with one that can't be loaded" {
	fake=$driver/none/libcuda.so.1 run -0 devices
	assert_output --partial $'\ndriver    there is no NVIDIA driver (libcuda.so.1)\n'
	mkdir empty bad
	backends=$PWD/empty run -0 devices
	assert_output --partial "backend   no fm-cuda-*.so is in $PWD/empty"
	echo 'not a library' > bad/fm-cuda-11.so
	export FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280'
	backends=$PWD/bad run -0 devices
	assert_output --partial "backend   fm-cuda-11.so can't be loaded: $PWD/bad/fm-cuda-11.so: "
	backends=$PWD/bad devices --json > devices.json
	[ "$(field auto < devices.json)" = cpu ]
	[[ $(field gpus 0 refused 0 < devices.json) == "fm-cuda-11.so can't be loaded"* ]]
	# a driver's words reach no terminal as they are
	FAKE_GPUS=$'Evil\e[31m:6:0:16280' run -0 devices
	[[ $output != *$'\e'* ]]
}

@test "fm-info --devices reads nothing, and goes with --json alone" {
	run -0 on_terminal fm-info --devices
	assert_output --partial 'FM_CPU can be'
	run -2 fm-info --devices "$BATS_FILE_TMPDIR/small.fms"
	assert_output --partial 'it goes with --json, not with a file'
	run -2 fm-info --devices --script
	assert_output --partial 'not with --script'
	FM_CPU=abacus run -5 fm-info --devices
	assert_output --partial "FM_CPU is \"abacus\""
	FM_CPU=plain run -0 fm-info --devices --json
	[ "$(field cpu uses <<< "$output")" = plain ]
}

@test "tests/bench/gpu.sh without a GPU says why, and checks nothing" {
	LD_PRELOAD=$driver/none/libcuda.so.1 run -0 "$FM_ROOT/tests/bench/gpu.sh" "${FM_BIN%/bin}" "$PWD/results"
	[ "${lines[0]}" = 'no GPU here, so nothing was checked:' ]
	assert_output --partial 'there is no NVIDIA driver (libcuda.so.1)'
	[ ! -e results ]
}

@test "tests/bench/gpu.sh checks, times and writes its results to a folder; a check that fails is counted" {
	fm-fetch "$BATS_FILE_TMPDIR/small.csv" > data.fms
	mkdir tree
	ln -s "$FM_BIN" tree/bin
	export LD_PRELOAD=$driver/libcuda.so.1 FM_BACKENDS=$folder FAKE_GPUS='Tesla P100-PCIE-16GB:6:0:16280' DATA=$PWD/data.fms \
		SANITIZERS= NETS=
	run -0 "$FM_ROOT/tests/bench/gpu.sh" tree "$PWD/results"
	for line in 'ok      repeats' 'ok      resumes' 'ok      agrees-with-cpu' 'ok      lazy-is-plain' 'epoch    batch 512, fp32' \
		'epoch    512, augmented lazy' 'predict  fp32' '4 passed, 0 failed'; do
		assert_output --partial "$line"
	done
	[ "$(grep -c passed results/summary.txt)" = 1 ]
	# 48 pictures an epoch: what a line says they took and how many that is a second go together
	awk '/^epoch .* images/ { lines++; n = $(NF - 3) * $(NF - 1) / 1000; if (n < 40 || n > 56) { print; exit 1 } }
		END { if (lines < 4) { print lines " lines"; exit 1 } }' results/summary.txt
	awk '/^predict .* images/ { n = $(NF - 1) * ($3 - $8); if (n < 470 || n > 490) { print; exit 1 } seen = 1 } END { exit !seen }' results/summary.txt
	[ "$(field gpus 0 backend < results/devices.json)" = fm-cuda-11.so ]
	mkdir -p tree/tests/gpu
	printf '#!/bin/sh\necho "not ok 1 - wrong"\nexit 1\n' > tree/tests/gpu/wrong
	printf '#!/bin/sh\necho "ok 1 - x # SKIP too small a card"\n' > tree/tests/gpu/skipping
	chmod +x tree/tests/gpu/*
	SECONDS_MOST=10 run -1 "$FM_ROOT/tests/bench/gpu.sh" tree "$PWD/results"
	assert_output --partial 'FAILED  test-wrong (exit 1): not ok 1 - wrong'
	assert_output --partial 'skipped test-skipping: too small a card'
}
