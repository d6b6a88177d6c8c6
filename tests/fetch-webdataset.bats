#!/usr/bin/env bats
# fm-fetch --webdataset: shards, whole and hostile, from files and pipes, and what fm-export writes of them.

load helper

oracle() {
	need_python numpy xxhash PIL
	"$PYTHON" "$FM_ROOT/tests/oracles/formats.py" "$@"
}

# shard FILE NAME=TEXT…: a tar of these files; TEXT "picture N" is a PNG of 3 x 2 pixels of that grey level, "large N" are N zeros
shard() {
	need_python PIL
	"$PYTHON" - "$@" <<- 'END'
		import io, sys, tarfile
		from PIL import Image
		with tarfile.open(sys.argv[1], "w") as tar:
		    for argument in sys.argv[2:]:
		        name, text = argument.split("=", 1)
		        data = text.encode("utf-8", "surrogateescape")
		        if text.startswith("large "):
		            data = bytes(int(text.split()[1]))
		        if text.startswith("picture "):
		            file = io.BytesIO()
		            Image.new("L", (3, 2), int(text.split()[1])).save(file, "png")
		            data = file.getvalue()
		        member = tarfile.TarInfo(name)
		        member.size = len(data)
		        tar.addfile(member, io.BytesIO(data))
	END
}

# samples FILE: class, name and first pixel of each
samples() {
	oracle shades "$1"
}

@test "what fm-export writes comes back: pictures, labels and classes from a pipe, a named tar byte for byte" {
	need_fashion_mnist
	fm-fetch --range 0:500 > out.fms
	fm-export --format webdataset out.fms > out.tar
	fm-info --classes out.fms > classes 2> /dev/null || printf '%s\n' T-shirt/top Trouser Pullover Dress Coat Sandal Shirt \
		Sneaker Bag "Ankle boot" > classes
	# shellcheck disable=SC2002 # a pipe is what is tried
	cat out.tar | fm-fetch --webdataset --classes classes > back.fms
	fm-fetch --webdataset out.tar > numbers.fms
	oracle equal out.fms back.fms
	oracle equal out.fms numbers.fms || fail "labels without names differ"
	# with names, which a stream keeps, also the tar is the same
	fm-export --format webdataset back.fms > named.tar
	fm-fetch --webdataset - --classes classes < named.tar | fm-export --format webdataset - > again.tar
	cmp again.tar named.tar
	gzip -k out.tar && xz -k out.tar && zstd -q out.tar
	for file in out.tar.gz out.tar.xz out.tar.zst; do
		fm-fetch --webdataset $file > packed.fms
		oracle equal numbers.fms packed.fms
	done
}

@test "members are joined by the naming rule; cls, json and txt are labels, numbers or names" {
	shard a.tar ./a/one.png="picture 10" ./a/one.cls=1 ./a/one.seg.png="picture 99" a/two.JSON='{"label":0,"x":[1]}' \
		a/two.PNG="picture 20" README=x .hidden.cls=5 a.b/three.png="picture 30" a.b/three.txt=$' 2\n' \
		a.b/three.json='{"label":7}' four.png="picture 40" five.extra.json=no notes.md=x six.cls=-1 six.png="picture 60"
	fm-fetch --webdataset a.tar > a.fms
	diff <(samples a.fms) - <<- 'END'
		1 a/one.png 10
		0 a/two.PNG 20
		7 a.b/three.png 30
		? four.png 40
		? six.png 60
	END
	shard names.tar 1.png="picture 1" 1.txt=zebra 2.png="picture 2" 2.cls=ape 3.json='{"cls":"10"}' 3.png="picture 3" 4.cls=ape \
		4.png="picture 4" "5.txt=ünï" 5.png="picture 5"
	LC_ALL=C fm-fetch --webdataset names.tar > names.fms
	diff <(samples names.fms) <(printf '%s\n' 'zebra 1.png 1' 'ape 2.png 2' '10 3.png 3' 'ape 4.png 4' 'ünï 5.png 5')
	printf '%s\n' 10 ünï ape zebra more > order
	fm-fetch --webdataset names.tar --classes order > ordered.fms
	diff <(samples ordered.fms) <(samples names.fms)
	# a folder's name in UTF-8, in the formats that tars have, whatever the locale
	mkdir "ü" && printf 'P2 1 1 255 7' > "ü/x.pgm" && echo 0 > "ü/x.cls"
	for format in gnu pax ustar; do
		tar --format=$format -cf $format.tar "ü"
		LC_ALL=C fm-fetch --webdataset $format.tar > out.fms
		diff <(samples out.fms) <(echo "0 ü/x.pgm 7")
	done
}

