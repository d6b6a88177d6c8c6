#!/usr/bin/env bats
# The fuzzers' corpus, replayed: nothing in it may crash a reader, under sanitizers where those are built.

load helper

replay() {
	local program=$FM_BIN/../address/tests/fuzz/$1
	local files=("$FM_ROOT/tests/fuzz/corpus/$1"/*)

	[ -x "$program" ] || program=$FM_BIN/../tests/fuzz/$1
	[ -x "$program" ] || skip "$program is not built"
	[ -e "${files[0]}" ] || fail "no corpus for $1"
	"$program" "${files[@]}"
}

@test "the corpus of streams crashes nothing" { replay stream; }
@test "the corpus of models crashes nothing" { replay model; }
@test "the corpus of histories crashes nothing" { replay history; }
@test "the corpus of architectures crashes nothing" { replay architecture; }
@test "the corpus of IDX files and archives crashes nothing" { replay idx; }
@test "the corpus of CSV files crashes nothing" { replay csv; }
@test "the corpus of NumPy arrays crashes nothing" { replay npy; }
@test "the corpus of WebDataset's names, labels and shards crashes nothing" { replay shard; }
@test "the corpus of bare frames crashes nothing" { replay raw; }
@test "the corpus of safetensors of images crashes nothing" { replay tensors; }
@test "the corpus of CIFAR's batches crashes nothing" { replay cifar; }
@test "the corpus of MAT-files crashes nothing" { replay mat; }
