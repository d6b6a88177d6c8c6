#!/usr/bin/env bats
# fm-fetch: what it reads, what it chooses, and how it refuses. Downloads: fetch-download.bats.

load helper

DEBIAN=/usr/share/datasets/fashion-mnist

oracle() {
	need_python numpy xxhash
	"$PYTHON" "$FM_ROOT/tests/oracles/fetch.py" "$@"
}

# small: IDX files of small random pictures in the folder "small"
small() {
	oracle make small
}

# samples FILE: how many its end record counts
samples() {
	tail -c 2000 "$1" | grep -ao '"fm.samples":"[0-9]*"' | tail -1 | tr -dc 0-9
}

# content FILE: the hash of all that is in it
content() {
	tail -c 2000 "$1" | grep -ao '"fm.content":"[0-9a-f]*"' | tail -1
}

# words_of FILE: the text of its first record
words_of() {
	head -c 4000 "$1" | tr -d '\0'
}

@test "Fashion-MNIST from the distribution's package is what the package holds" {
	need_fashion_mnist
	fm-fetch > train.fms
	oracle same train.fms $DEBIAN/train-images-idx3-ubyte.gz $DEBIAN/train-labels-idx1-ubyte.gz
	fm-fetch fashion-mnist --split test > test.fms
	oracle same test.fms $DEBIAN/t10k-images-idx3-ubyte.gz $DEBIAN/t10k-labels-idx1-ubyte.gz
	run words_of test.fms
	assert_output --partial '[\"T-shirt/top\",\"Trouser\",\"Pullover\",\"Dress\",\"Coat\",\"Sandal\",\"Shirt\",\"Sneaker\",\"Bag\",\"Ankle boot\"]'
	assert_output --partial '\"options\":{\"SOURCE\":\"fashion-mnist\",\"split\":\"test\"}'
	[ ! -e cache ]
}

@test "records have at most 1 MiB" {
	small
	need_fashion_mnist
	fm-fetch --range 0:5000 > some.fms
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import stream
		data, sizes = open("some.fms", "rb").read(), []
		records = stream.read(data)
		assert all(sum(t.nbytes for t in tensors.values()) <= 2**20 - 4096 for _, tensors in records)
		assert len(records) == 6, len(records)
	END
}

@test "--range is half-open, open ends included, and is never cut short in silence" {
	small
	local pair=(small/train-images-idx3-ubyte small/train-labels-idx1-ubyte)
	fm-fetch small --range 37:211 > some.fms
	oracle same some.fms "${pair[@]}" 37 211
	fm-fetch small --range 290: > some.fms
	oracle same some.fms "${pair[@]}" 290 300
	fm-fetch small --range :300 > some.fms
	oracle same some.fms "${pair[@]}" 0 300
	fm-fetch small --range 8:8 > none.fms
	[ "$(samples none.fms)" = 0 ]
	run -2 fm-fetch small --range 0:301
	assert_output --partial "small/train-images-idx3-ubyte has only 300 samples"
	local wrong
	for wrong in 5:3 a:b 3 : 1:2:3 -1:3 1:-3 99999999999999999999:; do
		[ "$wrong" = : ] || run -2 fm-fetch small --range "$wrong"
	done
}

@test "--split all: train, then test, whose ids begin at 2^40" {
	small
	fm-fetch small --split all --range 299:302 > both.fms
	run oracle show both.fms
	[[ ${lines[0]} == "None 299 "* && ${lines[1]} == "None 1099511627776 "* && ${lines[2]} == "None 1099511627777 "* ]]
	run -2 fm-fetch small/train-images-idx3-ubyte --split test
	assert_output --partial "has no splits"
	rm small/t10k*
	run -2 fm-fetch small --split test
	assert_output --partial "it has those of --split train"
}

@test "--holdout N takes each class's share by largest remainder, as numpy does" {
	small
	fm-fetch small > all.fms
	local n
	for n in 1 7 50 211 299 300; do
		fm-fetch small --holdout $n --seed $n > held.fms
		oracle holdout held.fms all.fms $n $n
	done
	run -2 fm-fetch small --holdout 301
	assert_output --partial "--holdout 301: small/train-images-idx3-ubyte has only 300 samples"
}

