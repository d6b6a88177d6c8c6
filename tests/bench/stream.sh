#!/bin/bash
# stream.sh: how fast a stream passes through a program: read, verified, hashed again, written.
set -euo pipefail

pass=$FM_BENCH/pass
folder=$(mktemp -d "${TMPDIR:-/dev/shm}/fm-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT
PATH=$FM_BIN:$PATH

fm-fetch fashion-mnist --range 0:60000 > "$folder/60000.fms"
# ten times as much, so that starting up plays no part
for _ in 1 2 3 4 5 6 7 8 9 10; do cat "$folder/60000.fms"; done > "$folder/600000.fms"

# seconds of processor time, user and system, that a command line of one program takes
processor_seconds() {
	local TIMEFORMAT='%U %S'
	{ time "$@" > /dev/null; } 2>&1 | awk '{ print $1 + $2 }'
}

report() {
	local words=$1 file=$2 best
	best=$(for _ in 1 2 3 4 5; do processor_seconds "$pass" "$file"; done | sort -g | head -n 1)
	awk -v words="$words" -v bytes="$(stat -c %s "$file")" -v seconds="$best" \
		'BEGIN { printf "  %-40s %6.2f GB/s a core (to be at least 1)\n", words, bytes / seconds / 1e9 }'
}

report "one stream of 60,000 pictures" "$folder/60000.fms"
report "ten such streams, joined" "$folder/600000.fms"
