#!/usr/bin/env bats
# Speed beside the peers' is printed, not judged; that the table comes about is tested with its quickest row.
load ../helper

@test "the table compares augmentation with OpenCV and SciPy, in pairs" {
	peers=${FM_PEERS:-$FM_ROOT/build/peers}
	cmp -s "$FM_ROOT/tests/peers/requirements.txt" "$peers/requirements.txt" || skip "make peers installs the peers"
	mkdir here
	for name in bin lib pyvenv.cfg requirements.txt; do
		ln -s "$peers/$name" here/
	done
	run -0 env ROWS=core CLOCK=processor FM_PEERS=here FM_BENCH="$FM_BIN/../tests/bench" "$FM_ROOT/tests/bench/peers.sh"
	[[ $output =~ "peer: opencv bytes, " ]]
	[[ $output =~ "peer: scipy floats, " ]]
	# asked, ours, theirs, and the ratio's least, median and most
	grep -qE '^fm-augment on one core, images/s +4, then 6 x +[0-9,]+ +[0-9,]+ +([0-9.]+ +){3}whole' <<< "$output"
}

@test "without the peers, one line says how to get them" {
	run -0 env FM_PEERS=nowhere FM_BENCH="$FM_BIN/../tests/bench" "$FM_ROOT/tests/bench/peers.sh"
	[ "${#lines[@]}" = 1 ]
	assert_output --partial "make peers"
}
