#!/bin/bash
# gpu.sh: check and time the GPU backend, on a machine that has a GPU and nothing else, within ten minutes.
#
#	gpu.sh [FOLDER [RESULTS]]
#
# FOLDER is a portable folder (make portable) or a build's; RESULTS, made if need be, gets everything that was measured:
# summary.txt first. DATA names a stream to use in place of Fashion-MNIST (random pictures where that can't be had);
# SECONDS_MOST ends it sooner; SANITIZERS says which of compute-sanitizer's tools, NETS which larger nets are timed, RECIPE_SEEDS
# how many runs of the recipe fast there are. Without a GPU it says so and does nothing. Exits 1 if a check failed.
set -uo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${1:-}" ]; then
	folder=$(cd "$1" && pwd) || exit 2
elif [ -n "${FM_BIN:-}" ]; then
	folder=${FM_BIN%/bin}
elif [ -d "$here/../../bin" ]; then
	folder=$(cd "$here/../.." && pwd) # share/fm-tools of a portable folder
else
	folder=$here/../../build
fi
PATH=$folder/bin:$PATH
command -v fm-info > /dev/null || {
	echo "gpu.sh: $folder/bin has no fm-info; give it a portable folder" >&2
	exit 2
}

auto=$(fm-info --devices --json | sed -n 's/.*"auto":"\([^"]*\)".*/\1/p')
if [[ $auto != cuda:* ]]; then
	echo "no GPU here, so nothing was checked:"
	fm-info --devices | sed 's/^/  /'
	exit 0
fi

results=${2:-$folder/gpu-results}
mkdir -p "$results" && work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
summary=$results/summary.txt
: > "$summary"
end=$((SECONDS + ${SECONDS_MOST:-570}))
passed=0 failed=0 skipped=0 is_real=

say() {
	printf '%s\n' "$*" | tee -a "$summary"
}

# check NAME SECONDS COMMAND…: it must succeed in time; its output stays in RESULTS/NAME.txt.
check() {
	local name=$1 most=$2 left=$((end - SECONDS)) status
	shift 2
	if [ $left -lt 5 ]; then
		skip "$name" "no time was left"
		return
	fi
	timeout --kill-after=5 $((left < most ? left : most)) "$@" > "$results/$name.txt" 2>&1 < /dev/null
	status=$?
	if [ $status = 0 ] && grep -q '^ok .*# SKIP' "$results/$name.txt"; then
		skip "$name" "$(sed -n 's/^ok .*# SKIP //p' "$results/$name.txt" | head -n 1)"
	elif [ $status = 0 ]; then
		passed=$((passed + 1))
		say "ok      $name"
	else
		failed=$((failed + 1))
		say "FAILED  $name (exit $status): $(tail -n 1 "$results/$name.txt")"
	fi
}

skip() {
	skipped=$((skipped + 1))
	say "skipped $1: $2"
}

# seconds COMMAND…: wall time of a whole process; -1 if it fails
seconds() {
	local started=$EPOCHREALTIME
	timeout --kill-after=5 $((end > SECONDS + 5 ? end - SECONDS : 5)) "$@" > /dev/null 2> "$work/err" < /dev/null || {
		echo -1
		return
	}
	awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}

# Pictures that need no network: 28 x 28, ten classes, like Fashion-MNIST in everything but meaning.
random_pictures() {
	mkdir "$work/random"
	for part in train:60000:'\000\000\352\140' t10k:10000:'\000\000\047\020'; do
		IFS=: read -r name count bytes <<< "$part"
		{ printf '\000\000\010\003'"$bytes"'\000\000\000\034\000\000\000\034'; head -c $((count * 784)) /dev/urandom; } \
			> "$work/random/$name-images-idx3-ubyte"
		{ printf '\000\000\010\001'"$bytes"; tr -dc '\000-\011' < /dev/urandom | head -c "$count"; } \
			> "$work/random/$name-labels-idx1-ubyte"
	done
	fm-fetch "$work/random"
}

