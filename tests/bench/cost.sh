#!/bin/bash
# cost.sh: what a picture costs by threads, batch, size and number of classes: microseconds, and in brackets the share of
# the roof. Where the share stays, cost grows linearly with the work.
set -euo pipefail

bench=${FM_BENCH:?make bench sets it}
seconds=${FM_BENCH_SECONDS:-0.3}
clock=${FM_BENCH_CLOCK:+--cpu-time}

# cell ARGUMENT…: "12.3 (0.81)", a picture's microseconds
cell() {
	# shellcheck disable=SC2086 # nothing, or an option
	"$bench/cpu" $clock --seconds "$seconds" "$@" |
		awk '{ for (i = 2; i < NF; i++) {
			if ($i == "images/s") rate = $(i - 1)
			if ($i == "GFLOP/s,") share = $(i + 1) } }
			END { printf "%9.1f (%.2f)", 1e6 / rate, share }'
}

# table HEADING OPTION VALUE…: a row for each work and number of threads, a column for each value
table() {
	local heading=$1 option=$2 work threads value
	shift 2
	printf '  %-20s' "$heading"
	printf '%16s' "$@"
	echo
	for work in train predict; do
		for threads in 1 2; do
			printf '  %-20s' "$work, threads $threads"
			for value; do
				cell "--$work" --threads "$threads" "$option" "$value"
			done
			echo
		done
	done
}

echo "microseconds a picture (share of the roof), the seed's net"
table batch --batch 1 8 32 128 256 512 1024
table "size, batch 128" --input 16x16x1 24x24x1 28x28x1 32x32x1 48x48x1 64x64x1
table "classes, batch 128" --classes 2 10 100 1000
