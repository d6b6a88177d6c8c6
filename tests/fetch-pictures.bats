#!/usr/bin/env bats
# fm-fetch: picture files, in folders, archives and lists, whole and hostile.

load helper

oracle() {
	need_python numpy xxhash PIL
	"$PYTHON" "$FM_ROOT/tests/oracles/pictures.py" "$@"
}

# names FILE: class and name of each sample
names() {
	"$PYTHON" "$FM_ROOT/tests/oracles/formats.py" names "$1"
}

# content FILE: the hash of all that is in it
content() {
	tail -c 2000 "$1" | grep -ao '"fm.content":"[0-9a-f]*"' | tail -1
}

# words_of FILE: the text of its first record
words_of() {
	head -c 4000 "$1" | tr -d '\0'
}

@test "a folder of every format: classes by folder, byte order, names, the pixels that Pillow reads" {
	oracle tree set
	fm-fetch set > out.fms
	oracle same out.fms set.npz 8
	diff <(names out.fms) - <<- 'END'
		a a/Progressive.JPEG
		a a/fine.jpg
		a a/lossless.webp
		a a/packed.tiff
		a a/plain.tif
		a a/x.ppm
		b b/a/deep.bmp
		b b/frame.gif
		b b/palette.png
		b b/png.png
		ä ö ä ö/x
		y.png
	END
	run words_of out.fms
	assert_output --partial '"fm.classes":"[\"a\",\"b\",\"ä ö\"]"'
	assert_output --partial '{\"h\":9,\"w\":7,\"c\":3,\"fit\":\"pad\",\"filter\":\"triangle\",\"grey\":\"bt601\",\"background\":\"ffffff\"}'
	for threads in 1 3; do
		FM_THREADS=$threads fm-fetch set | cmp - out.fms
	done
}

