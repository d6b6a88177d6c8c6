#!/usr/bin/env bats
# fm-stream(5): the page, the library and the examples agree with what the programs do.

load helper

# The library is built and installed apart, so that no other build is touched.
setup_file() {
	export DEST=$BATS_FILE_TMPDIR/dest
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$FM_ROOT" BUILD="$BATS_FILE_TMPDIR/build" OPTIMISE=-O0 SANITIZE= PREFIX=/usr DESTDIR="$DEST" install-library
}

pass() {
	"$FM_BIN/../tests/bench/pass" "$@"
}

python_of_the_page() {
	awk '/^import json, struct/ { on = 1 } /^\.Ed/ { on = 0 } on' "$FM_ROOT/man/fm-stream.5"
}

corpus() {
	printf '%s\n' "$FM_ROOT/tests/fuzz/corpus/stream/$1"
}

build_keep() {
	${CC:-cc} -Wall -Wextra -Werror -o keep "$FM_ROOT/examples/keep.c" -I"$DEST/usr/include" -L"$DEST/usr/lib" -lfmstream
	export LD_LIBRARY_PATH=$DEST/usr/lib
}

@test "the stream in the manual page is whole, and its content is what the page says" {
	need_python xxhash
	python_of_the_page > page.py
	[ -s page.py ]
	"$PYTHON" page.py > page.fms
	pass page.fms > passed.fms
	content=$(sed -n 's/^\.Ql \(f[0-9a-f]*\) \.$/\1/p' "$FM_ROOT/man/fm-stream.5")
	[ ${#content} -eq 16 ]
	# without ids there, a reader adds them: the content of the page's stream is in the history of what keep.py writes
	"$FM_ROOT/examples/keep.py" a b < page.fms | grep -aq "content.*$content"
}

@test "the C example is short, builds against the installed header and writes what the Python example writes" {
	need_python numpy
	need_python xxhash
	[ "$(wc -l < "$FM_ROOT/examples/keep.c")" -lt 100 ]
	build_keep
	for stream in plain without-ids content names; do
		for class in a b none; do
			./keep "$class" < "$(corpus $stream)" > c.fms
			"$FM_ROOT/examples/keep.py" "$class" < "$(corpus $stream)" > python.fms
			cmp c.fms python.fms
			pass c.fms | cmp - c.fms || [ "$class" = none ]
		done
	done
}

@test "the examples refuse a torn and a damaged stream and write no end record" {
	need_python numpy
	need_python xxhash
	build_keep
	head -c 900 "$(corpus plain)" > torn.fms
	sed 's/I64/U64/' "$(corpus plain)" > damaged.fms
	for filter in ./keep "$FM_ROOT/examples/keep.py"; do
		for stream in torn damaged; do
			run -3 --separate-stderr "$filter" a < $stream.fms
			[ -n "$stderr" ]
			"$filter" a < $stream.fms 2> /dev/null > out || true
			run ! grep -aq 'fm\.end' out
		done
	done
}

@test "the Python example refuses what follows the end record, with all of it unwritten, and says why it can't read or write" {
	need_python numpy
	need_python xxhash
	local filter=$FM_ROOT/examples/keep.py plain
	plain=$(corpus plain)
	cat "$plain" "$plain" > joined.fms
	(cat "$plain" && echo garbage) > followed.fms
	for stream in joined followed; do
		run -3 --separate-stderr "$filter" a < $stream.fms
		[[ $stderr == "keep: something follows the end record"* ]]
		"$filter" a < $stream.fms 2> /dev/null > out || true
		run ! grep -aq 'fm\.end' out
	done
	full() { "$filter" a < "$plain" > /dev/full; }
	no_input() { "$filter" a <&-; }
	no_output() { "$filter" a < "$plain" >&-; }
	run -4 --separate-stderr full
	[ "$stderr" = "keep: [Errno 28] No space left on device" ]
	for closed in no_input no_output; do
		run -4 --separate-stderr $closed
		[ "$stderr" = "keep: [Errno 9] Bad file descriptor" ]
	done
}

@test "the library makes plain samples of a lazy stream; the Python example refuses it" {
	need_python numpy
	need_python xxhash
	cat > show.c <<- 'END'
		#include <fm/stream.h>
		#include <stdio.h>
		#include <unistd.h>
		int
		main(void)
		{
			fms_reader *in;
			fms_record *record;
			if (fms_reader_open(&in, STDIN_FILENO, "standard input"))
				return 1;
			while (fms_reader_next(in, &record) == 1) {
				fms_tensor *image = fms_record_tensor(record, "image");
				printf("%s %d %d %zu:", fms_record_part(record), (int)fms_record_epoch(record), (int)fms_record_samples(record),
				       fms_record_tensor_count(record));
				for (size_t i = 0; i < fms_tensor_size(image); i++)
					printf(" %d", ((unsigned char *)fms_tensor_data(image))[i]);
				puts("");
			}
			fms_reader_close(in);
			return 0;
		}
	END
	${CC:-cc} -o show show.c -I"$DEST/usr/include" -L"$DEST/usr/lib" -lfmstream
	export LD_LIBRARY_PATH=$DEST/usr/lib
	./show < "$(corpus lazy)" > lazy
	pass "$(corpus lazy)" | ./show > plain
	cmp lazy plain
	[ "$(wc -l < lazy)" -eq 4 ]
	run -3 "$FM_ROOT/examples/keep.py" a < "$(corpus lazy)"
}

@test "the static library needs no more than pkg-config says" {
	command -v pkg-config > /dev/null || skip "pkg-config is not there"
	export PKG_CONFIG_PATH=$DEST/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$DEST
	private=$(pkg-config --libs --static fmstream)
	private=${private#*-lfmstream}
	# shellcheck disable=SC2086 # words on purpose
	${CC:-cc} -o keep "$FM_ROOT/examples/keep.c" -I"$DEST/usr/include" "$DEST/usr/lib/libfmstream.a" $private
	./keep a < "$(corpus plain)" | pass > /dev/null
	[ "$(pkg-config --modversion fmstream)" = "$(sed -n 's/.*FM_VERSION "\(.*\)"/\1/p' "$FM_ROOT/common/version.h")" ]
}

@test "the library exports fms_ names alone, the archive too" {
	run ! sh -c "nm -D --defined-only '$DEST/usr/lib/libfmstream.so' | grep -v ' T fms_'"
	run ! sh -c "nm -g --defined-only '$DEST/usr/lib/libfmstream.a' | grep ' [TDBR] ' | grep -v ' T fms_'"
}

@test "make uninstall takes the library away" {
	cp -r "$DEST" there
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$FM_ROOT" BUILD="$BATS_FILE_TMPDIR/build" PREFIX=/usr DESTDIR="$PWD/there" uninstall-library
	[ -z "$(find there -type f -o -type l)" ]
}

@test "a torn stream stays torn all the way down a pipe" {
	for size in 1 500 900 1000; do
		head -c $size "$(corpus plain)" > torn.fms
		run bash -c "set -o pipefail; '$FM_BIN/../tests/bench/pass' torn.fms 2> first | '$FM_BIN/../tests/bench/pass' 2> second |
			'$FM_BIN/../tests/bench/pass' 2> third > out"
		[ "$status" -eq 3 ]
		grep -q 'record . at byte' first
		grep -q 'record . at byte' second
		grep -q 'record . at byte' third
		run ! grep -aq 'fm\.end' out
	done
}

@test "a program killed in the middle leaves no end record" {
	mkfifo in
	"$FM_BIN/../tests/bench/pass" in > out &
	reader=$!
	exec 7> in
	head -c 700 "$(corpus plain)" >&7
	for ((i = 0; i < 1000 && $(stat -c %s out) == 0; i++)); do sleep 0.01; done
	[ -s out ]
	kill -9 $reader
	wait $reader || true
	exec 7>&-
	run -3 pass out
}

@test "the reader of a repeated stream may go; that of a plain one may not" {
	# large enough not to fit a pipe
	"$PYTHON" - "$FM_ROOT/tests" <<- 'END' || skip "Python's xxhash is not there"
		import struct, json, xxhash
		def record(metadata, tensors, data):
		    header = {"__metadata__": {"fm.xxh3": 16 * "0", **metadata}, **tensors}
		    text = json.dumps(header, separators=(",", ":")).encode()
		    text += b" " * (-len(text) % 8)
		    all = struct.pack("<Q", len(text)) + text + data
		    return all[:36] + xxhash.xxh3_64_hexdigest(all).encode() + all[52:]
		n = 1 << 20
		image = {"image": {"dtype": "U8", "shape": [n, 1, 1, 1], "data_offsets": [0, n]}}
		first = {"fm.stream": "1", "fm.classes": "[]", "fm.input": '{"h":1,"w":1,"c":1}', "fm.history": "[]"}
		for name, epochs in (("plain", {}), ("repeated", {"fm.epochs": "8", "fm.epoch.samples": str(n)})):
		    with open(name + ".fms", "wb") as file:
		        for i in range(8):
		            file.write(record({"fm.record": str(i), **({"fm.epoch": str(i)} if epochs else {}),
		                               **({**first, **epochs} if i == 0 else {})}, image, bytes(n)))
		        file.write(record({"fm.record": "8", "fm.history": "[]", "fm.end": "1", "fm.records": "8",
		                           "fm.samples": str(8 * n)}, {}, b""))
	END
	run -0 bash -c "set -o pipefail; '$FM_BIN/../tests/bench/pass' repeated.fms | head -c 1 > /dev/null"
	run -141 bash -c "set -o pipefail; '$FM_BIN/../tests/bench/pass' plain.fms | head -c 1 > /dev/null"
	run -0 bash -c "trap '' PIPE; '$FM_BIN/../tests/bench/pass' repeated.fms 2> words | head -c 1 > /dev/null"
	[ ! -s words ]
}

@test "a full disk is an error" {
	run -4 bash -c "'$FM_BIN/../tests/bench/pass' '$(corpus plain)' > /dev/full"
}