@test "--holdout N counts the unlabelled as a class" {
	small
	fm-fetch small/train-images-idx3-ubyte > all.fms
	fm-fetch small/train-images-idx3-ubyte --holdout 33 > held.fms
	oracle holdout held.fms all.fms 33 1
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		stream.write("mixed.fms", {"image": numpy.arange(200, dtype=numpy.uint8).reshape(100, 2, 1, 1),
		                           "label": (numpy.arange(100) % 4 - 1).astype(numpy.int32),
		                           "id": numpy.arange(1000, 1100)[::-1].astype(numpy.int64)}, ["a", "b", "c"])
	END
	fm-fetch mixed.fms --holdout 13 --seed 18446744073709551615 > held.fms
	oracle holdout held.fms mixed.fms 13 18446744073709551615
}

@test "--holdout P% goes by the picture's bytes: duplicates stay together, growth moves nothing" {
	small
	fm-fetch small > all.fms
	local share
	for share in 10% 12.5% 50% 100%; do
		fm-fetch small --holdout $share --seed 9 > held.fms
		oracle holdout held.fms all.fms $share 9
	done
	fm-fetch small --holdout 30% --part holdout | fm-fetch --range 0:20 - > first.fms
	fm-fetch small --range 0:250 --holdout 30% --part holdout | fm-fetch --range 0:20 - > first-of-fewer.fms
	run diff <(oracle show first.fms) <(oracle show first-of-fewer.fms)
	assert_output ""
	local wrong
	for wrong in 0 0% 101% 10%% % x 1e3 -5 "5 %" 18446744073709551616; do
		run -2 fm-fetch small --holdout "$wrong"
	done
}

@test "a hold-out is the same from memory and from a spool file" {
	small
	fm-fetch small --holdout 44 > memory.fms
	fm-fetch small --holdout 44 --memory 1 > file.fms
	cmp memory.fms file.fms
	TMPDIR=/nonexistent run -4 fm-fetch small --holdout 44 --memory 1
	assert_output --partial "/nonexistent"
	# 0 is no memory, not an option that was left out
	fm-fetch small --holdout 44 --memory 0 | cmp - memory.fms
	TMPDIR=/nonexistent run -4 fm-fetch small --holdout 44 --memory 0
	TMPDIR=/nonexistent run -4 fm-fetch small --sample 3 --memory 0
	fm-fetch small > in.fms
	TMPDIR=/nonexistent refuse 4 /nonexistent fm-augment --epochs 2 --memory 0 in.fms
	TMPDIR=/nonexistent refuse 4 /nonexistent fm-train --epochs 1 --memory 0 -o m.safetensors in.fms
}

@test "the hold-out part of a repeated stream is recorded as what was read of it" {
	small
	fm-fetch small --holdout 40 > both.fms
	local lazy
	for lazy in "" --lazy; do
		fm-augment --epochs 3 $lazy < both.fms > repeated.fms
		fm-fetch - --part holdout < repeated.fms > holdout.fms
		PYTHONPATH=$FM_ROOT/tests/oracles "$PYTHON" - <<- 'END'
		import json, stream
		first, *_, end = [metadata for metadata, _ in stream.read(open("holdout.fms", "rb").read())]
		begun, = json.loads(first["fm.history"])[0]["inputs"]
		ended, = json.loads(end["fm.history"])[0]["inputs"]
		assert list(begun) == ["name", "history"], begun
		# the part goes out unchanged, so what was read of the input is what is sent
		assert ended == {**begun, "content": end["fm.content"], "samples": 40}, ended
		END
	done
}

@test "--part sends one part and drops the mark, of its own hold-out and of a stream's" {
	small
	fm-fetch small --holdout 40 > both.fms
	for part in fit holdout; do
		fm-fetch small --holdout 40 --part $part > own.fms
		fm-fetch --part $part - < both.fms > piped.fms
		diff <(oracle show own.fms) <(oracle show piped.fms)
		diff <(oracle show own.fms) <(oracle show both.fms | grep "^$part" | sed "s/^$part/None/")
	done
	run -2 fm-fetch small --part fit
	assert_output --partial "make them with --holdout"
	run -2 fm-fetch both.fms --holdout 5
	assert_output --partial "marked already"
}

