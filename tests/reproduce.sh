#!/bin/bash
# reproduce.sh: the figures of README.md and of fm-train(1): for each recipe one training a seed, the test set read once for
# each, their mean and standard deviation, and what became of every class.
#
#	SEEDS='1 2 3' tests/reproduce.sh FOLDER RECIPE...
#
# RECIPE is seed, fast, best, small or large, as fm-train --recipe has them, or longer. EPOCHS replaces a recipe's own number, HOLDOUT the
# number of training pictures that are set aside, 0 for none. FOLDER/RECIPE/SEED gets what examples/fashion-mnist.sh makes.
set -euo pipefail

folder=$1
shift
read -ra seeds <<< "${SEEDS:-1 2 3}"
root=$(cd "$(dirname "$0")/.." && pwd)

# The recipe's command lines: augment, train, predict, epochs, holdout.
choose() {
	augment="--preset $1" train="--recipe $1" predict='' holdout=0
	case $1 in
	seed) epochs=20 holdout=5000 ;;
	longer)
		epochs=60 holdout=5000 augment='--preset seed --flip' predict='--tta flip'
		train='--optimizer adamw --schedule onecycle --lr 4e-3 --weight-decay 0.02 --monitor val_accuracy'
		;;
	fast) epochs=3 ;;
	# pictures for the temperature alone: nothing is chosen by them
	best) epochs=400 holdout=1000 ;;
	small) epochs=300 holdout=1000 augment='--preset best' ;;
	large) epochs=200 holdout=1000 augment='--preset best' ;;
	*)
		echo "reproduce.sh: unknown recipe \"$1\"; known are seed, longer, fast, best, small and large" >&2
		exit 2
		;;
	esac
	epochs=${EPOCHS:-$epochs} holdout=${HOLDOUT:-$holdout}
}

# One seed's run, quiet unless it fails, and how long it took; then its predictions as they are without a temperature.
run() {
	local to=$1 seed=$2 begin=$EPOCHREALTIME
	EPOCHS=$epochs HOLDOUT=$holdout SEED=$seed AUGMENT=$augment TRAIN=$train PREDICT=$predict \
		"$root/examples/fashion-mnist.sh" "$to" > "$to.words" || {
		cat "$to.words"
		exit 1
	}
	rm -f "$to.words"
	awk "BEGIN { print ${EPOCHREALTIME/,/.} - ${begin/,/.} }" > "$to/seconds"
	# shellcheck disable=SC2086 # two words or none
	fm-fetch fashion-mnist --split test | fm-predict $predict --temperature 1 -m "$to/model.safetensors" |
		fm-metrics --json > "$to/uncalibrated.json"
}

for recipe; do
	choose "$recipe"
	echo "$recipe: $epochs epochs, $holdout pictures set aside; fm-augment $augment; fm-train $train; fm-predict $predict"
	mkdir -p "$folder/$recipe"
	for seed in "${seeds[@]}"; do
		run "$folder/$recipe/$seed" "$seed"
	done
	"${PYTHON:-/usr/bin/python3}" "$root/tests/reproduce.py" "$folder/$recipe" "${seeds[@]}"
done
