#!/usr/bin/env bats
# examples/retrain/retrain.sh: the nights on which everything goes well, and the others.

load helper

setup_file() {
	need_fashion_mnist
	# a folder of IDX files, 800 + 200 pictures, as a person's own set would lie there
	mkdir -p "$BATS_FILE_TMPDIR/set"
	"$PYTHON" - "$BATS_FILE_TMPDIR/set" <<- 'END'
		import gzip, struct, sys
		where = "/usr/share/datasets/fashion-mnist/"
		for part, count in (("train", 800), ("t10k", 200)):
		    images = gzip.open(where + part + "-images-idx3-ubyte.gz").read(16 + 784 * count)[16:]
		    labels = gzip.open(where + part + "-labels-idx1-ubyte.gz").read(8 + count)[8:]
		    open(f"{sys.argv[1]}/{part}-images-idx3-ubyte", "wb").write(struct.pack(">4i", 2051, count, 28, 28) + images)
		    open(f"{sys.argv[1]}/{part}-labels-idx1-ubyte", "wb").write(struct.pack(">2i", 2049, count) + labels)
	END
}

# The architecture without spaces, because TRAIN is a list of words.
tiny() {
	mkdir -p models
	echo 'conv 4 3x3 stride 2, relu, flatten, dense classes' > "$BATS_TEST_TMPDIR/net.txt"
	night() {
		EPOCHS=${EPOCHS:-2} TRAIN="--arch @$BATS_TEST_TMPDIR/net.txt" ALLOW_WORSE=${ALLOW_WORSE:-40%} \
			"$FM_ROOT/examples/retrain/retrain.sh" "$BATS_TEST_TMPDIR/models" "${1:-$BATS_FILE_TMPDIR/set}"
	}
}

runs() { find models -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' | wc -l; }
leftovers() { find models -mindepth 1 -maxdepth 1 -name '.work*' -o -name .link | wc -l; }

@test "the first night there is no model, the second replaces it, and rolling back is one rename" {
	tiny
	night
	[ "$(runs)" = 1 ]
	first=$(readlink models/current)
	[ -s models/current/report.html ]
	sleep 1.1
	night
	[ "$(runs)" = 2 ]
	second=$(readlink models/current)
	[ "$first" != "$second" ]
	[ -s models/current/comparison.txt ]
	(cd models && ln -s "$first" .link && mv -T .link current)
	[ "$(readlink models/current)" = "$first" ]
	[ "$(leftovers)" = 0 ]
}

@test "a worse model stays outside, with exit status 1" {
	tiny
	EPOCHS=12 night
	before=$(readlink models/current)
	EPOCHS=1 ALLOW_WORSE=0% run -1 night
	assert_output --partial "the model in use stays"
	[ "$(readlink models/current)" = "$before" ]
	[ "$(runs)" = 1 ]
	[ "$(leftovers)" = 0 ]
}

@test "a training that diverges is a failure, and no answer" {
	tiny
	night
	before=$(readlink models/current)
	echo 'flatten, dense 9, dense 9, dense classes' > net.txt
	run -70 env EPOCHS=2 TRAIN="--arch @$PWD/net.txt --optimizer sgd --lr 1e6" "$FM_ROOT/examples/retrain/retrain.sh" models \
		"$BATS_FILE_TMPDIR/set"
	assert_output --partial "not finite"
	[ "$(readlink models/current)" = "$before" ]
	[ "$(leftovers)" = 0 ]
}

@test "KEEP runs stay, and whatever it says the one in use and the one before it" {
	tiny
	night
	first=$(readlink models/current)
	mkdir models/201{0,1,2,3}-01-01T000000
	sleep 1.1
	KEEP=3 night
	[ "$(runs)" = 3 ]
	[ -d "models/$first" ]
	[ -d models/2013-01-01T000000 ]
	# the one in use before is the oldest, after a rollback
	(cd models && ln -s 2013-01-01T000000 .link && cp -r "$first/." 2013-01-01T000000 && mv -T .link current)
	sleep 1.1
	KEEP=0 night
	[ "$(runs)" = 2 ]
	[ -d models/2013-01-01T000000 ]
	[ -s models/current/model.safetensors ]
	KEEP=some run -2 night
}

@test "a folder of classes, as it lies there and where one stands" {
	tiny
	fm-fetch "$BATS_FILE_TMPDIR/set" | fm-export -f png -o pictures
	night pictures
	[ "$(runs)" = 1 ] && [ -s models/current/model.safetensors ]
	sleep 1.1
	mkdir below
	mv pictures below
	night below/pictures
	[ "$(runs)" = 2 ]
	run night below/none
	[ "$status" -gt 1 ]
	assert_output --partial "$PWD/below/none"
}

@test "when the fetch fails, the old model stays" {
	tiny
	night
	before=$(readlink models/current)
	run night "$BATS_TEST_TMPDIR/nowhere"
	[ "$status" -gt 1 ]
	[ "$(readlink models/current)" = "$before" ]
	[ "$(leftovers)" = 0 ]
}

@test "on a full disk the old model stays" {
	tiny
	night
	before=$(readlink models/current)
	run bash -c 'trap "" XFSZ; ulimit -f 100; "$@"' - env EPOCHS=1 TRAIN="--arch @$BATS_TEST_TMPDIR/net.txt" \
		"$FM_ROOT/examples/retrain/retrain.sh" "$BATS_TEST_TMPDIR/models" "$BATS_FILE_TMPDIR/set"
	[ "$status" -gt 1 ]
	[ "$(readlink models/current)" = "$before" ]
	[ "$(leftovers)" = 0 ]
}

@test "two runs at once: the second says so and leaves" {
	tiny
	exec 8> models/.lock
	flock 8
	run -75 night
	assert_output --partial "another run is at work"
	exec 8>&-
	night
	[ "$(runs)" = 1 ]
}

@test "what a killed run has left is cleared away by the next" {
	tiny
	mkdir -p models/.work.old
	night
	[ "$(leftovers)" = 0 ]
}
