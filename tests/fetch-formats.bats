#!/usr/bin/env bats
# fm-fetch: bare frames, CSV, NumPy, and its filters. IDX and choices: fetch.bats; pictures: fetch-pictures.bats.

load helper

oracle() {
	need_python numpy xxhash
	"$PYTHON" "$FM_ROOT/tests/oracles/formats.py" "$@"
}

# content FILE: the hash of all that is in it
content() {
	tail -c 2000 "$1" | grep -ao '"fm.content":"[0-9a-f]*"' | tail -1
}

# words_of FILE: the text of its first record
words_of() {
	head -c 4000 "$1" | tr -d '\0'
}

@test "--raw: a record a frame, from stdin or a file" {
	oracle frames frames 12 5x4x3
	fm-fetch --raw 5x4x3 < frames > out.fms
	oracle same out.fms frames.npz
	[ "$(grep -ao '"fm.record"' out.fms | wc -l)" = 13 ]
	fm-fetch --raw 5x4x3 frames | cmp <(fm-info --json out.fms | tr , '\n' | grep content) <(fm-info --json - | tr , '\n' | grep content)
	: > empty
	fm-fetch --raw 5x4x3 empty | fm-info > words
	head -c 100 frames > short
	refuse 3 "truncated: frame 1 has 40 bytes, expected 60" fm-fetch --raw 5x4x3 short
	refuse 4 "No such file" fm-fetch --raw 5x4x3 ./nothing
	refuse 2 "has no splits" fm-fetch --raw 5x4x3 --split test frames
	local wrong
	for wrong in 5 5x 5x4x3x2 0x4x3 5x4x17 1025x1 5x4x3z -5x4 99999999999x1; do
		run -2 fm-fetch --raw "$wrong" frames
	done
}