prepare_data() {
	if [ -n "${DATA:-}" ]; then
		cp "$DATA" "$work/train.fms"
		say "data: $DATA"
	elif fm-fetch fashion-mnist > "$work/train.fms" 2> "$work/err"; then
		is_real=yes
		say "data: Fashion-MNIST"
	else
		random_pictures > "$work/train.fms" || return 1
		say "data: random pictures, because $(tail -n 1 "$work/err")"
	fi
	# the stream's, which stand before its classes'
	samples=$(fm-info --json "$work/train.fms" | grep -o '"samples":[0-9]*' | head -n 1 | cut -d : -f 2)
	fm-fetch "$work/train.fms" --range "0:$((samples < 320 ? samples : 320))" > "$work/small.fms"
}

# shapes that nobody tuned; and with such as have kernels of their own
small_net='conv 5 3x3 same, bn, relu, maxpool 2, conv 7 3x3 same, bn, relu, flatten, dense 9, relu, dropout 0.3, dense classes'
mixed_net="conv 32 4x4 same, bn, relu, conv 64 3x3 same, bn, relu, maxpool 2, conv 96 3x3 same, bn, relu, $small_net"

# --- what the checks run

train_small() {
	fm-train --quiet --device "$1" --precision fp32 --arch "$small_net" --epochs 2 --batch 32 -o "$2" "$work/small.fms"
}

# Interrupted after an epoch and gone on with: the same bytes as never interrupted.
resumes_exactly() {
	local common=(--quiet --device cuda --arch "$mixed_net" --batch 32)
	fm-train "${common[@]}" --epochs 3 --checkpoint "$work/whole.ckpt" -o "$work/whole.safetensors" "$work/small.fms" &&
		{
			fm-train "${common[@]}" --epochs 3 --checkpoint "$work/cut.ckpt" -o "$work/cut.safetensors" "$work/small.fms" &
			local run=$!
			until [ -e "$work/cut.ckpt" ] || ! kill -0 $run 2> /dev/null; do sleep 0.02; done
			kill -INT $run 2> /dev/null
			wait $run
			[ $? = 75 ] || echo "it was finished before it could be interrupted"
		} &&
		fm-train "${common[@]}" --epochs 3 --checkpoint "$work/cut.ckpt" --resume -o "$work/cut.safetensors" "$work/small.fms" &&
		cmp "$work/whole.safetensors" "$work/cut.safetensors"
}

# Twice the same bits.
repeats_exactly() {
	train_small cuda "$work/a.safetensors" && train_small cuda "$work/b.safetensors" && cmp "$work/a.safetensors" "$work/b.safetensors"
}

# Probabilities of one model on both, in fp32, to 1e-3.
agrees_with_cpu() {
	train_small cpu "$work/cpu.safetensors" || return 1
	for device in cpu cuda; do
		fm-predict --device $device --precision fp32 --format tsv --top 99 -m "$work/cpu.safetensors" "$work/train.fms" |
			tail -n +2 | head -n 20000 | cut -f 4- > "$work/$device.tsv" || return 1
	done
	# the columns after predicted: prob, then class and prob by turns, the most likely first; an order may differ on ties
	paste "$work/cpu.tsv" "$work/cuda.tsv" | awk -F '\t' '
		{
			half = NF / 2
			delete p
			for (i = 3; i < half; i += 2) p[$i] = $(i + 1)
			for (i = half + 3; i < NF; i += 2) {
				d = p[$i] - $(i + 1)
				if (d < 0) d = -d
				if (!(d <= most)) most = d
			}
		}
		END { printf "largest difference %.3g over %d pictures\n", most, NR; exit !(NR && most <= 1e-3) }'
}

# The same model of a lazy stream, whose transforms the card applies, by what it predicts.
lazy_is_plain() {
	local form option=()
	for form in plain lazy; do
		[ $form = plain ] || option=(--lazy)
		fm-augment "${option[@]}" --preset seed --epochs 2 "$work/small.fms" |
			fm-train --quiet --device cuda --arch "$small_net" --batch 32 -o "$work/form.safetensors" || return 1
		fm-predict --device cuda --format tsv --top 9 -m "$work/form.safetensors" "$work/small.fms" > "$work/$form.tsv" || return 1
	done
	cmp "$work/plain.tsv" "$work/lazy.tsv"
}