@test "a stream passes through unchanged, its history one longer, and can be filtered" {
	small
	fm-fetch small --holdout 40 > in.fms
	fm-fetch - < in.fms > out.fms
	diff <(oracle show in.fms) <(oracle show out.fms)
	run words_of out.fms
	assert_output --partial '\"options\":{\"SOURCE\":\"-\"},\"inputs\":[{\"name\":\"stdin\",\"history\":[{\"tool\":\"fm-fetch\"'
	run tail -c 2000 out.fms
	assert_output --partial '\"samples\":300'
	fm-fetch in.fms | cmp - out.fms
	fm-fetch in.fms --range 10:50 > out.fms
	diff <(oracle show in.fms | sed -n 11,50p) <(oracle show out.fms)
	run -2 fm-fetch in.fms --split test
	assert_output --partial "--split test: a stream has no splits"
}

@test "a torn stream stays torn, even behind the range that was asked for" {
	small
	fm-fetch small > in.fms
	head -c 2000 in.fms > torn.fms
	run -3 --separate-stderr fm-fetch torn.fms
	fm-fetch small --holdout 40 > in.fms
	head -c -10 in.fms > torn.fms
	fm-fetch torn.fms --range 0:5 > out.fms 2> words && fail "accepted a torn stream"
	[ -s out.fms ]
	run -3 fm-fetch out.fms
}

