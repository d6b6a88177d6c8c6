#!/bin/bash
# pipe.sh: what fm-augment before fm-train costs, and what fm-train does besides computing: shares of processor time, in
# turns, so that others on the machine matter little.
set -euo pipefail

bin=${FM_BIN:?make bench sets it}
bench=${FM_BENCH:?make bench sets it}
turns=${FM_BENCH_TURNS:-3}
pictures=12800
epochs=4
PATH=$bin:$PATH
TIMEFORMAT='%U %S'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# processor_seconds COMMAND…: user and system of everything it starts
processor_seconds() {
	{ time "$@" > /dev/null; } 2>&1 | tail -n 1 | awk '{ printf "%.3f\n", $1 + $2 }'
}

alone() {
	fm-train --epochs "$epochs" -q -o alone.safetensors set.fms
}

pipe() {
	fm-augment --preset seed --epochs "$epochs" set.fms | fm-train -q -o pipe.safetensors
}

lazy() {
	fm-augment --lazy --preset seed --epochs "$epochs" set.fms | fm-train -q -o lazy.safetensors
}

# engine BATCH: processor microseconds that the backend takes for one picture
engine() {
	"$bench/cpu" --train --cpu-time --seconds 1 --batch "$1" | awk '{ for (i = 2; i <= NF; i++)
		if ($i == "images/s") printf "%.3f\n", 1e6 / $(i - 1) }'
}

median() {
	sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

fm-fetch fashion-mnist --range "0:$pictures" > set.fms
for ((turn = 0; turn < turns; turn++)); do
	processor_seconds alone >> alone
	processor_seconds pipe >> pipe
	processor_seconds lazy >> lazy
	engine 128 >> small
	engine 1024 >> large
done
awk -v alone="$(median < alone)" -v pipe="$(median < pipe)" -v lazy="$(median < lazy)" -v small="$(median < small)" \
	-v large="$(median < large)" -v n=$((pictures * epochs)) 'BEGIN {
	each = alone / n * 1e6
	printf "fm-train alone %.1f us a picture of processor time; fm-augment | fm-train %.1f: %.3f of it as fast", each,
		pipe / n * 1e6, alone / pipe
	printf "; with --lazy %.1f: %.3f\n", lazy / n * 1e6, alone / lazy
	printf "of fm-train the backend takes %.1f us at batch 128, %.1f at batch 1024\n", small, large
	printf "beside the backend (read, hash, shuffle, start): %.1f %%; with what a step costs besides its pictures (Adam, sums): %.1f %%\n",
		100 * (1 - small / each), 100 * (1 - large / each)
}'
