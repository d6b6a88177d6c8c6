#!/bin/bash
# reproduce.sh: the figures of README.md: one training a seed, the test set read once for each, their mean.
#
#	EPOCHS=30 TRAIN='--schedule cosine' SEEDS='1 2 3' tests/reproduce.sh FOLDER
#
# AUGMENT, TRAIN and PREDICT are those of examples/fashion-mnist.sh.
set -euo pipefail

folder=$1
read -ra seeds <<< "${SEEDS:-1 2 3}"
mkdir -p "$folder"
echo "$EPOCHS epochs; fm-augment $AUGMENT; fm-train ${TRAIN:-(defaults)}; fm-predict ${PREDICT:-(defaults)}"
root=$(cd "$(dirname "$0")/.." && pwd)

for seed in "${seeds[@]}"; do
	echo "Seed $seed"
	SEED=$seed "$root/examples/fashion-mnist.sh" "$folder/$seed" > "$folder.$seed.words" || {
		cat "$folder.$seed.words"
		exit 1
	}
	rm -f "$folder.$seed.words"
done

"${PYTHON:-/usr/bin/python3}" - "$folder" "${seeds[@]}" << 'END'
import json, statistics, sys

folder, seeds = sys.argv[1], sys.argv[2:]
runs = [json.load(open(f"{folder}/{seed}/metrics.json")) for seed in seeds]
rows = [
    ("test accuracy", "92.80 %", 100, " %", 2, lambda m: m["accuracy"]),
    ("F1, weighted", "92.84 %", 100, " %", 2, lambda m: m["f1"]["weighted"]),
    ("MCC", "0.92", 1, "", 4, lambda m: m["mcc"]),
    ("log loss", "0.20", 1, "", 4, lambda m: m["log_loss"]),
]
print(f"| | published | here, mean of {len(runs)} seeds | standard deviation |")
print("|---|---|---|---|")
for name, published, factor, unit, digits, value in rows:
    values = [factor * value(run) for run in runs]
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    print(f"| {name} | {published} | {statistics.mean(values):.{digits}f}{unit} | {deviation:.{digits}f} |")
END
