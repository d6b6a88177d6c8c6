# recipes: fm-train --recipe and the presets of fm-augment that go with them. What is written here is what they mean, for
# good: a released recipe never changes.

load helper
load train

setup_file() {
	need_python numpy xxhash
}

FAST_ARCH='conv 32 4x4 same, bn, relu, maxpool 2, conv 64 3x3 same, bn, relu, maxpool 2, conv 128 3x3 same, bn, relu, flatten, dense 128, bn, relu, dropout 0.1, dense classes, softmax'

# typed RECIPE: its options, as arguments in the array OPTIONS
typed() {
	case $1 in
	seed) OPTIONS=(--arch seed --batch 128 --optimizer adam --lr 0.001 --schedule constant --epochs 20) ;;
	fast) OPTIONS=(--arch "$FAST_ARCH" --batch 64 --optimizer adamw --lr 0.006 --schedule onecycle --weight-decay 0.02
		--freeze '0.5,0.8' --monitor last --views flip --epochs 3) ;;
	best) OPTIONS=(--arch seed --batch 128 --optimizer adamw --lr 0.004 --schedule onecycle --weight-decay 0.02
		--monitor last --views 'flip shift 1' --temperature fit --epochs 400) ;;
	small) OPTIONS=(--arch small --batch 128 --optimizer adamw --lr 0.01 --schedule onecycle --weight-decay 0.02
		--monitor last --views 'flip shift 1' --temperature fit --epochs 300) ;;
	large) OPTIONS=(--arch large --batch 128 --optimizer sgd --lr 0.1 --schedule onecycle --weight-decay 0.0005
		--mixup 0.5 --monitor last --views 'flip shift 1' --temperature fit --epochs 200) ;;
	esac
}

@test "a recipe gives the model that its options give, history and all" {
	make_stream in.fms --samples 20 --holdout 10
	for recipe in seed fast best small large; do
		typed $recipe
		local few=()
		[ $recipe != large ] || few=(--epochs 2)
		fm-train --recipe $recipe "${few[@]}" -o one.safetensors in.fms
		fm-train "${OPTIONS[@]}" "${few[@]}" -o other.safetensors in.fms
		cmp one.safetensors other.safetensors || fail "$recipe"
	done
}

@test "what is given beside a recipe wins" {
	make_stream in.fms --samples 20 --holdout 10
	fm-train --lr 0.5 --recipe fast --views none --epochs 2 -o one.safetensors in.fms
	typed fast
	fm-train "${OPTIONS[@]}" --lr 0.5 --views none --epochs 2 -o other.safetensors in.fms
	cmp one.safetensors other.safetensors
	fm-train --recipe fast --steps 3 --log log -o one.safetensors in.fms
	[ "$(column log step | tail -n 1)" = 3 ]
	make_stream in.fms --samples 20 --holdout 10 --epochs 2
	fm-train --recipe fast --log log2 -o one.safetensors in.fms
	[ "$(wc -l < log2)" = 2 ]
}

@test "with -v a recipe says which options it stands for" {
	make_stream in.fms --samples 20 --holdout 10
	for recipe in seed fast best small large; do
		augment=$recipe
		[[ $recipe != small && $recipe != large ]] || augment=best
		run -0 --separate-stderr fm-train -v --recipe $recipe --steps 2 -o one.safetensors in.fms
		# shellcheck disable=SC2154 # set by run
		words=$(grep "recipe $recipe, for pictures from fm-augment --preset $augment --epochs" <<< "$stderr")
		eval "fm-train ${words#*stands for } --steps 2 -o other.safetensors in.fms"
		cmp one.safetensors other.safetensors || fail "$recipe: $words"
	done
	run -0 --separate-stderr fm-train -v --recipe best --lr 0.1 --steps 2 -o one.safetensors in.fms
	[[ $stderr != *"--lr"* && $stderr == *"--weight-decay 0.02"* ]]
}

@test "the presets that go with recipes are their options" {
	make_stream in.fms --samples 100
	fm-augment --preset fast --epochs 2 in.fms > one.fms
	fm-augment --flip --epochs 2 in.fms > other.fms
	cmp one.fms other.fms
	fm-augment --preset best --epochs 2 in.fms > one.fms
	fm-augment --flip --shift-pixels 2 --erase 0.25 --epochs 2 in.fms > other.fms
	cmp one.fms other.fms
	fm-augment --preset best --erase 0 --shift 0.1 --epochs 2 in.fms > one.fms
	fm-augment --flip --shift 0.1 --epochs 2 in.fms > other.fms
	cmp one.fms other.fms
	fm-augment --preset fast --flip-alternate --epochs 2 in.fms > one.fms
	fm-augment --flip-alternate --epochs 2 in.fms > other.fms
	cmp one.fms other.fms
}

@test "the figures' script runs the recipes, and knows no others" {
	need_fashion_mnist
	run -2 "$FM_ROOT/tests/reproduce.sh" out fastest
	assert_output --partial 'unknown recipe "fastest"'
	# a pipe of small parts in place of the programs: the script is tested, not the training
	mkdir bin
	printf '#!/bin/sh\nexec "%s" "$@" --range 0:400\n' "$FM_BIN/fm-fetch" > bin/fm-fetch
	chmod +x bin/fm-fetch
	PATH=$PWD/bin:$PATH EPOCHS=1 SEEDS="1 2" HOLDOUT=100 run -0 "$FM_ROOT/tests/reproduce.sh" out seed fast
	assert_output --partial "seed: 1 epochs, 100 pictures set aside; fm-augment --preset seed; fm-train --recipe seed"
	assert_output --partial "| log loss at temperature 1 | | "
	assert_output --partial "| Ankle boot | "
	[ "$(grep -c '^| test accuracy | 92.80 % | ' <<< "$output")" = 2 ]
	for file in model.safetensors metrics.json uncalibrated.json report.html; do
		[ -s "out/fast/2/$file" ]
	done
}
