#!/usr/bin/env bats
# fm-fetch: CIFAR-10, CIFAR-100 and Street View House Numbers, in the layouts that they are published in, whole and hostile.

load helper

oracle() {
	need_python numpy xxhash scipy
	"$PYTHON" "$FM_ROOT/tests/oracles/published.py" "$@"
}

# same FILE.fms NPZ: it holds these pictures and labels, in order
same() {
	"$PYTHON" "$FM_ROOT/tests/oracles/formats.py" same "$@"
}

# classes FILE.fms: its classes
classes() {
	head -c 8000 "$1" | tr -d '\0' | grep -ao '"fm.classes":"[^]]*'
}

# both PLACE FOLDER: the splits of a place are what the oracle keeps in the folder
both() {
	fm-fetch "$1" > out.fms
	same out.fms "$2/train.npz"
	fm-fetch "$1" --split test > out.fms
	same out.fms "$2/test.npz"
	fm-fetch "$1" --split all > out.fms
}

@test "CIFAR-10: folder, archive as published, files packed one by one, a single batch" {
	oracle cifar10 ten
	tar -C ten -czf ten.tar.gz cifar-10-batches-bin
	cp -r ten/cifar-10-batches-bin packed && gzip packed/*
	for place in ten/cifar-10-batches-bin ten ten.tar.gz packed; do
		both $place ten
		[[ $(classes out.fms) == *'"airplane\",\"automobile\",\"bird'* ]] || fail "no names from $place"
	done
	cat ten/cifar-10-batches-bin/data_batch_[1-5].bin > data_batch_1.bin
	fm-fetch data_batch_1.bin > out.fms
	same out.fms ten/train.npz
	[[ $(classes out.fms) == *'"0\",\"1\",\"2'* ]]
	fm-fetch ten/cifar-10-batches-bin/data_batch_3.bin | fm-info | grep -q '^samples *20$'
	fm-fetch ten/cifar-10-batches-bin/test_batch.bin > out.fms
	same out.fms ten/test.npz
	fm-fetch ten --size 16x16 --channels 1 --class cat,dog --holdout 2 > out.fms
}

@test "CIFAR-100: fine labels, and a train.bin of something else is passed over" {
	oracle cifar100 hundred
	tar -C hundred -czf hundred.tar.gz cifar-100-binary
	for place in hundred hundred.tar.gz; do
		both $place hundred
		[[ $(classes out.fms) == *'fine 0\",\"fine 1\",\"fine 2'* ]]
	done
	fm-fetch hundred/cifar-100-binary/train.bin > out.fms
	same out.fms hundred/train.npz
	mkdir other && echo x > other/train.bin && printf 'P2 1 1 255 7' > other/x.pgm
	fm-fetch other > out.fms
	rm other/x.pgm
	refuse 3 "no CIFAR" fm-fetch other
}

@test "damaged CIFAR: truncated, empty, a batch missing, twice, labels and names that can't be" {
	oracle cifar10 ten
	oracle cifar100 hundred
	local place=ten/cifar-10-batches-bin
	truncate -s -1 $place/data_batch_2.bin
	refuse 3 "data_batch_2.bin: truncated: record 19 has 3072 bytes; expected 3073, as CIFAR-10 has it" fm-fetch ten
	: > $place/data_batch_2.bin
	refuse 3 "data_batch_2.bin: empty" fm-fetch ten
	rm $place/data_batch_2.bin
	refuse 3 "data_batch_2.bin is missing, there are others up to 5" fm-fetch ten
	printf '\012' | dd of=$place/test_batch.bin bs=3073 seek=7 conv=notrunc status=none
	refuse 3 "test_batch.bin: record 7 has the label 10; expected 0 to 9" fm-fetch $place/test_batch.bin
	rm $place/data_batch_?.bin
	refuse 2 "has no CIFAR's batches of the split train" fm-fetch ten
	refuse 3 "has the label 10" fm-fetch --split test ten
	printf 'cat\ncat\n' > $place/batches.meta.txt
	refuse 3 "its classes" fm-fetch --split test ten
	: > $place/batches.meta.txt
	refuse 3 "batches.meta.txt: empty" fm-fetch --split test ten
	printf 'a\0b' > $place/batches.meta.txt
	refuse 3 "no file of class names" fm-fetch --split test ten
	seq 300 > $place/batches.meta.txt
	refuse 3 "more than 256 names" fm-fetch --split test ten
	cp -r ten twice && cp -r ten/cifar-10-batches-bin twice/again
	refuse 3 "more than one data set in it" fm-fetch --split test twice
	head -c 5000 hundred/cifar-100-binary/train.bin > train.bin
	refuse 3 "record 1 has 1926 bytes; expected 3074, as CIFAR-100 has it" fm-fetch train.bin
	tar -C hundred -czf hundred.tar.gz cifar-100-binary
	head -c 100000 hundred.tar.gz > torn.tar.gz
	refuse 3 "ends too early" fm-fetch torn.tar.gz
}

@test "SVHN: pictures column by column, 10 is the digit 0, packed variables, digits as bytes or doubles" {
	oracle svhn house
	both house house
	[[ $(classes out.fms) == *'"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9'* ]]
	fm-fetch house/train_32x32.mat > out.fms
	same out.fms house/train.npz
	cp house/train_32x32.mat nameless && fm-fetch nameless > out.fms
	same out.fms house/train.npz
	"$PYTHON" - <<- 'END'
		import numpy as np, scipy.io
		a = np.load("house/train.npz")
		X, y = a["images"].transpose(1, 2, 3, 0), np.where(a["labels"] == 0, 10, a["labels"])[:, None]
		for kind in "u1", "i2", "i4", "f4", "f8", "u8":
		    scipy.io.savemat(kind + ".mat", {"y": y.astype(kind), "before": "text", "X": X, "cells": np.array([1, "x"], object)},
		                     do_compression=kind != "i4")
		scipy.io.savemat("one.mat", {"X": X[..., 0], "y": y[:1]}, do_compression=True)
		scipy.io.savemat("real.mat", {"X": X, "y": y + 0.5})
		scipy.io.savemat("large.mat", {"X": X, "y": y + 1})
		scipy.io.savemat("fewer.mat", {"X": X, "y": y[1:]})
		scipy.io.savemat("double.mat", {"X": X / 2.0, "y": y})
		scipy.io.savemat("flat.mat", {"X": X.reshape(-1, 50), "y": y})
		scipy.io.savemat("none.mat", {"X": X})
		scipy.io.savemat("four.mat", {"y": y}, format="4")
		data = open("house/train_32x32.mat", "rb").read()
		for i, size in enumerate((100, 130, 200, 5000, len(data) // 2, len(data) - 1)):
		    open("cut-%d.mat" % i, "wb").write(data[:size])
		seven = bytearray(data)
		seven[124:126] = b"\0\2"
		open("seven.mat", "wb").write(seven)
		for at in range(128, 1000, 29):
		    wrong = bytearray(data)
		    wrong[at] ^= 0x40
		    open("flip-%d.mat" % at, "wb").write(wrong)
	END
	for place in [iuf]?.mat; do
		fm-fetch "$place" > out.fms
		same out.fms house/train.npz
	done
	fm-fetch one.mat | fm-info | grep -q '^samples *1$'
	refuse 3 "is no digit" fm-fetch real.mat
	refuse 3 "is no digit" fm-fetch large.mat
	refuse 3 "y has 49 values, X has 50 pictures" fm-fetch fewer.mat
	refuse 3 "expected bytes [h, w, c, n]" fm-fetch double.mat
	refuse 3 "X has 2 dimensions" fm-fetch flat.mat
	refuse 3 'no variable "y"' fm-fetch none.mat
	refuse 3 "not a MAT-file of level 5" fm-fetch four.mat
	refuse 3 "HDF5" fm-fetch seven.mat
	for place in cut-*.mat flip-*.mat; do
		run -3 --separate-stderr fm-fetch "$place"
		[[ $stderr == *"$place: "* ]] || fail "$place: $stderr"
	done
}

@test "cifar-10, cifar-100 and svhn are looked for under their names, and must be the published files" {
	oracle cifar10 ten
	oracle svhn own/svhn
	mkdir -p own/cifar-10 own/cifar-100
	tar -C ten -czf own/cifar-10/cifar-10-binary.tar.gz cifar-10-batches-bin
	cp own/cifar-10/cifar-10-binary.tar.gz own/cifar-100/cifar-100-binary.tar.gz
	export FM_DATASETS=$PWD/own FM_MIRROR=http://127.0.0.1:1
	refuse 4 "cifar-10-binary.tar.gz: not the published file: its SHA-256 differs; looking elsewhere" fm-fetch --retries 0 cifar-10
	[[ $stderr == *"127.0.0.1"* ]]
	refuse 4 "cifar-100-binary.tar.gz: not the published file" fm-fetch --retries 0 cifar-100 --split test
	refuse 4 "train_32x32.mat: not the published file" fm-fetch --retries 0 svhn
	refuse 4 "test_32x32.mat: not the published file" fm-fetch --retries 0 svhn --split test
}
