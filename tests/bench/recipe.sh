#!/bin/bash
# recipe.sh: the fast recipe from a cold start: read the pictures, augment, train on all 60,000, predict the test set, score.
# Wall time and processor time of all programs together, and the accuracy that they reached; then the same of PyTorch, where
# `make peers` has installed it.
set -euo pipefail

PATH=$FM_BIN:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
model=$folder/model.safetensors
here=$(cd "$(dirname "$0")" && pwd)
pictures=/usr/share/datasets/fashion-mnist
python=${FM_PEERS:-/nowhere}/bin/python
TIMEFORMAT='  %R s, of processor time %U s and in the kernel %S s'

pipeline() {
	fm-fetch fashion-mnist | fm-augment --preset fast --epochs 3 | fm-train --recipe fast -o "$model"
	fm-fetch fashion-mnist --split test | fm-predict -m "$model" | fm-metrics --json > "$folder/scores.json"
}

scores() {
	grep -oE '"(accuracy|log_loss)": ?[0-9.]+' "$folder/scores.json" | sed 's/^/  /'
}

echo "fm-train --recipe fast, from the first picture to the scores (to be at most 10 s on two cores of Zen 5)"
time pipeline
scores
[ -d "$pictures" ] && "$python" -c 'import torch' 2> /dev/null || exit 0
echo "the same in PyTorch (make bench-recipe has more of it, in pairs)"
time CUDA_VISIBLE_DEVICES="" "$python" "$here/../peers/torch_recipe.py" data="$pictures" > "$folder/scores.json"
scores