@test "several shards, at once or as one pipe; sizes, channels, splits and other options" {
	shard 1.tar a.png="picture 1" a.cls=0 b.png="picture 2" b.cls=1
	shard 2.tar d.png="picture 3" d.cls=2
	shard 3.tar c.png="picture 4" c.cls=0
	fm-fetch --webdataset {1..3}.tar > three.fms
	diff <(samples three.fms) <(printf '%s\n' '0 a.png 1' '1 b.png 2' '2 d.png 3' '0 c.png 4')
	cat {1..3}.tar | fm-fetch --webdataset - > piped.fms
	[ "$(samples piped.fms)" = "$(samples three.fms)" ]
	fm-fetch --webdataset {1..3}.tar --size 5x6 --channels 3 --fit stretch --class 0 --holdout 1 > sized.fms
	head -c 3000 sized.fms | grep -aq '\\"h\\":5,\\"w\\":6,\\"c\\":3,\\"fit\\":\\"stretch\\"'
	[ "$(samples sized.fms | wc -l)" = 2 ]
	refuse 2 "has no splits" fm-fetch --webdataset --split test 1.tar
	refuse 2 "give one" fm-fetch --webdataset --raw 2x2x1 1.tar
	refuse 2 "--sha256 is for one address" fm-fetch --webdataset --sha256 "$(printf '%064d' 0)" 1.tar
	refuse 2 "--sha256 is for one address" fm-fetch --webdataset --sha256 "$(printf '%064d' 0)" http://localhost:1/{1,2}.tar
	refuse 2 "give no other" fm-fetch --webdataset --files0-from -
	refuse 4 "No such file" fm-fetch --webdataset 1.tar missing.tar
	mkdir folder
	refuse 3 "give them, such as folder/*.tar" fm-fetch --webdataset folder
	run -0 --separate-stderr fm-fetch 1.tar --size 2x2
	# shellcheck disable=SC2154 # set by `run`
	[[ $stderr == *"--webdataset reads labels that lie beside pictures"* ]]
	fm-fetch --webdataset {1..3}.tar | fm-info --script > script
	grep -q 'fm-fetch --webdataset .*-$' script
}

@test "with --classes each sample goes out as soon as the next one begins" {
	shard all.tar a.png="picture 1" a.cls=0 b.png="picture 2" b.cls=1
	printf 'x\ny\n' > classes
	"$PYTHON" - <<- 'END'
		import json, struct, subprocess, tarfile
		data = open("all.tar", "rb").read()
		second = [m.offset for m in tarfile.open("all.tar").getmembers()][2]
		tool = subprocess.Popen(["fm-fetch", "--webdataset", "--classes", "classes"], stdin=subprocess.PIPE,
		                        stdout=subprocess.PIPE, bufsize=0)
		def exactly(n):
		    data = b""
		    while len(data) < n:
		        data += tool.stdout.read(n - len(data))
		    return data
		def record():
		    header = json.loads(exactly(struct.unpack("<Q", exactly(8))[0]))
		    return exactly(max([0] + [t["data_offsets"][1] for k, t in header.items() if k != "__metadata__"]))
		tool.stdin.write(data[:second + 512])
		assert b"a.png" in record()
		tool.stdin.write(data[second + 512:])
		tool.stdin.close()
		assert b"b.png" in record()
		record()
		assert tool.wait() == 0
	END
}

