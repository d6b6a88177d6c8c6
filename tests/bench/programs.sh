#!/bin/bash
# programs.sh: how long a program takes to start, and how much memory the two that keep data hold.
set -euo pipefail

PATH=$FM_BIN:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "start-up (--version; to be under 10 ms)"
for program in "$FM_BIN"/fm-*; do
	"$FM_BENCH/measure" "  $(basename "$program")" 50 "$program" --version
done

[ -x "$FM_BIN/fm-train" ] && [ -x "$FM_BIN/fm-augment" ] && [ -x "$FM_BIN/fm-fetch" ] || exit 0
echo "memory (60,000 pictures, seed's net, batch 128; to be at most 300 MB)"
fm-fetch fashion-mnist > "$folder/train.fms"
# the first steps already hold the whole data set and all buffers
"$FM_BENCH/measure" "  fm-augment --preset seed --epochs 1" 1 \
	sh -c "exec fm-augment --preset seed --epochs 1 '$folder/train.fms'"
"$FM_BENCH/measure" "  fm-train --steps 20" 1 \
	sh -c "exec fm-train --quiet --steps 20 -o '$folder/model.safetensors' '$folder/train.fms'"
