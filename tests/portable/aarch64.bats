# aarch64.bats: the portable folder that is made here for the other processor, run by an emulator: whole programs, and the GPU
# plug-in as far as it goes without a card. Takes minutes: `make check-long`.
load ../helper
load build

setup_file() {
	export folder=$BATS_FILE_TMPDIR/here/build/portable/fm-tools-aarch64 emulator
	emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || return 0
	[ "$(uname -m)" = x86_64 ] && command -v aarch64-linux-gnu-gcc > /dev/null || return 0
	build_portable "$BATS_FILE_TMPDIR/here" aarch64 > "$BATS_FILE_TMPDIR/log" 2>&1 || touch "$BATS_FILE_TMPDIR/failed"
	# its own name has a version
	ln -s "$(basename "$(find "$BATS_FILE_TMPDIR/here/build/portable" -maxdepth 1 -name '*-aarch64')")" "$folder"
}

need_folder() {
	[ -n "$emulator" ] || skip "qemu-aarch64 is not there (qemu-user)"
	[ ! -e "$BATS_FILE_TMPDIR/failed" ] || fail "$(cat "$BATS_FILE_TMPDIR/log")"
	[ -d "$folder/bin" ] || skip "it is made on x86-64, by gcc-aarch64-linux-gnu"
}

need_plugin() {
	need_folder
	"$FM_ROOT/mk/toolkits" 2> /dev/null | grep -q /usr/lib/nvidia-cuda-toolkit/ ||
		skip "nvidia-cuda-toolkit is not there (make deps-gpu installs it)"
	ls "$folder"/lib/fm-tools/fm-cuda-*.so
}

# there PROGRAM ARGUMENT…: what bin/PROGRAM does on such a machine; an emulated process can't start another
there() {
	local program=$1
	shift
	"$emulator" "$folder"/lib/ld-linux-aarch64.so.1 --argv0 "$program" --library-path "$folder/lib" \
		"$folder/lib/fm-tools/programs/$program" "$@"
}

@test "every file is for that processor, and finds each library and each version of it in the folder" {
	need_folder
	need readelf
	run -0 "$PYTHON" "$FM_ROOT/tests/portable/closed.py" AArch64 "$folder"
	echo "# $output" >&3
}

@test "every program starts by the folder's loader and C library, and names its version" {
	need_folder
	for tool in $(all_tools); do
		run -0 there "$tool" --version
		[ "$output" = "$("$FM_BIN/$tool" --version)" ]
	done
}

@test "a pipeline fetches, augments, trains, predicts and measures" {
	need_folder
	need_fashion_mnist
	there fm-fetch fashion-mnist --range 0:96 --holdout 32 | there fm-augment --preset seed --epochs 2 |
		there fm-train --arch 'conv 4 3x3, bn, relu, maxpool 2, flatten, dense classes' --device cpu --log run.jsonl -o model.safetensors
	there fm-fetch fashion-mnist --split test --range 0:64 | there fm-predict -m model.safetensors |
		there fm-metrics --json > metrics.json
	[ "$("$PYTHON" -c 'import json; print(json.load(open("metrics.json"))["samples"])')" = 64 ]
	[ "$(wc -l < run.jsonl)" = 2 ]
	[[ $(there fm-info --json model.safetensors) == *'"backend":"cpu neon'* ]]
}

@test "its GPU plug-in is loaded with all of cuBLAS, says which cards it has code for, and that no driver is there" {
	need_plugin
	there fm-info --devices --json > devices.json
	"$PYTHON" - <<- 'END'
		import json
		said = json.load(open("devices.json"))
		assert said["cpu"]["uses"] == "neon", said
		assert said["auto"] == "cpu" and said["gpus"] == [], said
		assert said["driver"]["why"] == "there is no NVIDIA driver (libcuda.so.1)", said
		plugins = said["backends"]
		assert len(plugins) == 1 and plugins[0]["why"] is None, said
		assert plugins[0]["machine"] == "60 90" and plugins[0]["ptx"] == "60 90", said
	END
	there fm-fetch --range 0:4 "$(small_csv)" > small.fms
	run -5 there fm-train --arch 'flatten, dense classes' --epochs 1 --device cuda -o model.safetensors small.fms
	assert_output 'fm-train: --device cuda: there is no NVIDIA driver (libcuda.so.1); use --device cpu or auto'
	[ ! -e model.safetensors ]
	run -0 there fm-train -q --arch 'flatten, dense classes' --epochs 1 -o model.safetensors small.fms
	assert_output ''
	run -0 there gpu-test-door
	assert_output --partial '# SKIP'
}

small_csv() {
	printf '0,1,2,3,4\n1,5,6,7,8\n0,1,1,3,4\n1,5,5,7,8\n' > small.csv
	echo small.csv
}
