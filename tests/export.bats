#!/usr/bin/env bats
# fm-export: what it writes is read by somebody else and is what went in; what can't be written leaves nothing.

load helper

oracle() {
	"$PYTHON" "$FM_ROOT/tests/oracles/export.py" "$@"
}

# Nets with every kind of layer, and shapes that need care: even kernels, strides, padding on one side only.
NETS=(
	"seed"
	"conv 5 3x5 stride 2 same, bn, relu, maxpool 3 stride 2, dropout 0.1, bn, avgpool 2, conv 7 2x3 valid nobias, relu, flatten, bn, dense 20 nobias, relu, bn, dense classes, softmax"
	"conv 6 5x2 stride 3 same, relu, conv 4 1x1 same, globalavgpool, dense classes"
	"flatten, dense classes"
	"conv 9 4x4 stride 4 valid, bn, bn, relu, flatten, dropout 0.5, bn, dense classes"
	"conv 3 28x28 same, maxpool 28, flatten, dense classes"
	"conv 4 3x3 stride 4 same, bn, relu, residual(depthwise 3x3 same nobias, bn, relu, conv 4 1x1, bn | ), relu, residual(conv 6 3x3 stride 2 same, bn, residual(relu | bn) | conv 6 1x1 stride 2, bn), relu, residual(depthwise 2x3 same | ), globalavgpool, residual(dense 6, dropout 0.2 | ), dense classes"
	"residual(conv 2 3x3 same, bn | conv 2 1x1), maxpool 4, residual(flatten, dense 8 | depthwise 7x7, conv 8 1x1, relu, flatten), relu, dense classes"
)

setup_file() {
	need_fashion_mnist
	cd "$BATS_FILE_TMPDIR" || return 1
	fm-fetch fashion-mnist --range 0:500 > train.fms
	fm-fetch fashion-mnist --split test --range 0:200 > test.fms
	fm-fetch fashion-mnist --range 0:2000 > two.fms
	oracle pixels test.fms test.raw
	for i in "${!NETS[@]}"; do
		fm-train -q --arch "${NETS[i]}" --epochs 1 -o "$i.safetensors" train.fms
		fm-predict -m "$i.safetensors" test.fms --format stream > "$i.fms"
	done
	cat > main.c <<- 'END'
		#include "net.h"
		#include <stdio.h>
		int main(void)
		{
			static unsigned char image[net_HEIGHT * net_WIDTH * net_CHANNELS];
			static float prob[net_CLASSES];
			while (fread(image, sizeof image, 1, stdin) == 1) {
				net_predict(image, prob);
				fwrite(prob, sizeof prob, 1, stdout);
			}
			return !net_classes[0];
		}
	END
}

@test "ONNX: every field, edge and weight is where the specification wants it" {
	cd "$BATS_FILE_TMPDIR"
	for i in "${!NETS[@]}"; do
		fm-export -o "$BATS_TEST_TMPDIR/net.onnx" "$i.safetensors"
		oracle structure "$BATS_TEST_TMPDIR/net.onnx" "$i.safetensors"
		fm-export --format onnx "$i.safetensors" | cmp - "$BATS_TEST_TMPDIR/net.onnx"
		fm-export --fold -o "$BATS_TEST_TMPDIR/folded.onnx" < "$i.safetensors"
		oracle structure "$BATS_TEST_TMPDIR/folded.onnx" "$i.safetensors" folded
	done
	run oracle structure "$BATS_TEST_TMPDIR/folded.onnx" 0.safetensors folded
	[ "$status" != 0 ]
}

@test "ONNX: the graph, computed as the specification reads, gives fm-predict's probabilities" {
	cd "$BATS_FILE_TMPDIR"
	for i in "${!NETS[@]}"; do
		for fold in "" --fold; do
			# shellcheck disable=SC2086 # nothing, or an option
			fm-export $fold -o "$BATS_TEST_TMPDIR/net.onnx" "$i.safetensors"
			oracle interpret "$BATS_TEST_TMPDIR/net.onnx" test.fms "$i.fms"
		done
	done
	run ! oracle interpret "$BATS_TEST_TMPDIR/net.onnx" test.fms 0.fms
}