export -f train_small resumes_exactly repeats_exactly agrees_with_cpu lazy_is_plain
export work small_net mixed_net

sanitize() {
	local tool=$1
	local words=(compute-sanitizer --tool "$tool")
	if ! command -v compute-sanitizer > /dev/null; then
		skip "$tool" "compute-sanitizer is not here"
		return
	fi
	# Debian's doesn't find what it injects by itself
	[ ! -d /usr/lib/nvidia-cuda-toolkit/compute-sanitizer ] ||
		words+=(--injection-path /usr/lib/nvidia-cuda-toolkit/compute-sanitizer)
	check "$tool" 90 "${words[@]}" --target-processes all --error-exitcode 9 \
		fm-train --quiet --device cuda --arch "$mixed_net" --steps 4 --epochs 1 --batch 32 -o "$work/sanitized.safetensors" "$work/small.fms"
}

# --- what is timed

# fastest_epoch WHAT COMMAND…: of those that fm-train logs
fastest_epoch() {
	local what=$1
	shift
	[ $((end - SECONDS)) -gt 20 ] || { skip "epoch, $what" "no time was left"; return; }
	rm -f "$work/log"
	if [ "$(seconds "$@")" = -1 ]; then
		skip "epoch, $what" "$(tail -n 1 "$work/err")"
		return
	fi
	cat "$work/log" >> "$results/epochs.jsonl"
	sed -n 's/.*"seconds":\([0-9.e+-]*\).*/\1/p' "$work/log" | sort -g | head -n 1 |
		awk -v n="$samples" -v what="$what" '{ printf "epoch    %-18s %9.1f ms  %12.0f images/s\n", what, $1 * 1000, n / $1 }' |
		tee -a "$summary"
}

train_timed() {
	fm-train --quiet --device cuda --log "$work/log" -o "$work/timed.safetensors" "$@"
}

# epoch BATCH PRECISION [OPTION…]
epoch() {
	fastest_epoch "batch $1, $2${3:+, $4}" bash -c 'train_timed "$@"' - --batch "$1" --precision "$2" --epochs 4 "${@:3}" "$work/train.fms"
}

# augmented FORM OPTION…: behind fm-augment, which sends pixels, or rows and transforms
augmented() {
	fastest_epoch "512, augmented $1" bash -c 'set -o pipefail
		fm-augment "$@" --preset seed --epochs 4 "$work/train.fms" | train_timed --batch 512' - "${@:2}"
}

export -f train_timed

# median_seconds COMMAND…: of three runs; -1 if one fails
median_seconds() {
	local run times=
	for run in 1 2 3; do
		times+=$(seconds "$@")$'\n'
	done
	[[ $times != *-1* ]] || { echo -1; return; }
	printf %s "$times" | sort -g | sed -n 2p
}

# Ten times the pictures, so that what they take is more than what starting does, which is subtracted.
predict() {
	local whole start precision command
	fm-train --quiet --device cuda --epochs 1 --steps 20 -o "$work/seed.safetensors" "$work/train.fms"
	fm-fetch "$work/train.fms" --range 0:1 > "$work/one.fms"
	fm-augment --epochs 10 "$work/train.fms" > "$work/ten.fms"
	for precision in fp32 bf16 fp16; do
		command=(fm-predict --device cuda --precision "$precision" --format stream -m "$work/seed.safetensors")
		start=$(median_seconds "${command[@]}" "$work/one.fms")
		whole=$(median_seconds "${command[@]}" "$work/ten.fms")
		if [ "$start" = -1 ] || [ "$whole" = -1 ]; then
			skip "predict, $precision" "$(tail -n 1 "$work/err")"
			continue
		fi
		awk -v n="$((10 * samples))" -v s="$start" -v w="$whole" -v p=$precision 'BEGIN {
			printf "predict  %-18s %9.3f s, of which start %.3f s: ", p, w, s
			if (w > s) printf "%12.0f images/s\n", n / (w - s)
			else print "too few pictures to tell" }' | tee -a "$summary"
	done
	rm "$work/ten.fms"
}

