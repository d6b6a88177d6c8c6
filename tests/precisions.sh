#!/bin/bash
# precisions.sh: does training in bf16 cost accuracy? The same seeds in fp32 and bf16, judged on the held-out part alone.
#
#	EPOCHS=6 SEEDS='1 2 3 4 5' tests/precisions.sh FOLDER
#
# What is compared is the last epoch's, not the best one's, so that nothing is chosen by what it is judged by.
set -euo pipefail

folder=$1
read -ra seeds <<< "${SEEDS:-1 2 3 4 5}"
read -ra augment <<< "${AUGMENT---preset seed}"
read -ra train <<< "${TRAIN---schedule cosine}"
mkdir -p "$folder"

for seed in "${seeds[@]}"; do
	for precision in fp32 bf16; do
		log=$folder/$precision.$seed.jsonl
		rm -f "$log"
		fm-fetch fashion-mnist --holdout 5000 |
			fm-augment "${augment[@]}" --epochs "${EPOCHS:-6}" --seed "$seed" |
			fm-train "${train[@]}" --quiet --precision "$precision" --seed "$seed" --log "$log" \
				-o "$folder/$precision.$seed.safetensors"
	done
done

"${PYTHON:-/usr/bin/python3}" - "$folder" "${seeds[@]}" << 'END'
import json, math, statistics, sys

folder, seeds = sys.argv[1], sys.argv[2:]
last = {p: [json.loads(open(f"{folder}/{p}.{seed}.jsonl").readlines()[-1]) for seed in seeds] for p in ("fp32", "bf16")}
print(f"{len(seeds)} seeds, {last['fp32'][0]['epoch'] + 1} epochs, 5,000 pictures held out; mean and standard deviation")
print("| | fp32 | bf16 | bf16 - fp32, seed by seed | standard error |")
print("|---|---|---|---|---|")
for name, key, factor in (("accuracy, %", "val_accuracy", 100), ("log loss", "val_loss", 1)):
    fp32, bf16 = ([factor * line[key] for line in last[p]] for p in ("fp32", "bf16"))
    differences = [b - a for a, b in zip(fp32, bf16)]
    deviation = statistics.stdev if len(seeds) > 1 else lambda values: math.nan
    print(f"| {name} | {statistics.mean(fp32):.4f} ± {deviation(fp32):.4f} | {statistics.mean(bf16):.4f} ± {deviation(bf16):.4f} "
          f"| {statistics.mean(differences):+.4f} | {deviation(differences) / math.sqrt(len(seeds)):.4f} |")
END