@test "--raw: each frame goes out as soon as it is there" {
	"$PYTHON" - <<- 'END'
		import json, struct, subprocess
		tool = subprocess.Popen(["fm-fetch", "--raw", "2x2x1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
		def exactly(n):
		    data = b""
		    while len(data) < n:
		        data += tool.stdout.read(n - len(data))
		    return data
		def record():
		    header = json.loads(exactly(struct.unpack("<Q", exactly(8))[0]))
		    return exactly(max([0] + [t["data_offsets"][1] for k, t in header.items() if k != "__metadata__"]))
		for i in range(5):
		    tool.stdin.write(bytes([i] * 4))
		    assert record().endswith(bytes([i] * 4))
		tool.stdin.close()
		record()
		assert tool.wait() == 0
	END
}

@test "--size, --fit, --channels bring what is decoded to a size, as numpy does" {
	oracle frames frames 20 9x14x3
	local fit size
	for fit in pad crop stretch; do
		for size in 9x14 5x5 20x30 4x28 27x3 1x1; do
			fm-fetch --raw 9x14x3 --size $size --fit $fit frames > out.fms
			oracle resize out.fms frames.npz $fit $size
		done
	done
	fm-fetch --raw 9x14x3 --channels 1 frames > grey.fms
	run words_of grey.fms
	assert_output --partial '{\"h\":9,\"w\":14,\"c\":1,\"fit\":\"pad\",\"filter\":\"triangle\",\"grey\":\"bt601\",\"background\":\"ffffff\"}'
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import formats, numpy
		records, _ = formats.load("grey.fms")
		image, wanted = formats.column(records, "image"), numpy.load("frames.npz")["images"].astype(int)
		assert (image[..., 0] == (wanted @ [19595, 38470, 7471] + 32768) // 65536).all()
	END
	oracle frames four 3 2x2x5
	refuse 3 "5 channels can't become 3" fm-fetch --raw 2x2x5 --channels 3 four
	run -2 fm-fetch --size 3x3x3 --raw 2x2x5 four
	run -2 fm-fetch --background white --raw 2x2x5 four
}

@test "CSV: with a header or not, squares or --size, packed or not" {
	oracle csv set.csv
	fm-fetch set.csv --size 4x3 > out.fms
	oracle same out.fms set.csv.npz
	local expected
	expected=$(content out.fms)
	(echo label,"$(seq -s , 0 11)" && sed 's/$/\r/' set.csv) > header.csv
	(echo label,"$(printf 'p%d,' {1..11})p12" && cat set.csv) > pixels.csv
	(printf '\xef\xbb\xbf"label","a"' && printf ',"b"%.0s' {1..11} && echo && echo && sed 's/,/, /g;s/$/\n/' set.csv) > odd.csv
	gzip -k set.csv && need zip && zip -q set.zip set.csv && printf '%s' "$(cat set.csv)" > unended.csv
	for file in header.csv pixels.csv odd.csv set.csv.gz set.zip unended.csv; do
		fm-fetch "$file" --size 4x3 > again.fms
		[ "$(content again.fms)" = "$expected" ] || fail "$file differs"
	done
	refuse 2 "12 values a line are no square picture; say --size" fm-fetch set.csv --size 5x5
	cut -d , -f 1-12 set.csv > eleven.csv
	refuse 2 "say --size HxW" fm-fetch eleven.csv
	printf '3,1,2,3,4\n0,5,6,7,8\n' > square.csv
	fm-fetch square.csv > out.fms
	run words_of out.fms
	assert_output --partial '{\"h\":2,\"w\":2,\"c\":1}'
	assert_output --partial '"fm.classes":"[\"0\",\"1\",\"2\",\"3\"]"'
	printf 'b,1,2,3,4\n,5,6,7,8\n"a, c",5,6,7,8\n-1,5,6,7,8\nb,0,0,0,0\n' > named.csv
	fm-fetch named.csv > out.fms
	run oracle labels out.fms
	assert_output $'- 0 b\n- 1 ?\n- 2 a, c\n- 3 ?\n- 4 b'
	run words_of out.fms
	assert_output --partial '"fm.classes":"[\"a, c\",\"b\"]"'
}

@test "damaged CSV files are refused with the line" {
	bad() {
		printf '%b' "$2" > bad.csv
		refuse 3 "$1" fm-fetch bad.csv
	}
	bad 'line 2 has 3 values after the label; expected 4' '0,1,2,3,4\n1,1,2,3\n'
	bad 'line 2 has more than 4 values' '0,1,2,3,4\n1,1,2,3,4,5\n'
	bad 'line 2: value 3 is "256"' '0,1,2,3,4\n1,1,2,3,256\n'
	bad 'line 3: value 0 is "-1"' '\n0,1,2,3,4\n1,-1,2,3,6\n'
	bad 'line 2: value 1 is "2.5"' '0,1,2,3,4\n1,1,2.5,3,6\n'
	bad 'line 2: value 1 is ""' '0,1,2,3,4\n1,1,,3,6\n'
	bad 'line 1: value 2 is "x"' '0,1,2,x,4\n'
	bad 'line 1: value 0 is "0.0"; expected a whole number' '7,0.0,2,3,4\n'
	bad 'line 1: value 0 is "-1"' '7,-1,2,3,4\n'
	bad 'line 1: value 0 is "1e2"' 'Coat,1e2,2,3,4\n'
	bad 'line 2: a quote that is not closed' '0,1,2,3,4\n"1,1,2,3,6\n'
	bad 'carriage return' '0,1,2,3,4\n1,1,2,3,4\r5\n'
	bad 'a NUL' '0,1,2,3,4\n\00001,1,2,3,4\n'
	bad 'empty' ''
	bad 'no comma' 'hello\n'
	bad 'not UTF-8' '\377,1,2,3,4\n'
}

@test "Kaggle's Fashion-MNIST is a source as it is: splits and class names known" {
	need_fashion_mnist
	need zip
	mkdir kaggle
	fm-fetch --range 0:30 > train.fms
	fm-fetch --split test --range 0:20 > test.fms
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import formats
		for split in "train", "test":
		    records, _ = formats.load(split + ".fms")
		    with open("kaggle/fashion-mnist_%s.csv" % split, "w") as file:
		        print("label", *("pixel%d" % i for i in range(1, 785)), sep=",", file=file)
		        for image, label in zip(formats.column(records, "image"), formats.column(records, "label")):
		            print(label, *image.ravel(), sep=",", file=file)
	END
	(cd kaggle && zip -q ../kaggle.zip ./*)
	local place split
	for place in kaggle kaggle.zip; do
		for split in train test; do
			fm-fetch $place --split $split > again.fms
			[ "$(content again.fms)" = "$(content $split.fms)" ]
		done
		fm-fetch $place --split all > both.fms
		run words_of both.fms
		assert_output --partial 'Ankle boot'
	done
	fm-fetch kaggle/fashion-mnist_train.csv > again.fms
	[ "$(content again.fms)" = "$(content train.fms)" ]
	run words_of again.fms
	assert_output --partial 'Ankle boot'
}

@test "NumPy: npz and npy, labels of any width, Keras's names" {
	oracle csv set.csv
	"$PYTHON" - <<- 'END'
		import numpy as np
		a = np.load("set.csv.npz")
		images, labels = a["images"], a["labels"]
		np.save("images.npy", images)
		for kind in "<i8", ">i4", "u1", "<u2", ">u8", "i1":
		    np.save("labels-%s.npy" % kind.strip("<>"), labels.astype(kind))
		np.savez_compressed("packed.npz", images=images, labels=labels.reshape(-1, 1))
		np.savez("keras.npz", x_train=images[:150, ..., 0], y_train=labels[:150], x_test=images[150:, ..., 0], y_test=labels[150:])
		np.savez("first.npz", images=images[:150], labels=labels[:150])
		np.savez("rest.npz", images=images[150:], labels=labels[150:])
		np.savez("bare.npz", images=images)
		np.save("float.npy", images.astype("f4"))
		np.save("fortran.npy", np.asfortranarray(images))
		np.save("object.npy", np.array([{}], dtype=object), allow_pickle=True)
		np.save("flat.npy", images.reshape(200, -1))
		np.save("minus.npy", labels.astype("i8") - 3)
		np.save("minus1.npy", np.full(200, -1))
		np.save("fewer.npy", labels[:-1])
		open("short.npy", "wb").write(open("images.npy", "rb").read()[:-1])
		open("header.npy", "wb").write(open("images.npy", "rb").read()[:60])
	END
	local place
	for place in set.csv.npz packed.npz; do
		fm-fetch $place > out.fms
		oracle same out.fms set.csv.npz
	done
	for place in labels-*.npy; do
		fm-fetch images.npy "$place" > out.fms
		oracle same out.fms set.csv.npz
	done
	fm-fetch "$place" images.npy > out.fms
	oracle same out.fms set.csv.npz
	fm-fetch keras.npz > out.fms
	oracle same out.fms first.npz
	fm-fetch keras.npz --split test > out.fms
	oracle same out.fms rest.npz
	for place in bare.npz images.npy; do
		fm-fetch $place > out.fms
		run oracle labels out.fms
		[[ ${lines[199]} == "- 199 ?" ]]
	done
	fm-fetch images.npy minus1.npy > out.fms
	refuse 3 "images of type f4" fm-fetch float.npy
	refuse 3 "can't be read" fm-fetch fortran.npy
	refuse 3 "can't be read" fm-fetch object.npy
	refuse 3 "an array of 2 dimensions" fm-fetch flat.npy
	refuse 3 "has the label -3" fm-fetch images.npy minus.npy
	refuse 3 "199 labels" fm-fetch images.npy fewer.npy
	refuse 3 "truncated: it has 199 images" fm-fetch short.npy
	refuse 3 "truncated within its header" fm-fetch header.npy
}

@test "safetensors: tensors by name, in any order, of any whole type, a file a split" {
	oracle csv set.csv
	"$PYTHON" - <<- 'END'
		import os, sys
		import numpy as np
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		from tensors import save
		a = np.load("set.csv.npz")
		images, labels = a["images"], a["labels"]
		for kind in "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8":
		    save("%s.safetensors" % kind, labels=labels.astype(kind), images=images, other=np.zeros(3, "f4"))
		save("flat.safetensors", label=labels.reshape(-1, 1).astype("i4"), image=images[..., 0])
		save("last.safetensors", image=images, label=labels)
		os.mkdir("two")
		np.savez("first.npz", images=images[:150], labels=labels[:150])
		np.savez("rest.npz", images=images[150:], labels=labels[150:])
		save("two/train.safetensors", images=images[:150], labels=labels[:150])
		save("two/test.safetensors", images=images[150:], labels=labels[150:])
		save("bare.safetensors", images=images)
		save("float.safetensors", images=images.astype("f4"))
		save("words.safetensors", images=images, labels=labels.astype("f4"))
		save("row.safetensors", images=images.reshape(200, -1))
		save("fewer.safetensors", images=images, labels=labels[:-1])
		save("minus.safetensors", images=images, labels=labels - 3)
		save("model.safetensors", **{"fc1.weight": np.zeros((2, 2), "f4")})
		save("empty.safetensors")
		data = open("last.safetensors", "rb").read()
		length = int.from_bytes(data[:8], "little")
		for name, size in ("head", 7), ("json", 20), ("pixels", 8 + length + 600), ("labels", len(data) - 1):
		    open("cut-%s.safetensors" % name, "wb").write(data[:size])
		open("more.safetensors", "wb").write(data + b"x")
		data = open("i4.safetensors", "rb").read()
		open("cut-other.safetensors", "wb").write(data[:-1])
		open("huge.safetensors", "wb").write(b"\xff" * 8 + b"{}")
	END
	local place
	for place in [iu]?.safetensors flat.safetensors last.safetensors; do
		fm-fetch "$place" > out.fms
		oracle same out.fms set.csv.npz
	done
	cp i4.safetensors nameless
	gzip -c i4.safetensors > packed.safetensors.gz
	for place in nameless packed.safetensors.gz; do
		fm-fetch $place > out.fms
		oracle same out.fms set.csv.npz
	done
	(cd two && zip -q ../two.zip ./*)
	for place in two two.zip; do
		fm-fetch $place > out.fms
		oracle same out.fms first.npz
		fm-fetch $place --split test > out.fms
		oracle same out.fms rest.npz
	done
	fm-fetch bare.safetensors > out.fms
	run oracle labels out.fms
	[[ ${lines[199]} == "- 199 ?" ]]
	refuse 3 "images of type f4" fm-fetch float.safetensors
	refuse 3 "labels of type f4" fm-fetch words.safetensors
	refuse 3 "an array of 2 dimensions" fm-fetch row.safetensors
	refuse 3 "199 labels" fm-fetch fewer.safetensors
	refuse 3 "has the label -" fm-fetch minus.safetensors
	refuse 3 'no tensor "image" or "images" among its 1, such as fc1.weight; is it a model?' fm-fetch model.safetensors
	refuse 3 "among its 0; is it" fm-fetch empty.safetensors
	refuse 3 "truncated within its header" fm-fetch cut-head.safetensors
	refuse 3 "truncated within its header" fm-fetch cut-json.safetensors
	refuse 3 "truncated" fm-fetch cut-pixels.safetensors
	refuse 3 "truncated" fm-fetch cut-labels.safetensors
	refuse 3 "truncated: 1 bytes fewer" fm-fetch cut-other.safetensors
	refuse 3 "more data than" fm-fetch more.safetensors
	refuse 3 "not a safetensors file" fm-fetch huge.safetensors
	# a model beside pictures is none
	mkdir beside && printf 'P2 1 1 255 7' > beside/x.pgm && cp model.safetensors beside
	fm-fetch beside > out.fms
}

# small: a stream of 200 pictures of the classes 0 to 4
small() {
	oracle csv set.csv
	fm-fetch set.csv --size 4x3 > small.fms
}

@test "--class, --rename, --classes choose, merge and number by name" {
	small
	oracle labels small.fms > all
	fm-fetch small.fms --class 3,1 > out.fms
	diff <(oracle labels out.fms) <(grep -E ' (1|3)$' all)
	run words_of out.fms
	assert_output --partial '"fm.classes":"[\"1\",\"3\"]"'
	fm-fetch small.fms --rename 0=zero,4=three,3=three > out.fms
	diff <(oracle labels out.fms) <(sed 's/ 0$/ zero/;s/ [34]$/ three/' all)
	run words_of out.fms
	assert_output --partial '"fm.classes":"[\"zero\",\"1\",\"2\",\"three\"]"'
	printf '4\n3\n\n2\r\n1\n0\nextra\n' > order
	fm-fetch small.fms --classes order > out.fms
	diff <(oracle labels out.fms) all
	run words_of out.fms
	assert_output --partial '"fm.classes":"[\"4\",\"3\",\"2\",\"1\",\"0\",\"extra\"]"'
	printf '%s\n' a b c d e > names
	fm-fetch small.fms --classes names > out.fms
	diff <(oracle labels out.fms) <(sed 's/ \(.\)$/ \1/;y/01234/01234/' all | "$PYTHON" -c '
import sys
for line in sys.stdin:
    part, sample, label = line.split()
    print(part, sample, "abcde"[int(label)])')
	fm-fetch small.fms --rename 0=zero --class zero --classes <(printf 'one\nzero\n') > out.fms
	[ "$(oracle labels out.fms | sort -u -k 3 | wc -l)" = 1 ]
	fm-fetch small.fms --class 1 --holdout 5 > out.fms
	[ "$(oracle labels out.fms | grep -c ^holdout)" = 5 ]
	refuse 2 'has no class "9"' fm-fetch small.fms --class 9
	refuse 2 'has no class "9"' fm-fetch small.fms --rename 9=8
	refuse 3 'has the class "zero"' fm-fetch small.fms --rename 0=zero --classes order
	refuse 3 "names only 2" fm-fetch small.fms --classes <(printf 'a\nb\n')
	refuse 3 "occurs twice" fm-fetch small.fms --classes <(printf 'a\na\nb\nc\nd\ne\n')
	# nothing is dropped of what is given twice
	fm-fetch small.fms --class 3,1 > both.fms
	fm-fetch small.fms --class 3 --class 1 > out.fms
	diff <(oracle labels out.fms) <(oracle labels both.fms)
	fm-fetch small.fms --rename 0=x,1=y > both.fms
	fm-fetch small.fms --rename 0=x --rename 1=y > out.fms
	cmp both.fms out.fms
	fm-fetch small.fms --rename 0=x,0=x > out.fms
	refuse 2 'gives the class "0" two names, "x" and "yz"' fm-fetch small.fms --rename 0=x,1=y,0=yz
	refuse 2 'gives the class "0" two names, "x" and "y"' fm-fetch small.fms --rename 0=x --rename 0=y
	refuse 2 '--range was given twice: "0:5" and "5:9"' fm-fetch small.fms --range 0:5 --range 5:9
	local wrong
	for wrong in a a= =b a=b=c 'a=b,' ,a=b; do
		run -2 fm-fetch small.fms --rename "$wrong"
	done
	for wrong in "," 'a,' ,a 'a,,b'; do
		run -2 fm-fetch small.fms --class "$wrong"
	done
}

@test "--sample N takes N of each class and of each part, in order, by seed" {
	small
	fm-fetch small.fms --sample 7 > out.fms
	oracle labels out.fms > some
	[ "$(wc -l < some)" = 35 ]
	[ "$(cut -d ' ' -f 3 some | sort | uniq -c | awk '{ print $1 }' | sort -u)" = 7 ]
	sort -n -k 2 some | diff - some
	[ -z "$(comm -13 <(oracle labels small.fms | sort) <(sort some))" ]
	fm-fetch small.fms --sample 7 --seed 2 | cmp -s - out.fms && fail "the seed plays no part"
	fm-fetch small.fms --holdout 50% | fm-fetch - --sample 2 > out.fms
	[ "$(oracle labels out.fms | grep -c ^holdout)" = 10 ]
	[ "$(oracle labels out.fms | grep -c ^fit)" = 10 ]
	fm-fetch small.fms --sample 1000 > out.fms
	[ "$(content out.fms)" = "$(content small.fms)" ]
}

@test "--dedup drops what is equal, and names what would leak into the hold-out" {
	printf '0,1,2,3,4\n1,9,9,9,9\n0,1,2,3,4\n1,1,2,3,4\n1,8,8,8,8\n' > twice.csv
	run -0 --separate-stderr bash -c 'fm-fetch twice.csv --dedup > out.fms'
	[[ $stderr == *"sample 2 equals sample 0; dropped"* ]]
	[[ $stderr == *"sample 3 equals sample 0, which has another label; dropped"* ]]
	[[ $stderr == *"2 of 5 samples equal earlier ones"* ]]
	run oracle labels out.fms
	assert_output $'- 0 0\n- 1 1\n- 4 1'
	fm-fetch twice.csv --holdout 2 --seed 3 > marked.fms
	oracle labels marked.fms | grep -q '^holdout [023]' || fail "choose a seed that holds out a duplicate"
	run -0 --separate-stderr bash -c 'fm-fetch marked.fms --dedup > out.fms'
	[[ $stderr == *"of the hold-out"* ]]
	[ "$(oracle labels out.fms | wc -l)" = 3 ]
	# pictures by their names; of plain duplicates only the first are named, of leaks all
	mkdir -p many/a many/b
	for i in {10..59}; do
		printf 'P2 2 1 255 %d 1' $i > many/a/$i.pgm
		cp many/a/$i.pgm many/b/$i.pgm
	done
	run -0 --separate-stderr bash -c 'fm-fetch many --dedup > out.fms'
	[ "$(grep -c '^fm-fetch: b/.*.pgm equals a/.*.pgm, which has another label; dropped$' <<< "$stderr")" = 20 ]
	[[ $stderr == *"50 of 100 samples equal earlier ones"* ]]
	fm-fetch many --holdout 50 > marked.fms
	run -0 --separate-stderr bash -c 'fm-fetch marked.fms --dedup > out.fms'
	local leaks
	leaks=$(grep -c ' of the hold-out, which has another label; dropped$' <<< "$stderr")
	[ "$leaks" -gt 21 ] || fail "$leaks"
	[[ $stderr == *"; $leaks of them were in both parts"* ]]
	small
	run -0 --separate-stderr bash -c 'fm-fetch small.fms --dedup > out.fms'
	[ -z "$stderr" ]
	[ "$(content out.fms)" = "$(content small.fms)" ]
}

@test "filters refuse repeated streams and predictions" {
	small
	fm-augment --epochs 2 < small.fms > twice.fms
	local choice
	for choice in "--class 1" "--rename 1=2" "--dedup" "--sample 3" "--classes order"; do
		echo 0 > order
		# shellcheck disable=SC2086 # two words
		refuse 2 "repeats its samples epoch by epoch" fm-fetch twice.fms $choice
	done
}
