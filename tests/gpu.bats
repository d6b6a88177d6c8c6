# gpu.bats: the GPU plug-ins as make built them: for which cards, with which symbols, within which budgets. None of it needs a
# GPU. FM_NEED_SM60=yes makes a machine that can't compile for the P100 a failure (.ci/run); elsewhere it is skipped.
load helper

plugins() {
	ls "${FM_BIN%/bin}"/lib/fm-tools/fm-cuda-*.so 2> /dev/null
}

need_plugins() {
	[ -n "$(plugins)" ] || skip_or_fail "no CUDA toolkit is here, so no GPU plug-in was built (make deps-gpu installs one)"
}

skip_or_fail() {
	[ -z "${FM_NEED_SM60:-}" ] || fail "$1"
	skip "$1"
}

# make as a person would run it
fresh_make() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$FM_ROOT" "$@"
}

# The toolkit whose compiler knows sm_60: MAJOR VERSION NVCC…
p100_toolkit() {
	"$FM_ROOT/mk/toolkits" 2> /dev/null | grep ' 60 ' | head -n 1
}

@test "a plug-in has machine code for the P100" {
	need_plugins
	[ -n "$(p100_toolkit)" ] || skip_or_fail "no toolkit here compiles for sm_60; CUDA 13 doesn't (make deps-gpu installs one that does)"
	read -r major _ <<< "$(p100_toolkit)"
	fm-info --devices --json | "$PYTHON" -c 'import json, sys
backends = {b["file"]: b for b in json.load(sys.stdin)["backends"]}
assert "60" in backends[f"fm-cuda-{sys.argv[1]}.so"]["machine"].split(), backends
assert "60" in backends[f"fm-cuda-{sys.argv[1]}.so"]["ptx"].split(), backends' "$major"
	if command -v cuobjdump > /dev/null; then
		run -0 cuobjdump -lelf "${FM_BIN%/bin}/lib/fm-tools/fm-cuda-$major.so"
		assert_output --partial sm_60.cubin
	fi
}

@test "a plug-in loads without a GPU, shows fm_backend alone and needs no more than cuBLAS" {
	need_plugins
	need readelf nm
	for plugin in $(plugins); do
		[ "$(nm -D --defined-only "$plugin" | awk '{ print $3 }')" = fm_backend ] || fail "$plugin shows more"
		run -0 readelf -dlW "$plugin"
		! grep NEEDED <<< "$output" | grep -vE '\[(libc|libm|libdl|librt|libpthread|ld-linux[a-z0-9-]*|libcublas|libcublasLt)\.so' ||
			fail "$plugin needs more"
		[[ $(grep GNU_STACK <<< "$output") == *"RW "* ]]
		# names of nvcc's temporary files would make every build another
		run -0 readelf -sW "$plugin"
		refute_output --partial tmpxft
	done
	run -0 fm-info --devices --json
	[ "$(grep -o '"why":null}' <<< "$output" | wc -l)" = "$(plugins | wc -l)" ] || fail "not every plug-in can be loaded: $output"
}