@test "archives give what folders give; a folder around everything counts for nothing" {
	oracle tree set
	need zip tar
	fm-fetch set > out.fms
	(cd set && zip -qr ../set.zip . && tar -cf ../set.tar ./* && tar -czf ../dots.tgz .) && tar -czf around.tgz set
	for archive in set.zip set.tar dots.tgz; do
		fm-fetch $archive > packed.fms
		[ "$(content packed.fms)" = "$(content out.fms)" ] || fail "$archive differs"
	done
	fm-fetch around.tgz > packed.fms
	diff <(names packed.fms | sed 's, set/, ,') <(names out.fms)
	run words_of packed.fms
	assert_output --partial '"fm.classes":"[\"a\",\"b\",\"ä ö\"]"'
}

@test "train/ and test/ are splits; flat is unlabelled; litter is passed over, links out are not followed" {
	oracle tree set
	mkdir -p two/train/cat two/train/dog two/test/cat two/train/.hidden two/__MACOSX
	cp set/b/png.png two/train/cat/1.png && cp set/b/png.png two/train/dog/2.png && cp set/b/palette.png two/test/cat/3.png
	cp set/b/png.png two/train/.hidden && cp set/b/png.png two/__MACOSX && echo x > two/train/Thumbs.db
	fm-fetch two > train.fms
	diff <(names train.fms) <(printf 'cat train/cat/1.png\ndog train/dog/2.png\n')
	fm-fetch two --split test > test.fms
	diff <(names test.fms) <(printf 'cat test/cat/3.png\n')
	fm-fetch two --split all > all.fms
	[ "$(names all.fms | wc -l)" = 3 ]
	cp set/b/png.png two/beside.png
	refuse 3 "beside.png lies beside them" fm-fetch two
	mkdir flat && cp set/b/png.png flat/b.png && cp set/b/png.png flat/a.png && echo hello > flat/README
	ln -s "$PWD/set/b/png.png" flat/c.png && ln -s a.png flat/d.png
	run -0 --separate-stderr bash -c 'fm-fetch flat > out.fms'
	# shellcheck disable=SC2154 # set by `run`
	[[ $stderr == *"flat/c.png: a link that leads out of the folder"* && $stderr == *"such as README, passed over"* ]]
	diff <(names out.fms) <(printf '? a.png\n? b.png\n? d.png\n')
	mkdir linked && ln -s "$PWD/two/train/cat" linked/cat && ln -s ../two/train/dog linked/dog
	refuse 3 ": a link to a folder" fm-fetch linked
	cp -r two/train/dog linked/hund
	run -0 --separate-stderr bash -c 'fm-fetch linked > out.fms'
	[[ $stderr == *"a link to a folder"*"; not followed, nor are 1 other links"* ]]
	ln -s nowhere.png flat/e.png
	refuse 4 "flat/e.png: No such file" fm-fetch flat
	run -0 --separate-stderr bash -c 'fm-fetch flat --on-error skip > out.fms'
	[[ $stderr == *"flat/e.png: No such file or directory; skipped"* ]]
	rm flat/e.png
	refuse 2 "has no splits" fm-fetch flat --split test
	fm-fetch flat > plain.fms
	fm-fetch flat --split all > all.fms
	cmp plain.fms all.fms
	fm-fetch --split all - < plain.fms > again.fms
	[ "$(content again.fms)" = "$(content plain.fms)" ]
	mkdir none && refuse 3 "no pictures" fm-fetch none
}

@test "files as operands, and lists of them: a record for each path as it arrives" {
	oracle tree set
	fm-fetch set/b/png.png set/a/x.ppm > two.fms
	diff <(names two.fms) <(printf '? set/b/png.png\n? set/a/x.ppm\n')
	fm-fetch set/b/png.png set/a/x.ppm set/b/frame.gif > three.fms
	[ "$(names three.fms | wc -l)" = 3 ]
	printf '%s\0' set/b/png.png set/a/x.ppm > list
	fm-fetch --files0-from list > listed.fms
	diff <(names listed.fms) <(names two.fms)
	fm-fetch --files0-from - < list | cmp <(head -c 300 listed.fms) <(head -c 300 -)
	"$PYTHON" - <<- 'END'
		import json, struct, subprocess
		tool = subprocess.Popen(["fm-fetch", "--files0-from", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
		def exactly(n):
		    data = b""
		    while len(data) < n:
		        data += tool.stdout.read(n - len(data))
		    return data
		def record():
		    header = json.loads(exactly(struct.unpack("<Q", exactly(8))[0]))
		    return exactly(max([0] + [t["data_offsets"][1] for k, t in header.items() if k != "__metadata__"]))
		for name in b"set/b/png.png", b"set/a/x.ppm", b"set/b/png.png":
		    tool.stdin.write(name + b"\0")
		    assert name in record()
		tool.stdin.close()
		record()
		assert tool.wait() == 0
	END
	refuse 4 "No such file" fm-fetch set/b/png.png missing.png set/b/png.png
	run -0 --separate-stderr bash -c 'fm-fetch --on-error skip set/b/png.png missing.png set/b/png.png > out.fms'
	[[ $stderr == *"missing.png: No such file or directory; skipped"* ]]
	refuse 2 "names the source" fm-fetch --files0-from list set
}

@test "sizes that differ name two files; --size and --channels make them equal, --like as a model's were" {
	oracle tree set
	oracle turned turned
	mkdir mixed && cp set/b/png.png mixed/a.png && cp turned/1.png mixed/b.png
	refuse 3 "a.png is 9x7x3, b.png is 192x128x3; make them equal with --size" fm-fetch mixed
	fm-fetch mixed --size 16x12 --fit crop --channels 1 --background 102030 > sized.fms
	run words_of sized.fms
	assert_output --partial '{\"h\":16,\"w\":12,\"c\":1,\"fit\":\"crop\",\"filter\":\"triangle\",\"grey\":\"bt601\",\"background\":\"102030\"}'
	fm-fetch set --size 16x12 --fit crop --channels 1 --background 102030 |
		fm-train --arch "flatten, dense classes" --epochs 1 -q -o model.safetensors -
	fm-fetch mixed --like model.safetensors > like.fms
	[ "$(content like.fms)" = "$(content sized.fms)" ]
	fm-predict -m model.safetensors sized.fms > predicted.fms
	fm-fetch mixed --size 16x12 --channels 1 > other.fms
	refuse 3 "fm-fetch SOURCE --like model.safetensors" fm-predict -m model.safetensors other.fms
	[[ $stderr == *'"fit" is "pad"'* ]] || fail "$stderr"
	refuse 2 "--like says size" fm-fetch mixed --like model.safetensors --size 3x3
}

@test "EXIF's eight orientations, in four formats" {
	oracle turned turned
	fm-fetch turned > out.fms
	oracle same out.fms turned.npz 12
}

@test "alpha lies over the background" {
	need_python PIL
	"$PYTHON" -c '
from PIL import Image
Image.new("RGBA", (3, 2), (100, 50, 200, 128)).save("half.png")
Image.new("LA", (3, 2), (100, 0)).save("clear.png")'
	fm-fetch half.png --background 000000 > black.fms
	tail -c 3000 black.fms | grep -aoq $'\x32\x19\x64\x32\x19\x64' || fail "128 parts of 255 of it"
	fm-fetch clear.png > white.fms
	run words_of white.fms
	assert_output --partial '{\"h\":2,\"w\":3,\"c\":1,'
	LC_ALL=C grep -aq $'\xff\xff\xff\xff\xff\xff' white.fms
}

@test "hundreds of hostile pictures: each is named, the good ones arrive" {
	oracle hostile bad
	refuse 3 "bad/cut-00.bmp: empty" fm-fetch bad --size 24x20
	run -0 --separate-stderr bash -c 'fm-fetch bad --on-error skip --size 24x20 > out.fms'
	local skipped
	skipped=$(grep -c '; skipped$' <<< "$stderr")
	[ "$skipped" -gt 250 ]
	[ $((skipped + $(names out.fms | wc -l))) = "$(find bad -type f | wc -l)" ]
	for good in good-1.png good-2.jpg good-3.webp; do
		names out.fms | grep -q $good || fail "$good is missing"
	done
	tail -c 2000 out.fms | grep -aq '\\"skipped\\":'"$skipped" || fail "not counted in the history"
	[[ $stderr == *"vast.png: a picture of 60000x60000"* ]]
}

@test "a decoder that crashes takes one picture, not the stream" {
	oracle tree set
	mkdir -p own/bin own/libexec/fm-tools
	cp "$FM_BIN/fm-fetch" own/bin
	cat > own/libexec/fm-tools/fm-picture <<- END
		#!$PYTHON
		import os, signal, socket, struct
		peer = socket.socket(fileno=0)
		while True:
		    size = peer.recv(8, socket.MSG_WAITALL)
		    if len(size) < 8:
		        break
		    data = peer.recv(struct.unpack("Q", size)[0], socket.MSG_WAITALL)
		    if data.startswith(b"P6"):
		        os.kill(os.getpid(), signal.SIGSEGV)
		    if data.startswith(b"BM"):
		        os._exit(3)
		    if data.startswith(b"GIF"):
		        peer.sendall(b"nonsense" * 10)
		        break
		    peer.sendall(struct.pack("iIIIQ", 0, 1, 1, 1, 1) + b"x")
	END
	chmod +x own/libexec/fm-tools/fm-picture
	run -0 --separate-stderr bash -c 'own/bin/fm-fetch set --on-error skip > out.fms'
	[[ $stderr == *"a/x.ppm: the decoder crashed (Segmentation fault); skipped"* ]]
	[[ $stderr == *"deep.bmp: the decoder gave up (exit status 3); skipped"* ]]
	[[ $stderr == *"frame.gif: the decoder"* ]]
	[ "$(names out.fms | wc -l)" = 9 ] # one name holds a line feed
	rm own/libexec/fm-tools/fm-picture
	refuse 4 "the program that decodes pictures can't be started" own/bin/fm-fetch set
}

@test "--holdout P% goes by the files' bytes, not the pixels" {
	oracle tree set
	fm-fetch set --holdout 50% > one.fms
	fm-fetch set --holdout 50% --size 4x4 > other.fms
	diff <(names one.fms) <(names other.fms)
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import formats, xxhash
		records, _ = formats.load("one.fms")
		for metadata, tensors in records[:-1]:
		    for name in tensors["name"]:
		        data = open(b"set/" + name.tobytes().rstrip(b"\0"), "rb").read()
		        held = xxhash.xxh3_64_intdigest(data, seed=1) < 2 ** 63
		        assert held == (metadata["fm.part"] == "holdout")
	END
}

@test "many small files take no more memory than few" {
	oracle many many 3000
	memory() {
		"$PYTHON" -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
	}
	[[ $FM_BIN != */address/* ]] || skip "AddressSanitizer keeps what is freed"
	local few all
	few=$(memory fm-fetch many/1)
	all=$(memory fm-fetch many)
	[ "$all" -lt $((few + 4000)) ] || fail "$few kB for 300, $all kB for 3,000"
}

@test "only the decoder is linked to decoding libraries, and only pictures start it" {
	for tool in $(all_tools); do
		ldd "$FM_BIN/$tool" | grep -E 'libjpeg|libwebp|libtiff|libgif' && fail "$tool links them"
	done
	ldd "$FM_BIN/../libexec/fm-tools/fm-picture" | grep -q libjpeg
	run -2 "$FM_BIN/../libexec/fm-tools/fm-picture"
	assert_output --partial "a part of fm-fetch"
	need strace
	head -c 16 /dev/zero > frame
	run strace -f -e trace=execve fm-fetch --raw 4x4x1 frame
	refute_output --partial fm-picture
}

@test "a net learns real pictures from folders: flags with bands across and upright" {
	local flags=/usr/share/iso-flags-png-320x240
	[ -d $flags ] || skip "iso-flags-png-320x240 is not installed"
	# tricolours lie in bands across or stand upright: a class that a person sees, by ISO's codes
	mkdir -p flags/across flags/upright
	local code
	for code in at bg bo co ee et gh hu lt lu lv mu mm ne nl ru sl de ye am ga id mc pl ua; do
		[ ! -e $flags/$code.png ] || cp $flags/$code.png flags/across
	done
	for code in be ci fr gn ie it ml mx ng pe ro td sn ad gt md bb cm mt vc mn ca mf re gp; do
		[ ! -e $flags/$code.png ] || cp $flags/$code.png flags/upright
	done
	fm-fetch flags --size 24x32 --fit stretch > flags.fms
	fm-train --arch "conv 8 3x3 same, relu, maxpool 2, conv 8 3x3 same, relu, maxpool 2, flatten, dense classes" --batch 16 \
		--epochs 20 -q -o flags.safetensors flags.fms
	fm-fetch flags --like flags.safetensors | fm-predict -m flags.safetensors | fm-metrics --assert "accuracy >= 0.9"
}
