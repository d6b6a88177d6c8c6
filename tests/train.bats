# fm-train: what it learns, from what, and when it refuses.

load helper
load train

setup_file() {
	need_python numpy xxhash
}

# --- learning

@test "a plain stream with a hold-out part trains, validates and keeps the best epoch" {
	make_stream in.fms --holdout 30
	train --epochs 12 --log log -o model.safetensors < in.fms
	python 'import json, sys, tensors
lines = [json.loads(line) for line in open("log")]
scores = json.loads(tensors.load("model.safetensors")[0]["fm.scores"])
assert [line["epoch"] for line in lines] == list(range(12))
assert [line["step"] for line in lines] == [6 * (e + 1) for e in range(12)]
assert [line["samples"] for line in lines] == [90 * (e + 1) for e in range(12)]
best = min(lines, key=lambda line: line["val_loss"])
assert scores["epoch"] == best["epoch"] and scores["accuracy"] == best["val_accuracy"], scores
assert abs(scores["log_loss"] - best["val_loss"]) < 1e-6 and scores["samples"] == 30
assert "curves" not in scores and "confused_pairs" not in scores
assert best["val_accuracy"] > 0.9, best
assert list(lines[0]) == ["schema", "epoch", "step", "samples", "loss", "accuracy", "val_loss", "val_accuracy",
	"val_f1_macro", "val_balanced_accuracy", "learning_rate", "seconds", "images_per_second", "device"]'
}

@test "the scores name the validation data by their content" {
	make_stream in.fms --holdout 30 --names
	train --epochs 1 -o model.safetensors < in.fms
	# a stream of the hold-out part alone has that content
	python 'import json, stream, subprocess, tensors, xxhash
records = stream.read(open("in.fms", "rb").read())
held = [t for m, t in records if m.get("fm.part") == "holdout"]
lines = ""
for name in sorted(held[0]):
	data = b"".join(t[name].tobytes() for t in held)
	dtype, shape = {"id": ("I64", ""), "image": ("U8", "8,8,1"), "label": ("I32", ""), "name": ("U8", "*")}[name]
	if name == "name":
		data = b"".join(bytes(row).split(b"\0")[0] + b"\0" for t in held for row in t[name])
	lines += "%s %s %s %016x\n" % (name, dtype, shape, xxhash.xxh3_64_intdigest(data))
scores = json.loads(tensors.load("model.safetensors")[0]["fm.scores"])
assert scores["content"] == "%016x" % xxhash.xxh3_64_intdigest(lines.encode())'
}

@test "the same command gives the same bytes, whatever the threads and the records" {
	make_stream a.fms --holdout 30 --rows 100
	make_stream b.fms --holdout 30 --rows 7
	train --epochs 3 -o a.safetensors --threads 1 < a.fms
	train --epochs 3 -o b.safetensors --threads 3 < b.fms
	cmp a.safetensors b.safetensors
	make_stream c.fms --holdout 30 --epochs 3 --rows 100
	make_stream d.fms --holdout 30 --epochs 3 --rows 11
	train -o c.safetensors --threads 2 < c.fms
	train -o d.safetensors --threads 1 --memory 1 d.fms
	cmp c.safetensors d.safetensors
	train -o e.safetensors --seed 2 < d.fms
	run ! same_weights d.safetensors e.safetensors
}

@test "samples without ids are known by their position" {
	make_stream in.fms --ids none --holdout 30
	train --epochs 2 -o model.safetensors < in.fms
	make_stream in.fms --ids none --holdout 30 --epochs 2
	train -o model.safetensors < in.fms
}

@test "what does not fit in memory is spooled, and trains the same" {
	make_stream in.fms --holdout 30 --samples 2000
	train --epochs 1 -o a.safetensors < in.fms
	train --epochs 1 -o b.safetensors --memory 4K < in.fms
	cmp a.safetensors b.safetensors
}

# --- epochs, steps, batches