@test "no shared variable has a name that follows nvcc's process: none is in a static __device__ function" {
	run -0 awk '/__device__ static|static __device__/ { is_inside = 1 } /^}/ { is_inside = 0 }
		is_inside && /SHARED\(/ { print FILENAME ": " $0 }' "$FM_ROOT"/gpu/*.cu "$FM_ROOT"/gpu/*.h
	assert_output ''
}

@test "every kernel is within its budget for sm_60 and sm_90: registers, spills, shared memory, occupancy" {
	need_plugins
	need c++filt
	said=()
	for source in "$FM_ROOT"/gpu/*.cu; do
		for file in "${FM_BIN%/bin}"/gpu/*/"$(basename "$source" .cu)".ptxas; do
			said+=("$file")
		done
	done
	run -0 "$PYTHON" "$FM_ROOT/tests/gpu/budgets.py" "$FM_ROOT/tests/gpu/budgets.txt" "${said[@]}"
	echo "# $output" >&3
}

@test "a kernel over budget is found: registers, spills, occupancy, an unknown name in the table" {
	need c++filt
	cat > k.ptxas <<- 'END'
		ptxas info    : Compiling entry function '_Z4convPf' for 'sm_60'
		ptxas info    : Function properties for _Z4convPf
		    8 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
		ptxas info    : Used 168 registers, 20480 bytes smem, 328 bytes cmem[0]
	END
	echo 'conv * 256 0 128 16384 2 -' > budgets
	run -1 "$PYTHON" "$FM_ROOT/tests/gpu/budgets.py" budgets k.ptxas
	assert_output --partial 'spills 12 bytes'
	assert_output --partial '168 registers; budget 128'
	assert_output --partial '20480 bytes of shared memory; budget 16384'
	assert_output --partial 'holds 1 blocks of 256 threads; budget 2' # 168 x 256 of 65,536 registers
	printf '%s\n' '* * 256 0 255 49152 1 -' 'gone * 1 0 255 49152 1 -' > budgets
	run -1 "$PYTHON" "$FM_ROOT/tests/gpu/budgets.py" budgets k.ptxas
	assert_output --partial 'gone: no such kernel'
}

@test "a kernel without a wanted instruction is found, by the row of its template arguments" {
	need c++filt
	cat > k.ptxas <<- 'END'
		ptxas info    : Compiling entry function '_Z4convILi64EfEvPT0_' for 'sm_60'
		ptxas info    : Used 100 registers, 1024 bytes smem
		ptxas info    : Compiling entry function '_Z4convILi32EfEvPT0_' for 'sm_60'
		ptxas info    : Used 100 registers, 1024 bytes smem
	END
	mkdir bin
	printf '#!/bin/sh\nprintf "Function : _Z4convILi64EfEvPT0_\\n  LDG.E.CI.%%s R1, [R2] ;\\nFunction : _Z4convILi32EfEvPT0_\\n  LDG.E R1 ;\\n" $WIDTH\n' > bin/cuobjdump
	chmod +x bin/cuobjdump
	printf '%s\n' 'conv<64,float> 60 128 0 128 2048 2 LDG.128' 'conv * 128 0 128 2048 2 LDG' > budgets
	WIDTH=128 PATH=$PWD/bin:$PATH run -0 "$PYTHON" "$FM_ROOT/tests/gpu/budgets.py" budgets k.ptxas
	WIDTH=64 PATH=$PWD/bin:$PATH run -1 "$PYTHON" "$FM_ROOT/tests/gpu/budgets.py" budgets k.ptxas
	assert_output --partial 'conv<64,float>'
	assert_output --partial 'no LDG.128 in its machine code'
	refute_output --partial 'conv<32,float>'
}

@test "a toolkit uses its own programs, whatever stands earlier in PATH" {
	need_plugins
	mkdir newer
	for program in ptxas cicc fatbinary cudafe++ nvlink; do
		printf '#!/bin/sh\necho "the wrong %s"\nexit 1\n' "$program" > "newer/$program"
	done
	chmod +x newer/*
	for major in $(plugins | sed 's/.*-\([0-9]*\)\.so/\1/'); do
		PATH=$PWD/newer:$PATH run -0 fresh_make BUILD="$BATS_TEST_TMPDIR/build" GPU_ARCHITECTURES='60 90' \
			"$BATS_TEST_TMPDIR/build/gpu/$major/plugin.o"
	done
}

# toolkit FOLDER VERSION ARCHITECTURES: what looks like one
toolkit() {
	mkdir -p "$1/bin"
	printf '#!/bin/bash\ncase $1 in --version) echo "Cuda compilation tools, release %s, V%s.1";; --list-gpu-code) printf "sm_%%s\\n" %s;; esac\n' \
		"$2" "$2" "$3" > "$1/bin/nvcc.real"
	# a compiled program in the real world: not a script that starts another
	printf '#!/bin/sh\nexec %s/bin/nvcc.real "$@"\n' "$PWD/$1" > "$1/bin/nvcc"
	sed -i "s|nvcc.real|hidden/nvcc|" "$1/bin/nvcc"
	mkdir "$1/bin/hidden"
	mv "$1/bin/nvcc.real" "$1/bin/hidden/nvcc"
	chmod +x "$1/bin/nvcc" "$1/bin/hidden/nvcc"
}

@test "toolkits are found in CUDA_HOME first, the old ones and the broken ones left out" {
	toolkit ours 13.9 '90 100 75'
	toolkit old 10.2 '30 60'
	CUDA_HOME=$PWD/old run -0 "$FM_ROOT/mk/toolkits"
	refute_output --partial 10.2
	CUDA_HOME=$PWD/ours run -0 "$FM_ROOT/mk/toolkits"
	[[ ${lines[0]} == "13 13.9 $PWD/ours/bin/hidden/nvcc "*" 75 90 100 " ]] || [[ ${lines[0]} == "13 13.9 $PWD/ours/bin/hidden/nvcc "*" 75 90 100" ]]
	[ "$(grep -c '^13 ' <<< "$output")" = 1 ]
	CUDA_HOME=$PWD/nowhere run -0 "$FM_ROOT/mk/toolkits"
	CUDA_HOME=$PWD/old NVCC=$PWD/ours/bin/nvcc run -0 "$FM_ROOT/mk/toolkits"
	assert_output --partial "13 13.9 $PWD/ours/bin/hidden/nvcc "
	NVCC=$PWD/none run -0 "$FM_ROOT/mk/toolkits"
	assert_output --partial "NVCC=$PWD/none: there is no such program"
	for variable in "NVCC=$PWD/ours/bin/nvcc" "CUDA_HOME=$PWD/ours"; do
		run -0 fresh_make -n V=1 BUILD="$BATS_TEST_TMPDIR/build" "$variable" GPU_ARCHITECTURES=100 NVCCFLAGS=--ours gpu
		[[ $output =~ $PWD/ours/bin/hidden/nvcc\ -ccbin.*--ours ]]
	done
}

@test "what two toolkits know is compiled once, by the older; a toolkit with nothing left builds nothing" {
	code() {
		run -0 fresh_make -n V=1 BUILD="$BATS_TEST_TMPDIR/build" GPU_ARCHITECTURES="$1" \
			TOOLKITS="13:13.0:/nowhere/13/nvcc:g++:75,90,100 11:11.8:/nowhere/11/nvcc:g++:60,75,90" gpu
		grep -F direct.cu <<< "$output" | grep -oE "code=(sm|compute)_[0-9]+|/nowhere/../nvcc -ccbin" | tr '\n' ' '
	}
	[ "$(code "60 75 90 100" | tr ' ' '\n' | grep -c sm_75)" = 1 ] || fail "$(code "60 75 90 100")"
	[[ $(code "60 75 90 100") == *"/nowhere/13/nvcc -ccbin code=sm_90 code=sm_100 code=compute_100 "* ]] || fail "$(code "60 75 90 100")"
	[[ $(code "60 75") != *"/nowhere/13/"* ]] || fail "$(code "60 75")"
	[[ $(code "60 75") == *"/nowhere/11/nvcc -ccbin code=sm_60 code=sm_75 code=compute_60 code=compute_75 "* ]] || fail "$(code "60 75")"
}

@test "a cross build takes the toolkits that have libraries for the other processor" {
	[ "$(uname -m)" != aarch64 ] || skip "the usual build is for this one"
	toolkit ours 13.9 '75 90'
	mkdir -p compilers root ours/bin/targets/sbsa-linux/lib
	printf '#!/bin/sh\necho 12\n' > compilers/aarch64-linux-gnu-g++
	chmod +x compilers/*
	touch ours/bin/targets/sbsa-linux/lib/libcudart_static.a
	export CUDA_HOME=$PWD/ours PATH=$PWD/compilers:$PATH
	run -0 "$FM_ROOT/mk/toolkits" aarch64-linux-gnu "$PWD/root"
	assert_output "13 13.9 $PWD/ours/bin/hidden/nvcc aarch64-linux-gnu-g++ 75 90 "
	if command -v aarch64-linux-gnu-gcc > /dev/null; then
		run -0 fresh_make -n V=1 BUILD="$BATS_TEST_TMPDIR/build" CC="aarch64-linux-gnu-gcc --sysroot=$PWD/root" GPU_ARCHITECTURES=90 gpu
		assert_output --partial "hidden/nvcc -ccbin aarch64-linux-gnu-g++ -target-dir sbsa-linux -Xcompiler --sysroot=$PWD/root"
		assert_output --partial "aarch64-linux-gnu-g++ --sysroot=$PWD/root -shared"
		assert_output --partial "-L$PWD/ours/bin/hidden/../targets/sbsa-linux/lib"
	fi
	rm -r ours/bin/targets
	run -0 "$FM_ROOT/mk/toolkits" aarch64-linux-gnu "$PWD/root"
	assert_output ''
}

@test "make GPU=no, a sanitizer and a cross compiler without CUDA's libraries build no plug-in, and say nothing of CUDA" {
	for variable in GPU=no SANITIZE=-fsanitize=address; do
		run -0 fresh_make -n BUILD="$BATS_TEST_TMPDIR/build" "$variable" gpu
		refute_output --partial nvcc
		refute_output --partial fm-cuda
	done
	need aarch64-linux-gnu-gcc
	run -0 fresh_make -n BUILD="$BATS_TEST_TMPDIR/build" CC="aarch64-linux-gnu-gcc --sysroot=$PWD" gpu
	refute_output --partial nvcc
	refute_output --partial fm-cuda
}