@test "hostile shards: what is wrong with which sample; --on-error skip names and counts them" {
	printf 'x\ny\n' > classes
	one() {
		local words=$1
		shift
		shard bad.tar good.png="picture 5" good.cls=1 "$@" last.png="picture 6" last.cls=0
		refuse 3 "$words" fm-fetch --webdataset bad.tar --classes classes
		run -0 --separate-stderr bash -c 'fm-fetch --webdataset --classes classes --on-error skip < bad.tar > out.fms'
		[[ $stderr == *"standard input: "*"$words"*"; skipped"* ]] || fail "$stderr"
		diff <(samples out.fms) <(printf 'y good.png 5\nx last.png 6\n')
		tail -c 2000 out.fms | grep -aq '\\"skipped\\":1'
	}
	one "a second picture of one sample: a.jpg; expected one" a.png="picture 1" a.jpg="picture 2" a.cls=0
	one "a.cls: a label without a picture" a.cls=0
	one 'the label "2" is out of range: classes has 2 classes, 0 to 1' a.png="picture 1" a.cls=2
	one 'the label "-2" is out of range' a.png="picture 1" a.cls=-2
	one 'the label "99999999999999999999" is out of range' a.png="picture 1" a.cls=99999999999999999999
	one 'the label "cat" is out of range' a.png="picture 1" a.txt=cat
	one "an empty label" a.png="picture 1" a.cls=
	one "its .json can't be read" a.png="picture 1" a.json='{"label":'
	one "neither a whole number nor a text" a.png="picture 1" a.json='{"label":1.5}'
	one "a label that is not UTF-8" a.png="picture 1" a.txt=$'\377'
	one "a label of more than 1023 bytes" a.png="picture 1" a.txt="$(printf '%02000d' 0)"
	one "a.png: " a.png=nonsense a.cls=0
	one "a.png: empty" a.png= a.cls=0
	one "a.json has more than 1048576 bytes" a.png="picture 1" a.json="large 1048577"
	shard few.tar a.txt=cat
	refuse 3 "a label without a picture" fm-fetch --webdataset few.tar
	shard many.tar a.png="picture 1" a.cls=70000
	fm-fetch --webdataset many.tar > out.fms # a name, for it can be no number
	diff <(samples out.fms) <(echo "70000 a.png 1")
	shard none.tar README=x
	refuse 3 "no picture" fm-fetch --webdataset none.tar
	shard out.tar a.png="picture 1" ../b.png="picture 2"
	refuse 3 "leads out of the archive" fm-fetch --webdataset out.tar
	shard sizes.tar a.png="picture 1" b.pgm="P5 1 1 255 x"
	refuse 3 "a.png is 2x3x1, b.pgm is 1x1x1" fm-fetch --webdataset sizes.tar
}

@test "a shard that is torn, damaged or none" {
	shard all.tar a.png="picture 1" a.cls=0 b.png="picture 2" b.cls=1
	printf 'x\ny\n' > classes
	"$PYTHON" - <<- 'END'
		import tarfile
		data = open("all.tar", "rb").read()
		members = tarfile.open("all.tar").getmembers()
		ends = [m.offset for m in members[1:]] + [members[-1].offset_data + 512]
		for i, end in enumerate(ends):
		    open("torn-%d.tar" % i, "wb").write(data[:end])
		open("torn-4.tar", "wb").write(data[:members[2].offset + 100])
		open("torn-5.tar", "wb").write(data[:members[2].offset_data + 10])
		open("junk.tar", "wb").write(data[:ends[-1]] + b"junk" * 1000)
	END
	for i in 0 1 2 3 4 5; do
		for choice in "" "--classes classes" "--on-error skip"; do
			# shellcheck disable=SC2086 # two words
			refuse 3 "torn-$i.tar: t" fm-fetch --webdataset torn-$i.tar $choice
			# shellcheck disable=SC2086
			refuse 3 "standard input: t" fm-fetch --webdataset - $choice < torn-$i.tar
		done
	done
	refuse 3 "junk.tar: " fm-fetch --webdataset junk.tar
	echo hello > text
	refuse 3 "text: " fm-fetch --webdataset text
	refuse 3 "standard input: empty" fm-fetch --webdataset < /dev/null
	gzip -c all.tar | head -c 200 > cut.tar.gz
	refuse 3 "it ends too early" fm-fetch --webdataset cut.tar.gz
	gzip -c all.tar > damaged.gz && printf '\377' | dd of=damaged.gz bs=1 seek="$(($(stat -c %s damaged.gz) - 6))" conv=notrunc status=none
	refuse 3 "incorrect data check" fm-fetch --webdataset damaged.gz
}

@test "ten times the samples take no more memory, with --classes from a pipe" {
	[[ $FM_BIN != */address/* ]] || skip "AddressSanitizer keeps what is freed"
	need_python PIL
	"$PYTHON" - <<- 'END'
		import io, tarfile
		from PIL import Image
		file = io.BytesIO()
		Image.new("RGB", (24, 24), (1, 2, 3)).save(file, "png")
		for name, n in ("few.tar", 400), ("many.tar", 4000):
		    with tarfile.open(name, "w") as tar:
		        for i in range(n):
		            for suffix, data in ("png", file.getvalue()), ("cls", b"1"):
		                member = tarfile.TarInfo("%06d.%s" % (i, suffix))
		                member.size = len(data)
		                tar.addfile(member, io.BytesIO(data))
	END
	printf 'x\ny\n' > classes
	memory() {
		"$PYTHON" -c '
import resource, subprocess, sys
subprocess.run(["fm-fetch", "--webdataset", "--classes", "classes"], stdin=open(sys.argv[1]), stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$1"
	}
	local few many
	few=$(memory few.tar)
	many=$(memory many.tar)
	[ "$many" -lt $((few + 2000)) ] || fail "$few kB for 400, $many kB for 4,000"
}
