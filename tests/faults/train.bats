# Accidents while fm-train runs: nothing is written as if it were complete, and what was saved can be read.

load ../helper
load ../train

NET="conv 8 5x5 same, bn, relu, maxpool 2, flatten, dropout 0.3, dense classes"

setup_file() {
	need_python numpy xxhash
	need_fashion_mnist
	cd "$BATS_FILE_TMPDIR" || return 1
	fm-fetch fashion-mnist --range 0:600 --holdout 100 > in.fms
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	IN=$BATS_FILE_TMPDIR/in.fms
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

# a random part of a second
a_moment() {
	sleep "0.$(printf '%03d' $((RANDOM % ${1:-500})))"
}

@test "kill -9 at any moment leaves a checkpoint that can be read, or none yet; and the model is the same in the end" {
	run_of=(fm-train --arch "$NET" --batch 32 --epochs 8 --ema 0.9 "$IN")
	"${run_of[@]}" -o whole.safetensors
	finished=0
	for _ in $(seq 12); do
		"${run_of[@]}" --checkpoint c --resume --log log -o part.safetensors &
		pid=$!
		a_moment 700
		kill -KILL $pid 2> /dev/null || finished=$((finished + 1))
		wait $pid 2> /dev/null || true
		[ ! -e c ] || [ "$(state c step)" -gt 0 ]
		[ ! -e part.safetensors ] || cmp whole.safetensors part.safetensors
	done
	"${run_of[@]}" --checkpoint c --resume --log log -o part.safetensors
	cmp whole.safetensors part.safetensors
}

@test "whichever program of a pipe dies, no model is written" {
	for victim in fm-fetch fm-augment fm-train; do
		mkfifo one two
		fm-fetch - < <(cat "$IN"; sleep 20) > one &
		fetch=$!
		fm-augment --preset seed < one > two &
		augment=$!
		fm-train --arch "$NET" --epochs 2 -o m.safetensors < two 2> words &
		train=$!
		a_moment 300
		case $victim in
		fm-fetch) kill -KILL $fetch ;;
		fm-augment) kill -KILL $augment ;;
		fm-train) kill -KILL $train ;;
		esac
		status=0
		wait $train 2> /dev/null || status=$?
		kill $fetch $augment 2> /dev/null || true
		wait 2> /dev/null || true
		[ "$victim" = fm-train ] || [ "$status" = 3 ] || fail "$victim: $status"
		[ ! -e m.safetensors ]
		rm one two
	done
}

@test "whichever program dies while a repeated stream is trained on, no model is written" {
	for victim in augment train; do
		mkfifo two
		fm-augment --preset seed --epochs 100000 "$IN" > two &
		augment=$!
		fm-train --arch "$NET" --log log -o m.safetensors < two 2> words &
		train=$!
		wait_for test -s log
		[ $victim = augment ] && kill -KILL $augment
		[ $victim = train ] && kill -KILL $train
		status=0
		wait $train 2> /dev/null || status=$?
		wait $augment 2> /dev/null || true
		[ "$victim" = train ] || [ "$status" = 3 ] || fail "$victim: $status"
		[ ! -e m.safetensors ]
		rm two log
	done
}

@test "a signal to the whole pipe saves a checkpoint, quietly for all but fm-train, and the run goes on from it" {
	pipe='fm-augment --preset seed --epochs 6 "$1" |
		fm-train --arch "$2" --batch 32 --checkpoint c --resume --log log -o m.safetensors; echo ${PIPESTATUS[@]} > statuses'
	fm-augment --preset seed --epochs 6 "$IN" | fm-train --arch "$NET" --batch 32 -o whole.safetensors
	for signal in INT TERM; do
		rm -f c log m.safetensors statuses
		# a process group of its own, as if in the foreground; the shell itself goes on, to see how its programs end
		env --default-signal=INT,TERM setsid bash -c "trap : INT TERM; $pipe" bash "$IN" "$NET" 2> words &
		group=$!
		wait_for test -s log
		kill -$signal -- "-$group"
		wait_for test -s statuses
		wait
		read -r augment train < statuses
		[ "$train" = 75 ] || [ "$train" = 0 ] || fail "$signal: $augment $train $(cat words)"
		[ "$train" = 0 ] || [ "$(grep -c . words)" = 1 ] || fail "$(cat words)"
		bash -c "$pipe" bash "$IN" "$NET"
		cmp whole.safetensors m.safetensors
	done
}

@test "without a checkpoint a signal kills, and nothing is left behind" {
	fm-train --arch "$NET" --epochs 1000 --log log -o m.safetensors "$IN" &
	pid=$!
	wait_for test -s log
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 143 ]
	[ "$(ls -A)" = log ]
}

# limited KILOBYTES COMMAND…: no file may grow beyond that
limited() {
	local blocks=$1
	shift
	(
		trap '' XFSZ
		ulimit -f "$blocks"
		"$@"
	)
}

@test "a disk that is full for the spool is exit 4" {
	run -4 limited 100 fm-train --arch "$NET" --memory 4K --epochs 1 -o m.safetensors "$IN"
	assert_output --partial "fm-train: "
	[ -z "$(ls -A)" ]
}

@test "a disk that is full for the checkpoint is exit 4, and keeps the one before" {
	cp "$IN" in.fms
	fm-train --arch "flatten, dense 100, dense classes" --epochs 2 --checkpoint c -o m.safetensors in.fms
	rm m.safetensors
	cp c before
	# the model alone would be a third of the checkpoint
	run -4 limited 400 fm-train --arch "flatten, dense 100, dense classes" --epochs 2 --checkpoint c -o m.safetensors in.fms
	assert_output --partial "fm-train: c"
	cmp c before
	[ ! -e m.safetensors ]
	[ "$(echo .[!.]* *)" = ".[!.]* before c in.fms" ] || fail "$(ls -A)"
}

@test "a disk that is full for the model is exit 4, and the old model stands" {
	echo old > m.safetensors
	run -4 limited 100 fm-train --arch "flatten, dense 100, dense classes" --epochs 1 -o m.safetensors "$IN"
	assert_output --partial "m.safetensors"
	[ "$(cat m.safetensors)" = old ]
	[ "$(ls -A)" = m.safetensors ]
}

@test "a disk that is full for the log is exit 4" {
	head -c 1000 /dev/zero > log
	run -4 limited 1 fm-train --arch "$NET" --epochs 1 --log log -o m.safetensors "$IN"
	assert_output --partial "log"
	[ ! -e m.safetensors ]
}
