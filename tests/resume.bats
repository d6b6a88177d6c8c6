# fm-train --resume: a model that was interrupted on its way equals, byte for byte, one that was not.

load helper
load train

# everything that a checkpoint has to bring back
RICH=(--optimizer adamw --weight-decay 0.01 --schedule onecycle --ema 0.9 --label-smoothing 0.1 --class-weights balanced
	--monitor val_accuracy --patience 50 --views flip --temperature fit --mixup 0.4 --cutmix 0.3 --freeze '0.3,0.6')

setup_file() {
	need_python numpy xxhash
}

@test "a repeated stream, sent again from its start" {
	make_stream in.fms --holdout 30 --epochs 8 --rows 7 --names
	train "${RICH[@]}" --log log -o whole.safetensors in.fms
	size=$(stat -c %s in.fms)
	for share in 1 3 5 7; do
		rm -f c part.safetensors part
		run -75 interrupt $((size * share / 8)) in.fms "${RICH[@]}" --checkpoint c --log part -o part.safetensors
		assert_output --partial "interrupted after step"
		[ ! -e part.safetensors ]
		train "${RICH[@]}" --checkpoint c --resume --log part -o part.safetensors in.fms
		cmp whole.safetensors part.safetensors
		diff <(without_times log) <(without_times part)
	done
}

@test "a repeated stream, sent from the open epoch" {
	make_stream in.fms --holdout 30 --epochs 8 --rows 7 --names --unlabelled 9
	train "${RICH[@]}" --skip-unlabelled -o whole.safetensors in.fms
	size=$(stat -c %s in.fms)
	for share in 3 5 6 7; do
		rm -f c part.safetensors
		run -75 interrupt $((size * share / 8)) in.fms "${RICH[@]}" --skip-unlabelled --checkpoint c -o part.safetensors
		epoch=$(state c epoch)
		make_stream late.fms --holdout 30 --epochs 8 --rows 50 --names --unlabelled 9 --start-epoch "$epoch"
		train "${RICH[@]}" --skip-unlabelled --checkpoint c --resume -o part.safetensors late.fms
		cmp whole.safetensors part.safetensors || fail "epoch $epoch, step $(state c epoch_step)"
	done
}

# dropout and mixing go by ids, which have to be the same wherever the stream begins
@test "a repeated stream without ids, sent from its start and from the open epoch" {
	for parts in "--holdout 0" "--holdout 30"; do
		# shellcheck disable=SC2086 # two words
		make_stream in.fms --ids none $parts --epochs 8 --rows 7
		train --mixup 0.4 -o whole.safetensors in.fms
		size=$(stat -c %s in.fms)
		steps=""
		for share in 6 7 8 13; do
			rm -f c part.safetensors
			run -75 interrupt $((size * share / 16 + 600)) in.fms --mixup 0.4 --checkpoint c -o part.safetensors
			epoch=$(state c epoch) step=$(state c epoch_step)
			steps+=" $step"
			cp c again
			train --mixup 0.4 --checkpoint again --resume -o part.safetensors in.fms
			cmp whole.safetensors part.safetensors
			# shellcheck disable=SC2086
			make_stream late.fms --ids none $parts --epochs 8 --rows 50 --start-epoch "$epoch"
			train --mixup 0.4 --checkpoint c --resume -o part.safetensors late.fms
			cmp whole.safetensors part.safetensors || fail "epoch $epoch, step $step"
		done
		[ "$parts" != "--holdout 0" ] || [ "$steps" = " 0 3 0 3" ]
		# one that has them is another, whatever they are
		# shellcheck disable=SC2086
		make_stream late.fms $parts --epochs 8 --start-epoch "$epoch"
		run -3 train --mixup 0.4 --checkpoint c --resume -o m.safetensors late.fms
		assert_output --partial "its first record differs"
	done
}