@test "ONNX Runtime gives fm-predict's probabilities, batch norm folded or not" {
	peer=${FM_PEER_PYTHON:-$FM_ROOT/build/peers/bin/python}
	"$peer" -c "import onnx, onnxruntime, xxhash" 2> /dev/null ||
		skip "Python's onnx and onnxruntime are not there; tests/peers/python.sh gets them"
	cd "$BATS_FILE_TMPDIR"
	for i in "${!NETS[@]}"; do
		for fold in "" --fold; do
			# shellcheck disable=SC2086 # nothing, or an option
			fm-export $fold -o "$BATS_TEST_TMPDIR/net.onnx" "$i.safetensors"
			"$peer" "$FM_ROOT/tests/oracles/export.py" runtime "$BATS_TEST_TMPDIR/net.onnx" test.fms "$i.fms"
		done
	done
}

@test "C: compiles without a warning and gives fm-predict's probabilities" {
	need gcc
	cd "$BATS_FILE_TMPDIR"
	for i in "${!NETS[@]}"; do
		mkdir "$BATS_TEST_TMPDIR/$i"
		run fm-export -v -o "$BATS_TEST_TMPDIR/$i/net.c" "$i.safetensors"
		[ "$status" = 0 ]
		[[ $output =~ arena\ of\ ([0-9]+)\ bytes ]]
		grep -q "arena below takes ${BASH_REMATCH[1]} bytes" "$BATS_TEST_TMPDIR/$i/net.c"
		gcc -std=c99 -pedantic -O2 -Wall -Wextra -Werror -I"$BATS_TEST_TMPDIR/$i" -o "$BATS_TEST_TMPDIR/$i/run" \
			-fsanitize=address,undefined -fno-sanitize-recover=all main.c "$BATS_TEST_TMPDIR/$i/net.c" -lm
		"$BATS_TEST_TMPDIR/$i/run" < test.raw > "$BATS_TEST_TMPDIR/$i/prob"
		oracle floats "$BATS_TEST_TMPDIR/$i/prob" "$i.fms"
		[ "$(nm -g --defined-only "$BATS_TEST_TMPDIR/$i/run" | grep -c ' net_')" = 2 ]
	done
	need g++
	g++ -fsyntax-only -Wall -Wextra -Werror -include "$BATS_TEST_TMPDIR/0/net.h" -x c++ /dev/null
}

@test "C: the size that is said is the arena's" {
	fm-export -o net.c "$BATS_FILE_TMPDIR/0.safetensors"
	gcc -std=c99 -c -o net.o net.c
	size=$(nm -S net.o | awk '$4 == "arena" { print $2 }')
	grep -q "arena of $((16#$size)) bytes" net.h
}

