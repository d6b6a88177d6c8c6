# helper.bash: what every shell test starts from. Loaded by `load helper` (or `load ../helper`).
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

FM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
FM_BIN=${FM_BIN:-$FM_ROOT/build/bin}
FM_BIN=$(cd "$FM_BIN" && pwd)
PATH=$FM_BIN:$PATH
PYTHON=${PYTHON:-/usr/bin/python3} # Debian's own, which has numpy, scipy and scikit-learn
export FM_ROOT FM_BIN PATH PYTHON

# Two threads are enough for any test, and more would fight over the machine with the tests beside it.
export FM_THREADS=${FM_THREADS:-2} OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=1
unset NO_COLOR

# Every test starts in its own empty folder, with its own cache.
setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

# The programs that there are, one a line.
all_tools() {
	local path
	for path in "$FM_BIN"/fm-*; do
		[ -x "$path" ] && basename "$path"
	done
}

# need PROGRAM…: skip the test where one of them is missing (a tool of ours, or a peer).
need() {
	local program
	for program; do
		command -v "$program" > /dev/null || skip "$program is not there"
	done
}

# need_python MODULE…: likewise for Python modules.
need_python() {
	local module
	for module; do
		"$PYTHON" -c "import $module" 2> /dev/null || skip "Python's $module is not there"
	done
}

need_fashion_mnist() {
	[ -d /usr/share/dataset-fashion-mnist ] || [ -d /usr/share/datasets/fashion-mnist ] ||
		dpkg -s dataset-fashion-mnist > /dev/null 2>&1 || skip "dataset-fashion-mnist is not installed"
}

# fail WORDS: end the test here.
fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# assert_output [--partial] TEXT: compare with what `run` has kept, and show both if they differ.
assert_output() {
	# shellcheck disable=SC2154 # set by `run`
	if [ "$1" = --partial ]; then
		[[ $output == *"$2"* ]] || fail "expected to find: $2"$'\n'"in: $output"
	else
		[ "$output" = "$1" ] || fail "expected: $1"$'\n'"found: $output"
	fi
}

# refute_output --partial TEXT: its opposite.
refute_output() {
	[[ $output != *"$2"* ]] || fail "did not expect: $2"$'\n'"in: $output"
}

# on_terminal COMMAND…: run it with a terminal as stdin, stdout and stderr; what it prints comes out as it would there.
on_terminal() {
	local words
	printf -v words '%q ' "$@"
	script --quiet --return --command "$words" /dev/null < /dev/null
}

# wait_for COMMAND…: until it succeeds; gives up after a minute, so that a hanging test ends.
wait_for() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "waited in vain for: $*"
		sleep 0.05
	done
}

# heeds SIGNAL PID: this program, started in the background, has come so far that it handles the signal; or it is over.
heeds() {
	local mask
	mask=$(sed -n 's/^SigCgt:\t//p' "/proc/$2/status" 2> /dev/null) || return 0
	[ ! "/proc/$2/exe" -ef "$BASH" ] && (((16#$mask >> ($(kill -l "$1") - 1)) & 1)) || is_over "$2"
}

is_over() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

# rests PID: every thread of this program is found asleep, time and again: it has done all that it can do with what it was
# given. (One that looks now and then whether a signal has come may be.)
rests() {
	local states
	for _ in {1..5}; do
		states=$(grep -h '^State:' /proc/"$1"/task/*/status 2> /dev/null) || return 1
		[[ $states != *State:$'\t'[!S]* ]] || return 1
		sleep 0.01
	done
}

# refuse STATUS WORDS COMMAND…: it fails with this status, and says these words.
refuse() {
	local status=$1 words=$2
	shift 2
	run "-$status" --separate-stderr "$@"
	# shellcheck disable=SC2154 # set by `run`
	[[ $stderr == *"$words"* ]] || fail "expected to find: $words"$'\n'"in: $stderr"
}