@test "a stream without labels and ids gets them" {
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		stream.write("bare.fms", {"image": numpy.arange(50, dtype=numpy.uint8).reshape(25, 2, 1, 1)}, ["a"], rows=10)
	END
	fm-fetch bare.fms > out.fms
	run oracle show out.fms
	[[ ${lines[0]} == "None 0 -1 "* && ${lines[24]} == "None 24 -1 "* && ${#lines[@]} = 25 ]]
}

@test "single pictures pass through one by one" {
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		stream.write("one.fms", {"image": numpy.arange(40, dtype=numpy.uint8).reshape(20, 2, 1, 1)}, ["a"], rows=1)
	END
	"$PYTHON" - <<- 'END'
		import struct, subprocess
		data = open("one.fms", "rb").read()
		tool = subprocess.Popen(["fm-fetch", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
		def record(read):
		    head = b""
		    while len(head) < 8:
		        head += read(8 - len(head))
		    length = struct.unpack("<Q", head)[0]
		    text = b""
		    while len(text) < length:
		        text += read(length - len(text))
		    size = 0 if b'"fm.end"' in text else 2 + 4 + 8
		    while size:
		        size -= len(read(size))
		at = 0
		while at < len(data):
		    length = 8 + struct.unpack_from("<Q", data, at)[0]
		    length += 0 if b'"fm.end"' in data[at:at + length] else 2
		    tool.stdin.write(data[at:at + length])
		    at += length
		    if at < len(data):
		        record(tool.stdout.read)
		tool.stdin.close()
		record(tool.stdout.read)
		assert tool.wait() == 0
	END
}

@test "one data set in many wrappings gives the same stream" {
	small
	need xz zstd bzip2 zip tar
	fm-fetch small > plain.fms
	oracle same plain.fms small/train-images-idx3-ubyte small/train-labels-idx1-ubyte
	local expected place packer
	expected=$(content plain.fms)

	for packer in gzip xz zstd bzip2; do
		mkdir $packer && cp small/* $packer && $packer -q $packer/* && rm -f $packer/*-ubyte
	done
	(cd small && zip -q ../small.zip ./*) && zip -q nested.zip gzip/*
	tar -cf small.tar small && tar -czf small.tar.gz small && tar -cJf small.tar.xz gzip
	mkdir -p "deep/a b"$'\n'/raw && cp small/* "deep/a b"$'\n'/raw
	for place in gzip xz zstd bzip2 small.zip nested.zip small.tar small.tar.gz small.tar.xz deep; do
		fm-fetch "$place" > packed.fms
		[ "$(content packed.fms)" = "$expected" ] || fail "$place differs"
	done
	fm-fetch gzip/train-labels-idx1-ubyte.gz xz/train-images-idx3-ubyte.xz > packed.fms
	[ "$(content packed.fms)" = "$expected" ]
}

@test "IDX without names has classes 0, 1, …; images alone are unlabelled" {
	small
	fm-fetch small > labelled.fms
	run words_of labelled.fms
	assert_output --partial '"fm.classes":"[\"0\",\"1\",\"2\",\"3\",\"4\"]"'
	fm-fetch small/t10k-images-idx3-ubyte > bare.fms
	run oracle show bare.fms
	[[ ${lines[0]} == "None 0 -1 "* && ${#lines[@]} = 70 ]]
	rm small/train-labels*
	fm-fetch small > bare.fms
	[ "$(samples bare.fms)" = 300 ]
}

@test "an archive of several data sets names two of them; what calls itself EMNIST must be it" {
	mkdir -p gzip cache/fm-tools/emnist
	touch gzip/emnist-{letters,digits}-{train,test}-{images-idx3,labels-idx1}-ubyte
	need zip
	zip -q emnist.zip gzip/*
	run -3 fm-fetch emnist.zip
	assert_output --partial "more than one data set in it: gzip/emnist-digits-test-images-idx3-ubyte and gzip/emnist-letters-"
	cp emnist.zip cache/fm-tools/emnist/gzip.zip
	FM_MIRROR=http://127.0.0.1:1 run -4 fm-fetch emnist-letters --retries 0
	assert_output --partial "not the published file"
}

@test "damaged and disagreeing IDX files are refused with clear words" {
	small
	local images=small/train-images-idx3-ubyte labels=small/train-labels-idx1-ubyte
	gzip -k $images $labels

	head -c 3000 $images.gz > short.gz
	refuse 3 "truncated" fm-fetch short.gz $labels
	head -c 5000 $images > short.idx
	refuse 3 "truncated: it has 118 images, its header promises 300" fm-fetch short.idx $labels
	head -c 200 $labels > short.idx
	refuse 3 "truncated: it has 192 labels, its header promises 300" fm-fetch $images short.idx
	head -c 9 $images > short.idx
	refuse 3 "truncated within its header, at byte 9 of 16" fm-fetch short.idx $labels
	: > short.idx
	refuse 3 "not an IDX file: it has 0 bytes" fm-fetch short.idx
	head -c 2 $images > short.idx
	refuse 3 "not an IDX file: it has 2 bytes" fm-fetch short.idx
	(cat $images && echo) > long
	refuse 3 "more data than the 300 images" fm-fetch long $labels
	(cat $labels && echo) > long
	refuse 3 "more data than the 300 labels" fm-fetch $images long
	printf '\1\2\3\4\5\6\7\10\11' > magic
	refuse 3 "not an IDX file: it begins with the bytes 01 02 03 04" fm-fetch magic
	printf '\0\0\15\3\0\0\0\1\0\0\0\1\0\0\0\1\0' > magic
	refuse 3 "type 0x0d" fm-fetch magic
	printf '\0\0\10\2\0\0\0\1\0\0\0\1\0\0\0\1\0' > magic
	refuse 3 "an IDX array of 2 dimensions" fm-fetch magic
	printf '\0\0\10\3\0\0\0\1\0\0\10\0\0\0\0\1\0' > magic
	refuse 3 "images of 2048x1x1" fm-fetch magic
	printf '\0\0\10\3\377\377\377\377\0\0\4\0\0\0\4\0\0' > magic
	refuse 3 "truncated: it has 0 images, its header promises 4294967295" fm-fetch magic
	refuse 3 "they don't belong together" fm-fetch $images small/t10k-labels-idx1-ubyte
	refuse 3 "holds images; expected the labels" fm-fetch $images small/t10k-images-idx3-ubyte
	refuse 3 "holds labels; give it together" fm-fetch $labels
	refuse 3 "holds labels; give it together" fm-fetch $labels small/t10k-labels-idx1-ubyte
	printf '\0\0\14\1\0\0\0\2\0\0\0\1\0\1\0\0' > wide
	printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1\0\0' > two
	refuse 3 "sample 1 has the label 65536" fm-fetch wide two
	printf '\0\0\11\1\0\0\0\2\1\377' > negative
	refuse 3 "sample 1 has the label -1" fm-fetch negative two
	mkdir empty
	refuse 3 "no IDX files in it" fm-fetch empty
	refuse 4 "No such file" fm-fetch ./nothing
	refuse 4 "neither a file nor a data set" fm-fetch fashion-mnits
}

@test "gzip's checksum and length are compared, also behind a tar's end and within an archive" {
	small
	tar -cf small.tar small
	gzip -k small.tar small/*ubyte
	"$PYTHON" - <<- 'END'
		import glob
		for path in glob.glob("small/train-images*.gz") + ["small.tar.gz"]:
		    data = open(path, "rb").read()
		    name = path.split("/")[-1][:5]
		    for what, at in ("checksum", -8), ("length", -4):
		        wrong = bytearray(data)
		        wrong[at] ^= 1
		        open("%s-%s.gz" % (name, what), "wb").write(wrong)
		    open(name + "-cut.gz", "wb").write(data[:-8])
		    open(name + "-junk.gz", "wb").write(data + b"junk")
		    open(name + "-zeros.gz", "wb").write(data + bytes(1000))
	END
	for file in train small; do
		refuse 3 "incorrect data check" fm-fetch $file-checksum.gz
		refuse 3 "incorrect length check" fm-fetch $file-length.gz
		refuse 3 "it ends too early" fm-fetch $file-cut.gz
		refuse 3 "incorrect header check" fm-fetch $file-junk.gz
		fm-fetch $file-zeros.gz > whole.fms
	done
	mkdir inside && cp train-checksum.gz inside/train-images-idx3-ubyte.gz && tar -cf inside.tar inside
	refuse 3 "incorrect data check" fm-fetch inside.tar
	# two gzip files one after the other are one
	(head -c 1000 small.tar | gzip && tail -c +1001 small.tar | gzip) > two.tar.gz
	fm-fetch small.tar > whole.fms
	fm-fetch two.tar.gz > two.fms
	[ "$(content two.fms)" = "$(content whole.fms)" ]
}

@test "a tar that breaks off between two files is torn, packed or not; tars one after the other are one" {
	small
	tar -C small -cf one.tar train-images-idx3-ubyte
	tar -C small -cf other.tar train-labels-idx1-ubyte
	cat one.tar other.tar > both.tar
	fm-fetch small > whole.fms
	fm-fetch both.tar > both.fms
	[ "$(content both.fms)" = "$(content whole.fms)" ]
	"$PYTHON" - <<- 'END'
		import tarfile
		with tarfile.open("one.tar") as tar:
		    end = tar.getmembers()[-1].offset_data + -(-tar.getmembers()[-1].size // 512) * 512
		data = open("one.tar", "rb").read()
		for more in 0, 512:
		    open("torn-%d.tar" % more, "wb").write(data[:end] + bytes(more))
		open("whole.tar", "wb").write(data[:end] + bytes(1024))
	END
	fm-fetch whole.tar > /dev/null
	xz -k torn-0.tar
	for file in torn-0.tar torn-512.tar torn-0.tar.xz; do
		refuse 3 "torn: it breaks off after a file" fm-fetch $file
	done
}

@test "one file of a pair comes from standard input" {
	small
	local images labels
	images=$(echo small/train-images*) labels=$(echo small/train-labels*)
	fm-fetch "$images" "$labels" > named.fms
	gzip -c "$images" | fm-fetch - "$labels" > piped.fms
	[ "$(content piped.fms)" = "$(content named.fms)" ]
	fm-fetch "$images" - < "$labels" > piped.fms
	[ "$(content piped.fms)" = "$(content named.fms)" ]
	refuse 3 "standard input: not an IDX file" fm-fetch - "$labels" < /dev/null
	refuse 2 "only one of images and labels" fm-fetch - -
	refuse 2 "a folder, which is given alone" fm-fetch small small
	printf 'P2 1 1 255 7' > x.pgm
	refuse 2 "'-' among pictures" fm-fetch x.pgm x.pgm -
	local words
	for words in "- $labels" "$images -" "--raw 2x2x1" "--webdataset" "--files0-from -"; do
		run -2 on_terminal sh -c "fm-fetch $words > out.fms"
		assert_output --partial "fm-fetch --help"
	done
}

@test "pictures with channels: IDX of four dimensions" {
	printf '\0\0\10\4\0\0\0\2\0\0\0\2\0\0\0\1\0\0\0\3ABCDEFGHIJKL' > colour
	fm-fetch colour > out.fms
	run words_of out.fms
	assert_output --partial '{\"h\":2,\"w\":1,\"c\":3}'
	[ "$(samples out.fms)" = 2 ]
}

@test "archives that lead out, links that lead out, bombs" {
	small
	need tar xz
	tar -cf up.tar -P --transform 's,^small,../small,' small
	refuse 3 "leads out of the archive" fm-fetch up.tar
	tar -cf root.tar -P "$PWD/small"
	refuse 3 "leads out of the archive" fm-fetch root.tar

	mkdir linked && ln -s "$PWD"/small/* linked
	refuse 3 "a link that leads out of the folder" fm-fetch linked
	mkdir -p within/real && cp small/* within/real && (cd within && ln -s real/* . && rm -f train-labels-idx1-ubyte)
	mkdir tree && cp small/* tree && (cd tree && mkdir .hidden && cp ../small/t10k* .hidden)
	fm-fetch tree > tree.fms

	# 300 MiB of zeros in 45 kB: as one picture file, and in front of one in an archive
	head -c 314572800 /dev/zero > zeros && printf '\0\0\10\3\0\377\377\377\0\0\2\0\0\0\2\0' | cat - zeros | xz -0 > bomb.xz
	refuse 3 "decompression bomb" fm-fetch bomb.xz
	mkdir heavy && mv zeros heavy/a-zeros && cp small/* heavy && tar -cJf heavy.tar.xz heavy && rm -r heavy
	refuse 3 "decompression bomb" fm-fetch heavy.tar.xz
}

@test "no address's password or query gets into the history" {
	small
	run -4 --separate-stderr fm-fetch 'http://ann:secret@127.0.0.1:1/a.zip?key=secret#secret' --retries 0
	[[ $stderr == *http://127.0.0.1:1/a.zip:* && $stderr != *secret* && $stderr != *ann* ]]
}

@test "an option's wrong value is a usage error, an operand too many, too" {
	run -2 fm-fetch --split dev
	run -2 fm-fetch --part other
	run -2 fm-fetch --sha256 abc http://127.0.0.1:1/
	run -2 fm-fetch --sha256 "$(printf a%.0s {1..64})" fashion-mnist
	assert_output --partial "--sha256 is for one address"
	run -4 fm-fetch ./a ./b ./c
}

@test "a full disk, a closed pipe, a damaged package" {
	need_fashion_mnist
	run -4 --separate-stderr bash -c 'fm-fetch --range 0:5000 > /dev/full'
	[[ $stderr == *"No space left"* ]]
	# shellcheck disable=SC2016 # for the inner shell
	run -141 --separate-stderr bash -c 'fm-fetch | head -c 1 > /dev/null; exit "${PIPESTATUS[0]}"'
	[ -z "$stderr" ]
	mkdir -p site/fashion-mnist
	for name in "$DEBIAN"/train-*; do
		cp "$name" site/fashion-mnist
	done
	printf x | dd of=site/fashion-mnist/train-images-idx3-ubyte.gz bs=1 seek=9999 conv=notrunc status=none
	FM_DATASETS=/nonexistent:$PWD/site FM_MIRROR=http://127.0.0.1:1 run -4 fm-fetch --retries 0
	assert_output --partial "not the published file"
	assert_output --partial "or install the package dataset-fashion-mnist"
	FM_DATASETS=$PWD/site:/usr/share/datasets run -0 bash -c 'fm-fetch --range 0:10 > ten.fms'
}

@test "a package packed anew is still Fashion-MNIST" {
	need_fashion_mnist
	mkdir -p site/fashion-mnist
	for name in "$DEBIAN"/t10k-*; do
		zcat "$name" | gzip -1n > "site/fashion-mnist/${name##*/}"
	done
	FM_DATASETS=$PWD/site fm-fetch --split test > again.fms
	oracle same again.fms $DEBIAN/t10k-images-idx3-ubyte.gz $DEBIAN/t10k-labels-idx1-ubyte.gz
}