cold() {
	say "cold     one epoch, batch 512: $(seconds fm-train --quiet --device cuda --batch 512 --epochs 1 -o "$work/cold.safetensors" "$work/train.fms") s from start to model"
}

# recipe_fast SEED: from the first picture to the scores; when the model is there is noted on the way.
recipe_fast() {
	set -o pipefail
	fm-fetch fashion-mnist | fm-augment --preset fast --lazy --epochs 3 --seed "$1" |
		fm-train --quiet --recipe fast --device cuda --seed "$1" -o "$work/fast.safetensors" &&
		echo "$EPOCHREALTIME" > "$work/trained" &&
		fm-fetch fashion-mnist --split test | fm-predict --device cuda -m "$work/fast.safetensors" |
		fm-metrics --json > "$work/fast.json"
}

export -f recipe_fast

# recipe SEEDS: the recipe fast, all programs together and training alone, and what it reached.
recipe() {
	[ -n "$is_real" ] || { skip "recipe fast" "it wants Fashion-MNIST"; return; }
	local seed started took trained scores=$results/fast.txt
	: > "$scores"
	for seed in $(seq "$1"); do
		started=$EPOCHREALTIME
		took=$(seconds bash -c 'recipe_fast "$@"' - "$seed")
		[ "$took" != -1 ] || { skip "recipe fast" "$(tail -n 1 "$work/err")"; return; }
		trained=$(awk -v a="$started" 'END { printf "%.3f", $1 - a }' "$work/trained")
		echo "$seed $took $trained $(sed -n 's/^.*{"schema"[^{]*"accuracy":\([0-9.]*\).*/\1/p' "$work/fast.json")" >> "$scores"
	done
	awk '{ took += $2; trained += $3; right += $4 } END {
		printf "recipe   fast: %.2f s, of which %.2f s to the model, %.2f %%, means of %d seeds\n",
			took / NR, trained / NR, 100 * right / NR, NR }' "$scores" | tee -a "$summary"
}

# the peer: PyTorch with CUDA, where some Python here has it
peer() {
	local python=${PYTHON:-python3}
	if ! "$python" -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
		skip peer "$python has no PyTorch with CUDA"
	elif [ $((end - SECONDS)) -lt 60 ]; then
		skip peer "no time was left"
	else
		check peer $((end - SECONDS)) "$python" "$here/gpu_torch.py" 512 128
		grep '^peer' "$results/peer.txt" | tee -a "$summary"
	fi
}

# --- the run

say "$(date -u +%Y-%m-%dT%H:%M:%SZ) $(fm-info --version)"
fm-info --devices | tee "$results/devices.txt" >> "$summary"
fm-info --devices --json > "$results/devices.json"
! command -v nvidia-smi > /dev/null || nvidia-smi -q > "$results/nvidia-smi.txt" 2>&1
prepare_data || { say "FAILED  no data could be made"; exit 1; }

for program in "$folder"/tests/gpu/* "$folder"/libexec/fm-tools/gpu-test-*; do
	# a test program prints TAP, and fails by its status too
	[ ! -f "$program" ] || [ ! -x "$program" ] || case $program in *.*) ;; *) check "test-$(basename "$program")" 120 "$program" ;; esac
done
check repeats 60 bash -c repeats_exactly
check resumes 60 bash -c resumes_exactly
check agrees-with-cpu 90 bash -c agrees_with_cpu
check lazy-is-plain 60 bash -c lazy_is_plain
for batch in 512 128; do
	for precision in fp32 tf32 bf16 fp16; do
		epoch $batch $precision
	done
done
augmented plain
augmented lazy --lazy
cold
predict
recipe "${RECIPE_SEEDS:-3}"
for net in ${NETS-small large}; do
	epoch 128 bf16 --arch "$net"
done
peer
for tool in ${SANITIZERS-memcheck racecheck initcheck}; do
	sanitize "$tool"
done
say "$passed passed, $failed failed, $skipped skipped ($SECONDS s); everything is in $results"
[ $failed = 0 ]