@test "an epoch is ceil(n / batch) steps, one fewer when a last batch of one joins the one before" {
	local n batch steps
	for case in "32 16 2" "33 16 2" "34 16 3" "15 16 1" "17 16 1" "3 2 1" "2 2 1" "5 4 1" "6 4 2"; do
		read -r n batch steps <<< "$case"
		make_stream in.fms --samples "$n"
		fm-train --arch "$NET" --batch "$batch" --epochs 2 --log log -o model.safetensors < in.fms
		[ "$(column log step | tail -n 1)" = $((2 * steps)) ] || fail "$case: $(cat log)"
		make_stream in.fms --samples "$n" --epochs 2 --rows 5
		fm-train --arch "$NET" --batch "$batch" --log log2 -o model.safetensors < in.fms
		[ "$(column log2 step | tail -n 1)" = $((2 * steps)) ] || fail "$case, repeated: $(cat log2)"
		rm log log2
	done
	make_stream in.fms --samples 3
	fm-train --arch "flatten, dense classes" --batch 1 --epochs 1 --log log -o model.safetensors < in.fms
	[ "$(column log step)" = 3 ]
}

@test "--steps cuts the last epoch short, which counts as one" {
	make_stream in.fms --holdout 30
	train --steps 8 --log log -o model.safetensors < in.fms
	[ "$(column log step | tr '\n' ' ')" = "6 8 " ]
	[ "$(column log samples | tr '\n' ' ')" = "90 122 " ]
	[ "$(column log val_loss | grep -vc None)" = 2 ]
	train --steps 100 --epochs 1 --log log1 -o model.safetensors < in.fms
	[ "$(column log1 step)" = 6 ]
}

@test "a repeated stream is taken as it comes, and less of it is enough" {
	set -o pipefail
	make_stream - --epochs 5 --holdout 30 | train --epochs 2 --log log -o model.safetensors
	[ "$(wc -l < log)" = 2 ]
	make_stream - --epochs inf --holdout 30 | train --steps 20 --log log2 -o model.safetensors
	[ "$(column log2 step | tail -n 1)" = 20 ]
}

@test "early stopping on an endless stream is quiet under pipefail" {
	set -o pipefail
	run --separate-stderr bash -o pipefail -c '
		"$PYTHON" "$FM_ROOT/tests/oracles/train.py" - --epochs inf --holdout 30 |
			fm-train --arch "flatten, dense classes" --lr 0.5 --epochs 200 --patience 2 --log log -o model.safetensors'
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	# the last two were no better than the third last
	python 'import json
loss = [json.loads(line)["val_loss"] for line in open("log")]
assert len(loss) < 200 and min(loss) == loss[-3], loss'
}

