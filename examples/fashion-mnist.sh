#!/bin/bash
# fashion-mnist.sh: train a classifier of Fashion-MNIST and measure it, from the first picture to the report.
#
#	fashion-mnist.sh [FOLDER]
#
# EPOCHS says for how long, SEED which random numbers, HOLDOUT how many training pictures are set aside to choose the best
# epoch, 0 for none; AUGMENT, TRAIN and PREDICT what fm-augment, fm-train and
# fm-predict are told. FOLDER, default ., gets model.safetensors, predictions.fms, metrics.json, log.jsonl, report.txt and
# report.html.
set -euo pipefail

folder=${1:-.}
epochs=${EPOCHS:-20}
seed=${SEED:-1}
holdout=${HOLDOUT:-5000}
read -ra augment <<< "${AUGMENT---preset seed}"
read -ra train <<< "${TRAIN---schedule cosine}"
read -ra predict <<< "${PREDICT-}"

mkdir -p "$folder"
rm -f "$folder/log.jsonl" # a log is appended to, and this run is a new one

fetch=()
[ "$holdout" = 0 ] || fetch=(--holdout "$holdout")
echo "Training for $epochs epochs on $((60000 - holdout)) pictures, $holdout held out to choose the best epoch."
fm-fetch fashion-mnist "${fetch[@]}" |
	fm-augment "${augment[@]}" --epochs "$epochs" --seed "$seed" |
	fm-train "${train[@]}" --seed "$seed" --log "$folder/log.jsonl" -o "$folder/model.safetensors"

echo "Measuring on the 10,000 test pictures."
fm-fetch fashion-mnist --split test | fm-predict "${predict[@]}" -m "$folder/model.safetensors" \
	> "$folder/predictions.fms"
fm-metrics --json "$folder/predictions.fms" > "$folder/metrics.json"
fm-metrics "$folder/predictions.fms" | tee "$folder/report.txt"
fm-report -m "$folder/model.safetensors" --log "$folder/log.jsonl" --title "Fashion-MNIST" \
	-o "$folder/report.html" "$folder/predictions.fms"

if [ -t 1 ]; then
	echo
	echo "The most confident mistakes:"
	fm-metrics --wrong "$folder/predictions.fms" | fm-show --count 8
fi

echo
echo "$folder has the model, the predictions, metrics.json, the log, and the report with pictures:"
echo "$folder/report.html"