@test "a plain stream, interrupted at any moment" {
	make_stream in.fms --holdout 30 --samples 400
	# big enough to take a while
	slow=(fm-train --arch "conv 24 5x5 same, bn, relu, conv 24 5x5 same, bn, relu, flatten, dropout 0.3, dense classes"
		--batch 16 --epochs 6 "${RICH[@]}" in.fms)
	"${slow[@]}" --log log -o whole.safetensors
	"${slow[@]}" --checkpoint c --log part -o part.safetensors &
	pid=$!
	wait_for test -s part
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 75 ]
	steps=$(state c step)
	for _ in 1 2 3; do
		"${slow[@]}" --checkpoint c --resume --log part -o part.safetensors &
		pid=$!
		wait_for heeds TERM $pid
		sleep 0.2
		kill -TERM $pid 2> /dev/null || true
		status=0
		wait $pid || status=$?
		[ "$status" = 0 ] || [ "$status" = 75 ]
		[ "$(state c step)" -ge "$steps" ]
		steps=$(state c step)
	done
	"${slow[@]}" --checkpoint c --resume --log part -o part.safetensors
	cmp whole.safetensors part.safetensors
	diff <(without_times log) <(without_times part)
}

@test "every optimiser" {
	make_stream in.fms --epochs 4 --rows 9
	size=$(stat -c %s in.fms)
	for optimizer in sgd adam adamw; do
		rm -f c
		train --optimizer $optimizer -o whole.safetensors in.fms
		run -75 interrupt $((size / 2)) in.fms --optimizer $optimizer --checkpoint c -o part.safetensors
		train --optimizer $optimizer --checkpoint c --resume -o part.safetensors in.fms
		cmp whole.safetensors part.safetensors
	done
}

@test "early stopping is taken up where it was" {
	make_stream in.fms --holdout 30 --epochs 40 --rows 20
	quick=(--arch "flatten, dense classes" --lr 0.5 --patience 3)
	train "${quick[@]}" --log log -o whole.safetensors in.fms
	[ "$(wc -l < log)" -lt 40 ]
	run -75 interrupt $(($(stat -c %s in.fms) * $(wc -l < log) / 40 - 12000)) in.fms "${quick[@]}" --checkpoint c -o part.safetensors
	train "${quick[@]}" --checkpoint c --resume -o part.safetensors in.fms
	cmp whole.safetensors part.safetensors
}

@test "interrupted while only the end of the stream is missing" {
	make_stream in.fms --holdout 30 --epochs 3 --rows 20
	train --log log -o whole.safetensors in.fms
	run -75 interrupt $(($(stat -c %s in.fms) - 100)) in.fms --checkpoint c --log part -o part.safetensors
	[ "$(state c epoch)" = 3 ]
	[ "$(state c finished)" = False ]
	train --checkpoint c --resume --log part -o part.safetensors in.fms
	cmp whole.safetensors part.safetensors
	diff <(without_times log) <(without_times part)
}

@test "killed while only the end of the stream is missing, the last epoch was saved" {
	make_stream in.fms --holdout 30 --epochs 3 --rows 20
	train --log log -o whole.safetensors in.fms
	SIGNAL=KILL run -137 interrupt $(($(stat -c %s in.fms) - 100)) in.fms --checkpoint c --log part -o part.safetensors
	[ "$(wc -l < part)" = 3 ]
	[ "$(state c epoch)" = 3 ]
	[ "$(state c finished)" = False ]
	train --checkpoint c --resume --log part -o part.safetensors in.fms
	cmp whole.safetensors part.safetensors
	diff <(without_times log) <(without_times part)
}