@test "the weights are those of the best epoch" {
	make_stream in.fms --holdout 30
	fm-train --arch "flatten, dense classes" --lr 0.5 --epochs 30 --patience 3 --log log -o best.safetensors < in.fms
	best=$(python 'import json, tensors
print(json.loads(tensors.load("best.safetensors")[0]["fm.scores"])["epoch"])')
	fm-train --arch "flatten, dense classes" --lr 0.5 --epochs $((best + 1)) -o cut.safetensors < in.fms
	same_weights best.safetensors cut.safetensors
	[ "$(wc -l < log)" = $((best + 4)) ]
}

@test "--monitor chooses what is best" {
	make_stream in.fms --holdout 30
	for key in last loss accuracy val_accuracy val_f1_macro val_balanced_accuracy; do
		rm -f log
		fm-train --arch "flatten, dense classes" --lr 0.5 --epochs 8 --monitor $key --log log -o model.safetensors < in.fms
		python 'import json, sys, tensors
key = "epoch" if sys.argv[1] == "last" else sys.argv[1]
values = [json.loads(line)[key] for line in open("log")]
best = min(values) if sys.argv[1] == "loss" else max(values)
scores = json.loads(tensors.load("model.safetensors")[0]["fm.scores"])
assert scores["epoch"] == values.index(best), (scores["epoch"], values)' $key
	done
}

@test "the loss of training is the mean over the epoch's samples" {
	# with steps too small to change anything, and nothing that is different in training, it is the validation's
	make_stream in.fms --samples 101
	for more in "" "--class-weights weights"; do
		printf 'a\t2\nb\t2\nc\t2\n' > weights
		rm -f log
		# shellcheck disable=SC2086 # two words or none
		fm-train --arch "flatten, dense classes" --precision fp32 --batch 16 --lr 1e-12 --epochs 2 --val in.fms $more \
			--log log -o m.safetensors in.fms
		python 'import json
for line in map(json.loads, open("log")):
	assert abs(line["loss"] - line["val_loss"]) < 1e-5 and abs(line["accuracy"] - line["val_accuracy"]) < 1e-9, line'
	done
}

@test "rates follow their schedule from step to step" {
	make_stream in.fms --samples 10
	for kind in constant step cosine onecycle; do
		rm -f log
		fm-train --arch "flatten, dense classes" --epochs 20 --lr 0.1 --schedule $kind --log log -o m.safetensors < in.fms
		python 'import json, math, sys
rates = [json.loads(line)["learning_rate"] for line in open("log")]
T, lr, kind = 20, 0.1, sys.argv[1]
def cosine(a, b, p): return b + (a - b) * (1 + math.cos(math.pi * p)) / 2
expected = {
	"constant": lambda t: lr,
	"step": lambda t: lr * (1 if t < 10 else 0.1 if t < 15 else 0.01),
	"cosine": lambda t: lr * (1 + math.cos(math.pi * t / T)) / 2,
	"onecycle": lambda t: cosine(lr / 25, lr, t / 4) if t < 4 else cosine(lr, lr / 250000, (t - 4) / 16),
}[kind]
for t, rate in enumerate(rates):
	assert abs(rate - expected(t)) < 1e-12, (kind, t, rate, expected(t))' $kind
	done
}

@test "--ema averages weights and running statistics, and the model has the averages" {
	make_stream in.fms --samples 32 --epochs 2
	fm-train --arch "$NET" --batch 32 --epochs 1 --ema 0.75 --checkpoint one -o m.safetensors < in.fms
	fm-train --arch "$NET" --batch 32 --ema 0.75 --checkpoint two -o m.safetensors < in.fms
	python 'import numpy as np, tensors
one, two, model = (tensors.load(path)[1] for path in ("one", "two", "m.safetensors"))
param = np.concatenate([two[n].ravel() for n in two if not n.startswith("fm.") and "running" not in n])
bn = np.concatenate([two[n].ravel() for n in two if "running" in n])
for now, key in ((param, "fm.ema"), (bn, "fm.ema.bn")):
	expected = 0.75 * one[key].astype(float) + 0.25 * now
	assert np.abs(two[key] - expected).max() < 1e-6
assert (np.concatenate([model[n].ravel() for n in model if "running" not in n]) == two["fm.ema"]).all()
assert (np.concatenate([model[n].ravel() for n in model if "running" in n]) == two["fm.ema.bn"]).all()'
}

# --- classes, labels, weights

@test "an unlabelled sample is refused, or left out" {
	make_stream in.fms --unlabelled 5 --holdout 30
	run -3 train -o model.safetensors in.fms
	assert_output --partial "in.fms record 0: sample 0 (id 5) has no label"
	[ ! -e model.safetensors ]
	make_stream less.fms --unlabelled 5 --holdout 24 --drop-unlabelled
	train --epochs 2 --skip-unlabelled -o a.safetensors in.fms
	train --epochs 2 -o b.safetensors less.fms
	same_weights a.safetensors b.safetensors
}

@test "unlabelled samples of a repeated stream are left out, and the epochs stay whole" {
	make_stream in.fms --unlabelled 2 --epochs 6 --rows 10
	run -3 train -o model.safetensors in.fms
	train --skip-unlabelled --log log -o model.safetensors in.fms
	[ "$(column log samples | tr '\n' ' ')" = "60 120 180 240 300 360 " ]
	make_stream in.fms --unlabelled 3 --epochs 3 --no-counts
	run -2 train --skip-unlabelled -o none.safetensors in.fms
	assert_output --partial "fm.epoch.labels"
	[ ! -e none.safetensors ]
}

@test "a repeated stream that announces other counts than it has is refused" {
	make_stream in.fms --unlabelled 3 --epochs 3 --rows 10
	for change in "+ 1" "- 1"; do
		python 'import json, stream, sys
data = b""
for metadata, tensors in stream.read(open("in.fms", "rb").read()):
	if "fm.epoch.labels" in metadata:
		counts = json.loads(metadata["fm.epoch.labels"])
		counts["a"] = eval("counts[\"a\"]" + sys.argv[1])
		metadata["fm.epoch.labels"] = json.dumps(counts)
	del metadata["fm.xxh3"]
	data += stream.record(metadata, tensors)
open("wrong.fms", "wb").write(data)' "$change"
		run -3 train --skip-unlabelled -o model.safetensors wrong.fms
		assert_output --partial "announced"
		[ ! -e model.safetensors ]
	done
}

@test "a plain stream is shuffled as fm-augment shuffles it: by seed, epoch and id" {
	make_stream in.fms
	for seed in 1 5; do
		train --epochs 3 --seed $seed -o plain.safetensors in.fms
		fm-augment --epochs 3 --seed $seed < in.fms | train --seed $seed -o repeated.safetensors
		same_weights plain.safetensors repeated.safetensors
	done
	# the seed of fm-augment orders, and another order gives other weights
	fm-augment --epochs 3 --seed 2 < in.fms | train --seed 5 -o repeated.safetensors
	run ! same_weights plain.safetensors repeated.safetensors
}

@test "--class-weights balanced equals a file that says the same" {
	make_stream in.fms --samples 100
	train --epochs 2 --class-weights balanced -o a.safetensors < in.fms
	python 'import collections, numpy, stream
labels = numpy.concatenate([t["label"] for _, t in stream.read(open("in.fms", "rb").read()) if t])
counts = collections.Counter(labels.tolist())
for k, name in enumerate("abc"):
	print("%s\t%.17g" % (name, 100 / (3 * counts[k])))' > weights
	train --epochs 2 --class-weights weights -o b.safetensors < in.fms
	same_weights a.safetensors b.safetensors
	train --epochs 2 -o c.safetensors < in.fms
	run ! same_weights a.safetensors c.safetensors
	make_stream in.fms --samples 100 --epochs 2
	train --class-weights balanced -o a.safetensors < in.fms
	train --class-weights weights -o b.safetensors < in.fms
	same_weights a.safetensors b.safetensors
}

@test "class weights that can't be are refused with their line" {
	make_stream in.fms
	for line in 'a 1' $'d\t1' $'a\t0' $'a\t-1' $'a\tnan' $'a\t' $'a\t1x'; do
		printf 'b\t2\n%s\n' "$line" > weights
		run -3 train --class-weights weights -o model.safetensors in.fms
		assert_output --partial "weights line 2"
	done
	printf 'b\t2\nb\t2\n' > weights
	run -3 train --class-weights weights -o model.safetensors in.fms
	run -4 train --class-weights nowhere -o model.safetensors in.fms
	make_stream in.fms --epochs 2 --no-counts
	run -2 train --class-weights balanced -o model.safetensors in.fms
	assert_output --partial "fm.epoch.labels"
}

@test "--val labels mean names: another order, fewer classes and unlabelled samples are fine" {
	make_stream in.fms --seed 3
	make_stream val.fms --samples 40
	make_stream turned.fms --samples 40 --order c,a,b
	make_stream some.fms --samples 40 --unlabelled 4
	train --epochs 2 --val val.fms --log a -o a.safetensors < in.fms
	train --epochs 2 --val turned.fms --log b -o b.safetensors < in.fms
	train --epochs 2 --val <(cat some.fms) --log c -o c.safetensors < in.fms
	diff <(without_times a) <(without_times b)
	same_weights a.safetensors b.safetensors
	[ "$(column c val_loss | head -n 1)" != "$(column a val_loss | head -n 1)" ]
	make_stream strange.fms --samples 40 --order c,a,b,z
	run -3 train --val strange.fms -o d.safetensors in.fms
	assert_output --partial '"z"'
	[ ! -e d.safetensors ]
}

@test "--val gives what the same samples give as a hold-out part" {
	make_stream both.fms --holdout 30
	python 'import stream
records = [t for _, t in stream.read(open("both.fms", "rb").read()) if t]
import numpy as np
held, fit = records[0], {name: np.concatenate([r[name] for r in records[1:]]) for name in records[0]}
stream.write("val.fms", held, ["a", "b", "c"])
stream.write("fit.fms", fit, ["a", "b", "c"])'
	train --epochs 3 --log a -o a.safetensors both.fms
	train --epochs 3 --val val.fms --log b -o b.safetensors fit.fms
	same_weights a.safetensors b.safetensors
	diff <(without_times a) <(without_times b)
	# ids that are implied are no content, neither of the one nor of the other
	make_stream both.fms --holdout 30 --ids none
	make_stream repeated.fms --holdout 30 --ids none --epochs 1
	train --epochs 1 -o a.safetensors both.fms
	train -o b.safetensors repeated.fms
	python 'import stream
stream.write("val.fms", stream.read(open("both.fms", "rb").read())[0][1], ["a", "b", "c"])'
	run -0 bash -c 'fm-info --json val.fms; fm-info --json repeated.fms'
	python 'import json, sys, tensors
held, whole = (json.loads(line)["content"] for line in sys.argv[1].splitlines())
plain, repeated = (tensors.load(path)[0] for path in ("a.safetensors", "b.safetensors"))
assert json.loads(plain["fm.scores"])["content"] == json.loads(repeated["fm.scores"])["content"] == held
assert json.loads(repeated["fm.history"])[0]["inputs"][0]["content"] == whole' "$output"
}

@test "--freeze leaves the first layers as they are, but not their running statistics" {
	make_stream in.fms --samples 40
	for device in cpu ref; do
		train --device $device --freeze 0 --steps 1 -o early.safetensors in.fms
		train --device $device --freeze 0 --steps 5 -o late.safetensors in.fms
		train --device $device --freeze none --steps 5 -o free.safetensors in.fms
		python 'import tensors
early, late, free = (tensors.load(name + ".safetensors")[1] for name in ("early", "late", "free"))
for name, tensor in early.items():
    stays = name in ("conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias")
    assert (tensor.tobytes() == late[name].tobytes()) == stays, name
    # what batch norm takes away again gets no gradient
    assert name == "conv1.bias" or late[name].tobytes() != free[name].tobytes(), name'
	done
}

# --- refusals

@test "options that can't be are refused before any work" {
	make_stream in.fms
	run -2 train in.fms
	assert_output --partial "-o MODEL"
	run -2 train -o m.safetensors --weight-decay 0.1 in.fms
	assert_output --partial "adamw"
	run -2 train -o m.safetensors --resume in.fms
	assert_output --partial "--checkpoint"
	run -2 train -o m.safetensors --patience 3 in.fms
	assert_output --partial "validation data"
	run -2 train -o m.safetensors --monitor val_accuracy in.fms
	assert_output --partial "validation data"
	run -2 train -o m.safetensors --epochs 0 in.fms
	run -2 train -o m.safetensors --batch 0 in.fms
	run -2 train -o m.safetensors --lr 0 in.fms
	run -2 train -o m.safetensors --schedule linear in.fms
	run -2 train -o m.safetensors --checkpoint m.safetensors in.fms
	run -2 bash -c 'fm-train -o m.safetensors --val - < in.fms'
	[ ! -e m.safetensors ]
}

@test "checkpoint, model and log are three files, however they are named" {
	make_stream in.fms
	together() { run -2 train "$@" --epochs 1 in.fms && assert_output --partial "lead to the same file"; }
	mkdir folder
	ln -s folder link
	ln -s folder/new dangling # leads to a name that is free yet
	# before there is a file
	for names in "m m" "./m m" "folder/../m m" "$PWD/m m" "link/m folder/m" "dangling folder/new" "link/new dangling" \
		"dangling link/../folder//new"; do
		read -r left right <<< "$names"
		together --checkpoint "$left" -o "$right"
		together --checkpoint "$right" --resume -o "$left"
		together --log "$left" -o "$right"
		together --log "$left" --checkpoint "$right" -o other
	done
	[ -z "$(ls folder)" ]
	# and when there is one
	train --epochs 1 --checkpoint m -o other in.fms
	cp m kept
	ln -s m soft
	ln m hard
	for name in ./m soft hard link/../m; do
		together --checkpoint "$name" --resume -o m
		together --checkpoint m --resume -o "$name"
	done
	run -2 bash -c 'fm-train --checkpoint m --resume -o - in.fms >> m'
	assert_output --partial "lead to the same file"
	cmp m kept
	# the same name in another folder, a name that begins like the other, and a device are no harm
	train --epochs 1 --checkpoint folder/m -o m in.fms
	train --epochs 1 --checkpoint m.c -o m in.fms
	train --epochs 1 --checkpoint c --log /dev/null -o /dev/null in.fms
}

@test "nothing that is read is written over" {
	make_stream in.fms
	make_stream val.fms
	echo "$NET" > net
	echo 1 > weights
	ln -s in.fms soft
	ln in.fms hard
	cp in.fms kept.fms
	together() { run -2 fm-train --epochs 1 "$@" && assert_output --partial "would overwrite the $role: give it a file of its own"; }
	for option in --log --checkpoint; do
		role="training data"
		for name in in.fms ./in.fms soft hard; do
			together $option $name -o m --arch "$NET" in.fms
		done
		together $option in.fms -o m --arch "$NET" < in.fms
		together $option in.fms -o m --arch "$NET" soft
		role="validation data"
		together $option val.fms --val val.fms -o m --arch "$NET" in.fms
		role="class weights"
		together $option weights --class-weights weights -o m --arch "$NET" in.fms
		role="network of --arch"
		together $option ./net -o m --arch @net in.fms
	done
	role="training data"
	together -o in.fms --arch "$NET" in.fms
	cmp in.fms kept.fms
	[ ! -e m ]
	# a pipe is no file, and a device keeps nothing
	cat in.fms | train --epochs 1 --log /dev/null -o m
	train --epochs 1 --log /dev/stderr -o m in.fms
	run -3 fm-train --log /dev/null -o m < /dev/null
}

@test "batch norm refuses a batch of one" {
	make_stream in.fms
	run -2 fm-train --arch "$NET" --batch 1 -o m.safetensors in.fms
	assert_output --partial "batch norm"
	make_stream in.fms --samples 1
	run -2 fm-train --arch "$NET" -o m.safetensors in.fms
	make_stream in.fms --samples 1 --epochs 3
	run -2 fm-train --arch "$NET" -o m.safetensors in.fms
	fm-train --arch "flatten, dense classes" -o m.safetensors in.fms
}

@test "shapes that do not fit are refused, naming the layer" {
	make_stream in.fms
	run -2 fm-train --arch "conv 4 3x3, conv 4 9x9, flatten, dense classes" -o m.safetensors in.fms
	assert_output --partial "conv2"
	run -2 fm-train --arch "flatten, dense 7" -o m.safetensors in.fms
	printf 'flatten,\n dense classes\n' > net
	fm-train --arch @net --epochs 1 -o m.safetensors in.fms
	run -4 fm-train --arch @nowhere -o m.safetensors in.fms
	assert_output --partial nowhere
}

@test "validation data come from one place, whole and once" {
	make_stream in.fms --holdout 30
	make_stream val.fms
	make_stream repeated.fms --epochs 2
	make_stream unlabelled.fms --unlabelled 1
	run -2 train --val val.fms -o m.safetensors in.fms
	run -2 train --val repeated.fms -o m.safetensors val.fms
	head -c 3000 val.fms > torn.fms
	run -3 train --val torn.fms -o m.safetensors val.fms
	run -3 train --val unlabelled.fms -o m.safetensors val.fms
	run -4 train --val nowhere -o m.safetensors val.fms
	[ ! -e m.safetensors ]
}

@test "a repeated stream gives at most the epochs it has" {
	make_stream in.fms --epochs 2
	run -2 train --epochs 3 -o m.safetensors in.fms
	assert_output --partial "--epochs 3 is more than the 2"
	make_stream late.fms --epochs 3 --start-epoch 1
	run -3 train -o m.safetensors late.fms
	assert_output --partial "begins with epoch 1"
	run -2 bash -c '"$PYTHON" "$FM_ROOT/tests/oracles/train.py" - --epochs inf | fm-train -o m.safetensors; exit ${PIPESTATUS[1]}'
	assert_output --partial "endless"
	[ ! -e m.safetensors ]
}

@test "a stream without samples is refused" {
	make_stream in.fms --samples 1 --unlabelled 1
	run -3 train --skip-unlabelled -o m.safetensors in.fms
	assert_output --partial "no labelled samples"
}

@test "a torn stream leaves no model, wherever it is cut" {
	make_stream plain.fms --holdout 30 --rows 20
	make_stream repeated.fms --epochs 3 --rows 20
	for file in plain repeated; do
		size=$(stat -c %s $file.fms)
		for at in 100 1000 $((size / 3)) $((size / 2)) $((size - 700)) $((size - 1)); do
			head -c $at $file.fms > cut.fms
			run -3 train --epochs 2 -o m.safetensors --checkpoint c cut.fms
			[ ! -e m.safetensors ] || fail "$file cut at $at: $output"
			[ $file = repeated ] && break
		done
	done
	# all epochs are used, so the end matters
	head -c -1 repeated.fms > cut.fms
	run -3 train -o m.safetensors cut.fms
	[ ! -e m.safetensors ]
	# two are, so it does not
	train --epochs 2 -o m.safetensors cut.fms
}

@test "what can't be trained in is not proposed" {
	make_stream in.fms
	run -2 train --precision int8 -o m.safetensors in.fms
	assert_output --partial "one of auto, fp32, tf32, bf16, fp16, not"
	run -2 train --device cpu --precision fp16 -o m.safetensors in.fms
	assert_output --partial "use auto, fp32 or bf16"
	refute_output --partial int8
	run ! grep -q 'int8' <(fm-train --help)
}

@test "a plain stream that was augmented is warned of" {
	make_stream in.fms
	fm-augment --flip in.fms > once.fms
	run -0 train --epochs 2 -o m.safetensors once.fms
	assert_output --partial "fm-augment --epochs"
	run -0 train --epochs 2 -q -o m.safetensors once.fms
	[ -z "$output" ]
	run -0 train --steps 3 -o m.safetensors once.fms
	assert_output --partial "; fm-augment --epochs inf makes"
	# a transform that has no chance in it is the same in every epoch, and so is none
	for words in "--affine 1,0,1,0,1,0" "--fill wrap"; do
		# shellcheck disable=SC2086 # words on purpose
		fm-augment $words in.fms > same.fms
		run -0 train --epochs 2 -o m.safetensors same.fms
		[ -z "$output" ]
	done
	fm-augment --flip --epochs 2 in.fms > often.fms
	run -0 train -o m.safetensors often.fms
	[ -z "$output" ]
}

@test "a loss that is not finite names the step, leaves no model and keeps the last checkpoint" {
	make_stream in.fms --holdout 30
	run -1 fm-train --arch "flatten, dense 9, dense 9, dense classes" --optimizer sgd --batch 16 --lr 1e6 -o m.safetensors \
		--checkpoint c in.fms
	assert_output --partial "not finite"
	assert_output --partial "step"
	[ ! -e m.safetensors ]
	[ ! -e c ] || fm-info c
}

@test "a loss that is not finite speaks of a checkpoint only where one was written" {
	make_stream in.fms
	diverge() {
		fm-train --arch "flatten, dense 9, dense 9, dense classes" --optimizer sgd --lr 1e6 -o m.safetensors \
			--checkpoint c "$@" in.fms
	}
	run -1 diverge --batch 8
	refute_output --partial checkpoint
	[ ! -e c ]
	run -1 diverge --batch 1000 # an epoch is a step: it is written after the first
	assert_output --partial "the checkpoint stands"
	fm-info c
	run -1 diverge --batch 1000 --resume
	assert_output --partial "the checkpoint stands"
}

# --- outputs

@test "an output that can't be written is known before the input is read" {
	make_stream in.fms
	run -4 train -o nowhere/m.safetensors in.fms
	assert_output --partial "nowhere/m.safetensors"
	run -4 train -o . in.fms
	run -4 train --checkpoint nowhere/c -o m.safetensors in.fms
	run -4 train --epochs 1 -o /dev/full in.fms
	run -4 train --epochs 1 --log /dev/full -o m.safetensors in.fms
	[ "$(ls -A)" = in.fms ] || fail "$(ls -A)"
}

@test "a model goes to a FIFO, and through a link to its target" {
	make_stream in.fms
	mkfifo fifo
	cat fifo > got &
	train --epochs 1 -o fifo in.fms
	wait $!
	train --epochs 1 -o m.safetensors in.fms
	cmp got m.safetensors
	echo old > target && ln -s target link
	train --epochs 1 -o link in.fms
	cmp target m.safetensors && [ -L link ]
}

@test "the log is appended to" {
	make_stream in.fms
	echo '{"old":1}' > log
	train --epochs 2 --log log -o m.safetensors in.fms
	[ "$(wc -l < log)" = 3 ]
	[ "$(head -n 1 log)" = '{"old":1}' ]
	python 'import json
for line in open("log"): json.loads(line)
assert json.loads(line)["val_loss"] is None'
}

@test "the history says what was done, with nothing left to guess" {
	make_stream in.fms --holdout 30
	make_stream fit.fms
	make_stream val.fms
	train --epochs 2 --threads 1 --log log -o m.safetensors in.fms
	python 'import json, tensors
metadata = tensors.load("m.safetensors")[0]
entry, = json.loads(metadata["fm.history"])
assert entry["tool"] == "fm-train" and entry["seed"] == "1" and entry["backend"], entry
options = entry["options"]
assert options["epochs"] == "2" and options["lr"] == "0.01" and options["monitor"] == "val_loss", options
assert options["arch"] == metadata["fm.arch"] and "classes" not in options["arch"]
assert not {"threads", "log", "output", "checkpoint", "resume", "val", "memory", "patience"} & set(options), options
stdin, = entry["inputs"]
assert stdin["name"] == "stdin" and stdin["samples"] == 120 and len(stdin["content"]) == 16
assert not [key for key in metadata if key.startswith("fm.") and key not in
	("fm.model", "fm.arch", "fm.input", "fm.classes", "fm.history", "fm.scores", "fm.calibration")], metadata.keys()'
	train --epochs 1 --val val.fms -o m.safetensors fit.fms
	python 'import json, tensors
entry, = json.loads(tensors.load("m.safetensors")[0]["fm.history"])
assert [i["name"] for i in entry["inputs"]] == ["stdin", "val"], entry["inputs"]'
}

@test "the history covers what training consumed of a repeated stream" {
	make_stream in.fms --epochs 3 --holdout 30 --rows 13 --names
	train -o all.safetensors in.fms
	train --epochs 2 -o some.safetensors in.fms
	run -0 fm-info --json in.fms
	python 'import json, sys, tensors
content = json.loads(sys.argv[1])["content"]
def stdin(path): return json.loads(tensors.load(path)[0]["fm.history"])[0]["inputs"][0]
whole, some = stdin("all.safetensors"), stdin("some.safetensors")
assert whole["content"] == content and whole["samples"] == 300, (whole, content)
assert whole["history"] == [{"tool": "train.py"}] # the end record says so
assert some["samples"] == 210 and some["history"] == [], some' "$output"
}

@test "a terminal sees progress, a log does not" {
	make_stream in.fms --holdout 30
	run -0 on_terminal bash -c "fm-train --arch '$NET' --epochs 3 -o m.safetensors in.fms"
	assert_output --partial "epoch 1/3  loss"
	assert_output --partial "images/s"
	assert_output --partial "left"
	run -0 train --epochs 3 -o m.safetensors in.fms
	[ -z "$output" ]
	run -0 train --epochs 1 -v -o m.safetensors in.fms
	assert_output --partial "fm-train: device"
}

@test "fm-train needs libc, OpenMP, jansson and xxhash alone" {
	run -0 ldd "$FM_BIN/fm-train"
	while read -r library _; do
		[[ $library =~ ^(linux-vdso|/lib64/ld-linux|/lib/ld-linux|lib(c|m|gomp|omp|pthread|jansson|xxhash|asan|ubsan|gcc_s|stdc\+\+|dl|rt)\.so) ]] ||
			fail "$library"
	done <<< "$output"
}

@test "a joined stream validates, and its members are inputs of the history" {
	make_stream in.fms
	make_stream a.fms --samples 20
	make_stream b.fms --samples 20 --seed 2
	train --epochs 1 --val <(cat a.fms b.fms) -o m.safetensors in.fms
	python 'import json, tensors
metadata = tensors.load("m.safetensors")[0]
inputs = json.loads(metadata["fm.history"])[0]["inputs"]
assert [(input["name"], input["samples"]) for input in inputs] == [("stdin", 120), ("val", 20), ("val", 20)], inputs
assert json.loads(metadata["fm.scores"])["samples"] == 40'
}

@test "a hold-out that is marked and empty validates nothing, and the model's script says so" {
	make_stream part.fms --samples 40
	fm-export -o set.npz part.fms
	fm-fetch set.npz --holdout 0.000001% > in.fms
	fm-info --json in.fms | grep -q '"holdout_samples":0'
	train --epochs 2 -o m.safetensors in.fms
	python 'import json, tensors
metadata = tensors.load("m.safetensors")[0]
assert "fm.scores" not in metadata and "monitor" not in json.loads(metadata["fm.history"])[0]["options"], metadata'
	fm-info --script m.safetensors > again.sh
	sh again.sh again.safetensors
	cmp m.safetensors again.safetensors
	# whoever comes back to a finished run gets the same
	for _ in 1 2; do
		train --epochs 2 --checkpoint c --resume -o resumed.safetensors in.fms
		cmp m.safetensors resumed.safetensors
	done
}

@test "the script of a model that a joined stream validated makes the same bytes" {
	make_stream in.fms
	for seed in 1 2 3; do
		make_stream part.fms --samples 20 --seed $seed
		mkdir $seed && fm-export -o $seed/set.npz part.fms
	done
	fm-fetch 1/set.npz > a.fms
	fm-fetch 2/set.npz | fm-augment --flip > b.fms
	fm-fetch 3/set.npz --holdout 5 > in.fms
	fm-fetch - --part fit < in.fms > fit.fms
	train --epochs 2 --val <(cat a.fms b.fms) -o m.safetensors fit.fms
	fm-info --script m.safetensors > again.sh
	sh again.sh again.safetensors
	cmp m.safetensors again.safetensors
	train --epochs 2 --val <(cat a.fms b.fms a.fms) -o m.safetensors <(cat fit.fms b.fms)
	fm-info --script m.safetensors > again.sh
	sh again.sh again.safetensors
	cmp m.safetensors again.safetensors
}