@test "a calibrated model keeps its temperature" {
	"$PYTHON" - "$BATS_FILE_TMPDIR/3.safetensors" <<- 'END'
		import json, struct, sys
		data = open(sys.argv[1], "rb").read()
		(length,) = struct.unpack_from("<Q", data)
		header = json.loads(data[8:8 + length])
		header["__metadata__"]["fm.calibration"] = '{"temperature":0.25}'
		text = json.dumps(header).encode()
		text += b" " * (-len(text) % 8)
		open("hot.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data[8 + length:])
	END
	fm-predict -m hot.safetensors "$BATS_FILE_TMPDIR/test.fms" --format stream > hot.fms
	run ! oracle floats "$BATS_FILE_TMPDIR/test.raw" hot.fms
	fm-export -o net.c hot.safetensors
	gcc -std=c99 -O2 -I. -o run "$BATS_FILE_TMPDIR/main.c" net.c -lm
	./run < "$BATS_FILE_TMPDIR/test.raw" > prob
	oracle floats prob hot.fms
	run ! oracle floats prob "$BATS_FILE_TMPDIR/3.fms"
}

@test "hostile class names are C strings and nothing else" {
	oracle make named.fms cat/a x/b
	fm-train -q --arch "flatten, dense classes" --batch 2 -o m.safetensors named.fms
	fm-export -o net.c m.safetensors
	gcc -std=c99 -Wall -Wextra -Werror -pedantic -c net.c
	grep -qF '"dog/\012",' net.c
}

@test "PNG: every pixel, in class folders" {
	fm-export --format png -o pictures "$BATS_FILE_TMPDIR/test.fms"
	oracle folders "$BATS_FILE_TMPDIR/test.fms" pictures
	[ "$(stat -c %a pictures)" = 755 ]
	[ -d "pictures/T-shirt%2Ftop" ]
}

@test "PNG: names are kept" {
	oracle make named.fms cat/tabby/a.png b.jpg cat/c.d.PNG dog/e
	fm-export --format png -o pictures named.fms
	find pictures -type f | LC_ALL=C sort > found
	printf 'pictures/%s\n' cat/c.d.png cat/tabby/a.png dog%2F%0A/b.png dog%2F%0A/dog/e.png > expected
	diff expected found
}

@test "PNG: hostile names stay within the folder" {
	mkdir inner
	oracle make hostile.fms ../../../evil /etc/evil a/../../../b .. . .hidden $'line\nfeed\033[2J' a//b/ "%2e%2e/x" "-rf"
	fm-export --format png -o inner/pictures hostile.fms
	[ "$(find . -name '*.png' | wc -l)" = 10 ]
	[ "$(find inner/pictures -name '*.png' | wc -l)" = 10 ]
	[ "$(ls -A inner)" = pictures ]
	# nothing hidden, nothing that a terminal would obey
	[ -z "$(find inner/pictures -name '.?*')" ]
	find inner/pictures | LC_ALL=C tr -d '\n -~' | cmp - /dev/null
	fm-export -o hostile.tar hostile.fms
	oracle webdataset hostile.fms hostile.tar
}

@test "PNG: of two samples of one name the later gets its id, a third is refused" {
	oracle make twice.fms cat/a.jpg "dog" cat/a.png
	fm-export --format png -o pictures twice.fms
	[ -e pictures/cat/a.png ]
	[ -e pictures/cat/a-2.png ]
	oracle make thrice.fms cat/a-2 dog cat/a.png dog cat/a.jpg dog cat/a-4
	oracle make clash.fms cat/a-2 dog cat/a dog cat/b dog cat/a dog
	fm-export --format png -o more thrice.fms
	oracle make refused.fms cat/a dog cat/a-4 dog cat/a.png
	run -3 fm-export --format png -o refused refused.fms
	assert_output --partial "would be written twice"
	[ ! -e refused ]
	[ -z "$(find . -maxdepth 1 -name '.refused*')" ]
}

@test "PNG: a file and a folder of one name, or a name too long, are refused and leave nothing" {
	oracle make both.fms cat/a dog cat/a.png/b
	run -3 fm-export --format png -o refused both.fms
	oracle make long.fms "$(printf '%0300d' 0)"
	run -3 fm-export --format png -o refused long.fms
	[ "$(find . -mindepth 1 | LC_ALL=C sort | tr '\n' ' ')" = "./both.fms ./long.fms " ]
}

@test "PNG: epochs of a repeated stream lie beside each other; one without an end is refused" {
	fm-fetch fashion-mnist --range 0:5 | fm-augment --preset seed --epochs 3 > repeated.fms
	fm-export --format png -o pictures repeated.fms
	[ "$(find pictures -name '*.png' | wc -l)" = 15 ]
	[ "$(find pictures -name '*-epoch2.png' | wc -l)" = 5 ]
	fm-fetch fashion-mnist --range 0:5 | fm-augment --preset seed --epochs inf > endless.fms &
	writer=$!
	wait_for test -s endless.fms
	kill $writer
	run -3 fm-export --format png -o never endless.fms
	assert_output --partial "no end"
	[ ! -e never ]
}

@test "NPY and NPZ are read by NumPy" {
	cd "$BATS_FILE_TMPDIR"
	for stream in test 2; do
		fm-export --format npy -o "$BATS_TEST_TMPDIR/$stream" "$stream.fms"
		oracle numpy_folder "$stream.fms" "$BATS_TEST_TMPDIR/$stream"
		fm-export -o "$BATS_TEST_TMPDIR/$stream.npz" "$stream.fms"
		oracle numpy_folder "$stream.fms" "$BATS_TEST_TMPDIR/$stream.npz"
	done
	cd "$BATS_TEST_TMPDIR"
	oracle make named.fms cat/a ünï -none
	fm-export -o named.npz named.fms
	oracle numpy_folder named.fms named.npz
	[ -z "$(find . -maxdepth 1 -name '.?*')" ]
}

@test "CSV: a line a picture" {
	fm-export --format csv "$BATS_FILE_TMPDIR/test.fms" > out.csv
	oracle table "$BATS_FILE_TMPDIR/test.fms" out.csv
	oracle make named.fms cat/a b -none
	fm-export -o named.csv named.fms
	oracle table named.fms named.csv
}

@test "IDX, gzipped or not, comes back through fm-fetch as it was" {
	for zip in "" --gzip; do
		# shellcheck disable=SC2086 # nothing, or an option
		fm-export $zip --format idx -o "idx$zip" "$BATS_FILE_TMPDIR/test.fms"
		fm-fetch "idx$zip" > back.fms
		"$PYTHON" - "$BATS_FILE_TMPDIR/test.fms" <<- 'END'
			import os, sys
			sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
			import export
			there, here = export.samples(sys.argv[1])[0], export.samples("back.fms")[0]
			assert (there["image"] == here["image"]).all() and (there["label"] == here["label"]).all()
		END
		fm-export $zip --format idx -o "again$zip" back.fms
		diff -r "idx$zip" "again$zip"
	done
	oracle make colour.fms cat/a dog
	fm-export --format idx -o colour colour.fms
	[ "$(head -c 4 colour/images-idx4-ubyte | od -An -tx1 | tr -d ' ')" = 00000804 ]
	oracle make none.fms cat/a -none
	run -3 fm-export --format idx -o refused none.fms
	assert_output --partial "no label"
	[ ! -e refused ]
}

@test "WebDataset: a tar of pictures and classes" {
	fm-export --format webdataset "$BATS_FILE_TMPDIR/test.fms" > out.tar
	oracle webdataset "$BATS_FILE_TMPDIR/test.fms" out.tar
	oracle make named.fms cat/a.b.png cat/a.b.jpg dog/ünï -none
	fm-export -o named.tar named.fms
	oracle webdataset named.fms named.tar
	tar tf named.tar > members
	grep -q '^cat/a_b.png$' members
	LC_ALL=C fm-export -o c.tar named.fms
	cmp named.tar c.tar
	# no member twice, wherever the first one lies
	oracle make set.fms cat/a.b.png cat/c.png cat/a_b.png
	fm-export -o set.tar set.fms
	[ "$(tar tf set.tar | grep 'a_b.*png' | tr '\n' ' ')" = 'cat/a_b.png cat/a_b-2.png ' ]
	oracle make two.fms cat/a.b.png cat/c.png
	cat two.fms two.fms | fm-export -f webdataset -o twice.tar
	[ "$(tar tf twice.tar | grep -c png)" = 4 ] && [ -z "$(tar tf twice.tar | sort | uniq -d)" ]
	oracle make clash.fms cat/a.b.png dog.png cat/a_b-4.png dog2.png cat/a_b.png
	run -3 fm-export -o clash.tar clash.fms
	assert_output --partial "cat/a_b-4 would be written twice"
	[ ! -e clash.tar ]
}

@test "pictures come back from folders as they were" {
	fm-export --format png -o pictures "$BATS_FILE_TMPDIR/test.fms"
	fm-fetch pictures > back.fms 2> words || skip "this fm-fetch reads no folders of pictures"
	fm-export --format png -o again back.fms
	diff -r pictures again
}

@test "torn input and a target that is there leave nothing" {
	# within the second record: the first one has been written then
	head -c 1200000 "$BATS_FILE_TMPDIR/two.fms" > torn.fms
	for target in png:pictures npy:arrays npz:a.npz csv:a.csv idx:idx webdataset:a.tar; do
		run -3 fm-export --format "${target%%:*}" -o "${target#*:}" torn.fms
	done
	head -c 500 "$BATS_FILE_TMPDIR/3.safetensors" > torn.safetensors
	run -3 fm-export -o a.onnx torn.safetensors
	run -3 fm-export -o a.c torn.safetensors
	[ "$(ls -A)" = $'torn.fms\ntorn.safetensors' ]
	# a tar that broke off has no end, which is 1,024 zeros
	run -3 bash -c 'fm-export --format webdataset torn.fms > broken'
	[ -s broken ]
	run ! cmp -s <(tail -c 1024 broken) <(head -c 1024 /dev/zero)
	rm broken
	mkdir full
	touch full/file
	run -4 fm-export --format png -o full "$BATS_FILE_TMPDIR/test.fms"
	run -4 fm-export --format png -o torn.fms/x "$BATS_FILE_TMPDIR/test.fms"
	[ "$(ls -A full)" = file ]
	mkdir empty
	fm-export --format png -o empty/ "$BATS_FILE_TMPDIR/test.fms"
	[ "$(ls empty | wc -l)" = 10 ]
}

@test "an output that takes nothing is told of with the system's reason" {
	for format in webdataset csv; do
		run -4 bash -c 'fm-export -f "$1" "$2" > /dev/full' - $format "$BATS_FILE_TMPDIR/test.fms"
		assert_output --partial "No space left on device"
	done
	run -4 fm-export -f npz -o /dev/full "$BATS_FILE_TMPDIR/test.fms"
	assert_output --partial "No space left on device"
	run -4 bash -c 'fm-export -f onnx "$1" >&-' - "$BATS_FILE_TMPDIR/3.safetensors"
	assert_output --partial "standard output: Bad file descriptor"
}

@test "a signal takes the unfinished folder along" {
	mkfifo pipe
	fm-export --format png -o pictures pipe &
	exporter=$!
	exec 7> pipe
	head -c 1200000 "$BATS_FILE_TMPDIR/two.fms" >&7
	wait_for bash -c 'find . -name "*.png" 2> /dev/null | grep -q .'
	kill -TERM $exporter
	status=0
	wait $exporter || status=$?
	exec 7>&-
	[ "$status" = 143 ]
	[ "$(ls -A)" = pipe ]
}

@test "what a format can't hold, and options that don't belong, are said" {
	cd "$BATS_FILE_TMPDIR"
	run -2 fm-export test.fms
	assert_output --partial "expected --format"
	run -2 fm-export --format npz test.fms
	assert_output --partial "name a target"
	run -2 fm-export --fold --format csv test.fms
	run -2 fm-export --gzip --format csv test.fms
	run -2 fm-export --format c -o "$BATS_TEST_TMPDIR/net.cpp" 0.safetensors
	run -3 fm-export --format onnx test.fms
	run -3 fm-export --format csv 0.safetensors
}

@test "no samples are no pictures, in every format" {
	fm-fetch fashion-mnist --range 0:0 > none.fms
	for target in png:pictures npy:arrays npz:a.npz csv:a.csv idx:idx webdataset:a.tar; do
		fm-export --format "${target%%:*}" -o "${target#*:}" none.fms
	done
	[ "$(find pictures -type f | wc -l)" = 0 ]
	"$PYTHON" -c 'import numpy; assert numpy.load("a.npz")["images"].shape == (0, 28, 28, 1)'
	[ "$(wc -l < a.csv)" = 1 ]
	[ "$(tar tf a.tar | wc -l)" = 0 ]
}