# saves OPTIONS…: all checkpoints of a run, one after the other: c.0, c.1, …, and how many there are
saves() {
	rm -f saves c.* && mkfifo saves
	cat saves > all &
	exec 7> saves
	train --checkpoint saves -o whole.safetensors "$@"
	exec 7>&-
	wait
	python 'import json, struct
data, count = open("all", "rb").read(), 0
while data:
	length = struct.unpack_from("<Q", data)[0]
	header = json.loads(data[8:8 + length])
	end = 8 + length + max(tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__")
	open("c.%d" % count, "wb").write(data[:end])
	data, count = data[end:], count + 1
print(count)'
}

@test "each epoch is saved at its end, the last one too, and is taken up" {
	make_stream plain.fms --holdout 30
	make_stream in.fms --holdout 30 --epochs 4
	make_stream long.fms --holdout 30 --epochs 40
	quick=(--arch "flatten, dense classes" --lr 0.5 --patience 3)
	# the run, and how many epochs it has; 0: as many as it has patience for
	for run in "3 --epochs 3 plain.fms" "2 --steps 8 plain.fms" "4 in.fms" "3 --epochs 3 in.fms" "2 --steps 8 in.fms" \
		"4 --steps 20 in.fms" "0 long.fms"; do
		read -ra words <<< "$run"
		epochs=${words[0]} words=("${words[@]:1}")
		[ "$epochs" != 0 ] || words=("${quick[@]}" "${words[@]}")
		rm -f log
		count=$(saves --log log "${words[@]}")
		[ "$epochs" = 0 ] && epochs=$(wc -l < log)
		[ "$count" = $((epochs + 1)) ] || fail "$run: $count checkpoints of $epochs epochs"
		for ((i = epochs > 3 ? epochs - 3 : 0; i < epochs; i++)); do
			[ "$(state c.$i epoch)" = $((i + 1)) ]
			[ "$(state c.$i finished)" = False ]
			train --checkpoint c.$i --resume -o part.safetensors "${words[@]}" || fail "$run: after $i"
			cmp whole.safetensors part.safetensors || fail "$run: after $i"
		done
		[ "$(state c.$i finished)" = True ]
	done
}

@test "sent from behind the last epoch, when only the end was missing" {
	for parts in 0 30; do
		make_stream in.fms --holdout $parts
		for form in "" --lazy; do
			send() { fm-augment --preset seed --epochs 3 ${form:+"$form"} "$@" in.fms; }
			send > all.fms
			train -o whole.safetensors all.fms
			rm -f c part.safetensors
			run -75 interrupt $(($(stat -c %s all.fms) - 100)) all.fms --checkpoint c -o part.safetensors
			[ "$(state c epoch)" = 3 ]
			[ "$(state c finished)" = False ]
			send --start-epoch 2 > late.fms
			run -3 train --checkpoint c --resume -o part.safetensors late.fms
			assert_output --partial "or with: fm-augment --start-epoch 3"
			send --start-epoch 3 > late.fms
			# a run that begins with it has missed everything
			run -3 train -o part.safetensors late.fms
			assert_output --partial "begins with epoch 3"
			[ ! -e part.safetensors ]
			train --checkpoint c --resume -o part.safetensors late.fms
			cmp whole.safetensors part.safetensors
			[ "$(state c finished)" = True ]
			rm part.safetensors
			train --checkpoint c --resume -o part.safetensors late.fms
			cmp whole.safetensors part.safetensors
			# too early for it
			run -75 interrupt $(($(stat -c %s all.fms) * 3 / 4)) all.fms --checkpoint c -o m.safetensors
			epoch=$(state c epoch)
			run -3 train --checkpoint c --resume -o m.safetensors late.fms
			assert_output --partial "begins with epoch 3, the checkpoint stopped in epoch $epoch"
			[ ! -e m.safetensors ]
		done
	done
}

@test "a record without samples is in no epoch, wherever the stream begins" {
	make_stream in.fms --epochs 3 --rows 20
	train -o whole.safetensors in.fms
	run -75 interrupt $(($(stat -c %s in.fms) * 2 / 3)) in.fms --checkpoint c -o part.safetensors
	make_stream late.fms --epochs 3 --empty --start-epoch "$(state c epoch)"
	train --checkpoint c --resume -o part.safetensors late.fms
	cmp whole.safetensors part.safetensors
	make_stream empty.fms --epochs 3 --rows 20 --empty
	train -o part.safetensors empty.fms
	same_weights whole.safetensors part.safetensors
	make_stream late.fms --epochs 3 --empty --start-epoch 1
	run -3 train -o m.safetensors late.fms
	assert_output --partial "begins with epoch 1"
	make_stream late.fms --epochs 3 --start-epoch 3
	train --checkpoint c --resume -o part.safetensors late.fms
	cmp whole.safetensors part.safetensors
}

@test "one command line serves first start, next start and a finished run" {
	make_stream in.fms --holdout 30 --epochs 3
	make_stream plain.fms --holdout 30
	for file in in plain; do
		rm -f c model.safetensors
		train --epochs 3 --checkpoint c --resume --log log -o model.safetensors $file.fms
		cp model.safetensors first.safetensors
		rm model.safetensors
		train --epochs 3 --checkpoint c --resume --log log -o model.safetensors $file.fms
		cmp model.safetensors first.safetensors
	done
	[ "$(wc -l < log)" = 6 ]
	# a finished run reads a plain stream to its end all the same
	head -c -1 plain.fms > torn.fms
	rm model.safetensors
	run -3 train --epochs 3 --checkpoint c --resume -o model.safetensors torn.fms
	[ ! -e model.safetensors ]
}

@test "a finished run has enough of a repeated stream" {
	set -o pipefail
	make_stream - --holdout 30 --epochs inf | train --steps 12 --checkpoint c -o a.safetensors
	make_stream - --holdout 30 --epochs inf | train --steps 12 --checkpoint c --resume -o b.safetensors
	cmp a.safetensors b.safetensors
}

@test "a checkpoint is a model that other tools read" {
	make_stream in.fms --holdout 30
	train --epochs 1 --checkpoint c -o m.safetensors in.fms
	fm-info c
}

@test "another input is refused" {
	make_stream in.fms --holdout 30 --epochs 4 --rows 10
	size=$(stat -c %s in.fms)
	run -75 interrupt $((size / 2)) in.fms --checkpoint c -o m.safetensors
	cp c kept
	make_stream other.fms --holdout 30 --epochs 4 --rows 10 --seed 2
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	assert_output --partial "validation data differ"
	make_stream other.fms --epochs 4 --rows 10
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	make_stream other.fms --holdout 30 --epochs 4 --rows 10 --start-epoch 3
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	assert_output --partial "--start-epoch"
	# one pixel
	python 'import stream
data, number = b"", 0
for metadata, t in stream.read(open("in.fms", "rb").read()):
	if metadata.get("fm.epoch") == "0":
		t["image"] = t["image"].copy(); t["image"][0, 0, 0, 0] ^= 1
	data += stream.record({k: v for k, v in metadata.items() if k not in ("fm.xxh3", "fm.content")}, t)
open("other.fms", "wb").write(data)'
	run -3 train --checkpoint c --resume -o m.safetensors other.fms
	assert_output --partial "differs from what the checkpoint was trained on"
	cmp c kept
	[ ! -e m.safetensors ]
	make_stream in.fms --holdout 30
	make_stream other.fms --holdout 30 --seed 2
	train --checkpoint c --epochs 1 -o m.safetensors in.fms
	run -3 train --checkpoint c --resume --epochs 1 -o m.safetensors other.fms
	assert_output --partial "validation data differ"
	make_stream in.fms
	make_stream other.fms --seed 2
	train --checkpoint d --epochs 1 -o m.safetensors in.fms
	run -3 train --checkpoint d --resume --epochs 1 -o m.safetensors other.fms
	assert_output --partial "other.fms differs from what d was trained on"
}

@test "options that disagree are refused and named; outputs and threads may differ" {
	make_stream in.fms --holdout 30
	printf 'a\t2\n' > weights
	train --epochs 2 --class-weights weights --checkpoint c -o m.safetensors in.fms
	for other in "--epochs 3" "--batch 8" "--lr 0.2" "--seed 2" "--optimizer sgd" "--ema 0.5" "--patience 4" "--steps 7" \
		"--monitor loss" "--label-smoothing 0.1" "--schedule cosine" "--freeze 0.5" "--skip-unlabelled"; do
		# shellcheck disable=SC2086 # two words
		run -2 train --epochs 2 --class-weights weights $other --checkpoint c --resume -o m.safetensors in.fms
		name=${other%% *}
		assert_output --partial "$name"
	done
	run -2 train --epochs 2 --class-weights weights --arch "flatten, dense classes" --checkpoint c --resume -o m.safetensors in.fms
	printf 'a\t3\n' > weights
	run -2 train --epochs 2 --class-weights weights --checkpoint c --resume -o m.safetensors in.fms
	assert_output --partial weights
	printf 'a\t2\n' > weights
	train --epochs 2 --class-weights weights --checkpoint c --resume --threads 1 --memory 1M --log log -o n.safetensors in.fms
	cmp m.safetensors n.safetensors
}

@test "a damaged checkpoint is refused" {
	make_stream in.fms --holdout 30 --epochs 3
	train --checkpoint c -o m.safetensors in.fms
	size=$(stat -c %s c)
	for at in 0 5 300 $((size / 2)) $((size - 100)) $((size - 1)); do
		python 'import sys
data = bytearray(open("c", "rb").read())
data[int(sys.argv[1])] ^= 4
open("bad", "wb").write(data)' $at
		run -3 train --checkpoint bad --resume -o n.safetensors in.fms
		assert_output --partial bad
	done
	for at in 0 7 100 $((size / 2)) $((size - 1)); do
		head -c $at c > bad
		run -3 train --checkpoint bad --resume -o n.safetensors in.fms
	done
	run -3 train --checkpoint m.safetensors --resume -o n.safetensors in.fms
	assert_output --partial "not a checkpoint"
	[ ! -e n.safetensors ]
}

@test "the log is cut to what the checkpoint knows" {
	make_stream in.fms --holdout 30 --epochs 6 --rows 7
	echo '{"before":1}' > log
	run -75 interrupt $(($(stat -c %s in.fms) / 2)) in.fms --checkpoint c --log log -o m.safetensors
	known=$(wc -l < log)
	cp log expected
	cp c c.kept
	# as if it had gone on, and lost power before the next checkpoint, or in a line
	train --checkpoint c --resume --log log -o m.safetensors in.fms
	for lines in 0 1 2; do
		head -n $((known + lines)) log > again
		tail -n "+$((known + lines + 1))" log | head -c 50 >> again
		cp c.kept c
		run --separate-stderr train --checkpoint c --resume --log again -o m.safetensors in.fms
		[ "$status" = 0 ] && [ -z "$stderr" ] || fail "$stderr"
		[ "$(wc -l < again)" = 7 ]
		cmp expected <(head -n "$known" again)
		[ "$(column <(tail -n +2 again) epoch | tr '\n' ' ')" = "0 1 2 3 4 5 " ]
	done
}

@test "nothing of a log is cut that is not the run's own" {
	make_stream in.fms --holdout 30 --epochs 6 --rows 7
	run -75 interrupt $(($(stat -c %s in.fms) / 2)) in.fms --checkpoint c.kept --log log.kept -o m.safetensors
	known=$(wc -l < log.kept)
	# another run's lines, another program's, the first of them torn
	head -n 2 log.kept > others
	echo 'by hand' > words
	printf 'a torn line' > torn
	for more in others words torn; do
		cat log.kept $more > log
		cp log before
		cp c.kept c
		run -0 --separate-stderr train --checkpoint c --resume --log log -o m.safetensors in.fms
		[[ $stderr == *"log is not cut"*"not this run's"* ]] || fail "$stderr"
		cmp before <(head -c "$(stat -c %s before)" log)
		[ "$(grep -c '^$' log)" = 0 ]
		[ "$(tail -n $((6 - known)) log | column /dev/stdin epoch | tr '\n' ' ')" = "$(seq -s ' ' "$known" 5) " ]
	done
	# another file, longer than the checkpoint's; and a checkpoint that doesn't know what its log held
	for _ in {1..9}; do cat log.kept; done | sed 's/"epoch":0/"epoch":7/' > other
	cp other before
	cp c.kept c
	run -0 --separate-stderr train --checkpoint c --resume --log other -o m.safetensors in.fms
	[[ $stderr == *"other is not cut"*"not the file"* ]] || fail "$stderr"
	cmp before <(head -c "$(stat -c %s before)" other)
	# the first epoch: another run's lines begin as this one's would
	run -75 interrupt $(($(stat -c %s in.fms) / 7)) in.fms --checkpoint c1 --log log1 -o m.safetensors
	[ "$(state c1 epoch) $(state c1 log_length)" = "0 0" ]
	cp log.kept log1
	run -0 --separate-stderr train --checkpoint c1 --resume --log log1 -o m.safetensors in.fms
	[[ $stderr == *"not this run's"* ]] || fail "$stderr"
	cmp log.kept <(head -n "$known" log1)
}

@test "a signal while a plain stream is still being read saves a checkpoint, too" {
	make_stream in.fms --holdout 30
	train --epochs 2 -o whole.safetensors in.fms
	run -75 interrupt 4000 in.fms --epochs 2 --checkpoint c -o m.safetensors
	[ "$(state c step)" = 0 ]
	train --epochs 2 --checkpoint c --resume -o m.safetensors in.fms
	cmp whole.safetensors m.safetensors
}
