# fm-train --mixup and --cutmix against numpy: pixels, shares, labels and partners, through the loss of the epoch.

load helper
load train

setup_file() {
	need_python numpy scipy xxhash
}

oracle() {
	"$PYTHON" "$FM_ROOT/tests/oracles/mix.py" "$@"
}

# steps too small to change anything, so that an epoch's loss is that of its mixed batches under the first weights
still() {
	rm -f log
	fm-train --arch "flatten, dense classes" --precision fp32 --lr 1e-12 --log log -o model.safetensors "$@"
}

@test "mixed batches are numpy's" {
	make_stream in.fms --samples 150 --epochs 2
	for case in "0.2 0" "1 0" "0 1" "0 0.5" "0.4 0.3"; do
		read -r mixup cutmix <<< "$case"
		for device in ref cpu; do
			still --batch 32 --seed 5 --mixup "$mixup" --cutmix "$cutmix" --device $device in.fms
			oracle loss in.fms model.safetensors log 32 5 "$mixup" "$cutmix" || fail "$case $device"
		done
	done
}

@test "class weights weigh each label's part" {
	make_stream in.fms --samples 150 --epochs 2
	printf 'a\t1\nb\t5\nc\t0.25\n' > weights
	still --batch 32 --mixup 1 --cutmix 0.3 --class-weights weights in.fms
	oracle loss in.fms model.safetensors log 32 1 1 0.3 1,5,0.25
}

@test "shares are a Beta distribution's" {
	for alpha in 0.1 0.4 1; do
		oracle beta $alpha
	done
}

@test "the same bytes for any threads, records and memory, and another model than without" {
	make_stream a.fms --holdout 30 --epochs 3 --rows 100
	make_stream b.fms --holdout 30 --epochs 3 --rows 7
	train --mixup 0.2 --cutmix 0.3 --threads 1 -o a.safetensors a.fms
	train --mixup 0.2 --cutmix 0.3 --threads 3 --memory 1 -o b.safetensors b.fms
	cmp a.safetensors b.safetensors
	train --mixup 0.2 -o c.safetensors a.fms
	train --cutmix 0.3 -o d.safetensors a.fms
	train -o e.safetensors a.fms
	for one in c d e; do
		run ! same_weights a.safetensors $one.safetensors
	done
	run ! same_weights c.safetensors e.safetensors
	run ! same_weights d.safetensors e.safetensors
	# none of each is none at all
	train --mixup 0 --cutmix 0% -o f.safetensors a.fms
	cmp e.safetensors f.safetensors
}

@test "a plain stream is mixed too, and a batch of one with itself" {
	make_stream in.fms --samples 33
	fm-train --arch "flatten, dense classes" --batch 1 --epochs 1 --mixup 1 -o one.safetensors in.fms
	fm-train --arch "flatten, dense classes" --batch 1 --epochs 1 -o other.safetensors in.fms
	same_weights one.safetensors other.safetensors
	train --epochs 2 --mixup 1 -o one.safetensors in.fms
	train --epochs 2 -o other.safetensors in.fms
	run ! same_weights one.safetensors other.safetensors
}

@test "what can't be is refused" {
	make_stream in.fms
	for bad in "--mixup 1.5" "--mixup -1" "--mixup nan" "--cutmix 101%" "--cutmix -0.1" "--cutmix x"; do
		# shellcheck disable=SC2086 # two words
		run -2 train -o m.safetensors $bad in.fms
	done
	[ ! -e m.safetensors ]
}
