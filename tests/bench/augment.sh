#!/bin/bash
# augment.sh: how many pictures a second a core augments: warping alone, and the whole program into a pipe, its reading,
# shuffling, hashing and writing included.
set -euo pipefail

PATH=$FM_BIN:$PATH
folder=$(mktemp -d "${TMPDIR:-/dev/shm}/fm-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT

echo "warping, one core"
for cpu in plain avx2 avx512; do
	FM_CPU=$cpu "$FM_BENCH/warp" 2> /dev/null || echo "  $cpu: not on this processor"
done

fm-fetch fashion-mnist > "$folder/train.fms"

# processor_seconds COMMAND…: user and system, of a command that writes into a pipe
processor_seconds() {
	local TIMEFORMAT='%U %S'
	{ { time "$@" 2> "$folder/words" >&3; } 2>&1 | awk '{ print $1 + $2 }'; } 3> >(cat > /dev/null)
}

# report WORDS PICTURES COMMAND…
report() {
	local words=$1 pictures=$2 best
	shift 2
	best=$(for _ in 1 2 3 4 5; do processor_seconds "$@"; done | sort -g | head -n 1)
	awk -v words="$words" -v pictures="$pictures" -v seconds="$best" \
		'BEGIN { printf "  %-40s %10.0f pictures/s a core\n", words, pictures / seconds }'
}

echo "fm-augment --preset seed"
report "one pass" 60000 fm-augment --preset seed --threads 1 "$folder/train.fms"
report "twenty epochs" 1200000 fm-augment --preset seed --threads 1 --epochs 20 "$folder/train.fms"
report "twenty epochs, two threads" 1200000 fm-augment --preset seed --threads 2 --epochs 20 "$folder/train.fms"
