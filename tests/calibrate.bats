# fm-train --temperature and --views, and fm-predict's use of both; the oracle is scipy's minimiser.

load helper
load train

setup_file() {
	need_python numpy scipy xxhash
}

# a net that learns wrong labels by heart, and so is far too sure of other pictures
overfit() {
	make_stream in.fms --samples 400 --holdout 200 --wrong 4
	fm-train --arch "flatten, dense 64, relu, dense classes" --batch 16 --lr 0.01 --epochs 30 --monitor last "$@" \
		-o model.safetensors in.fms
}

# the hold-out part, as a stream of its own
holdout() {
	fm-fetch - --part holdout < in.fms
}

# best VIEWS: of the model's validation data, the temperature that scipy finds; prints it, the loss there and at 1
best() {
	holdout > held.fms
	python 'import numpy, stream, subprocess, sys
from scipy.optimize import minimize_scalar
records = stream.read(open("held.fms", "rb").read())
image = numpy.concatenate([t["image"] for m, t in records[:-1]])
label = numpy.concatenate([t["label"] for m, t in records[:-1]])
classes = ["a", "b", "c"]

def predict(image):
	stream.write("view.fms", {"image": image, "label": label, "id": numpy.arange(len(label))}, classes)
	out = subprocess.run(["fm-predict", "-m", "model.safetensors", "--tta", "none", "--temperature", "1", "view.fms"],
		stdout=subprocess.PIPE, check=True).stdout
	return numpy.concatenate([t["prob"] for m, t in stream.read(out)[:-1]]).astype(float)

views = [image]
if sys.argv[1] == "flip":
	views.append(numpy.ascontiguousarray(image[:, :, ::-1]))
prob = numpy.stack([predict(view) for view in views])

def loss(t):
	q = prob ** (1 / t)
	q /= q.sum(2, keepdims=True)
	return -numpy.log(q.mean(0)[numpy.arange(len(label)), label]).mean()

print(minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}).x, loss(1), end=" ")
print(loss(minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}).x))' "$1"
}

calibration() {
	python 'import json, sys, tensors
metadata = tensors.load(sys.argv[1])[0]
print(metadata.get("fm.calibration"), metadata.get("fm.views"))' "${1:-model.safetensors}"
}

@test "the fitted temperature is the one that scipy finds, view by view" {
	for views in none flip; do
		overfit --temperature fit --views $views
		read -r temperature before after < <(best $views)
		python 'import json, sys, tensors
found = json.loads(tensors.load("model.safetensors")[0]["fm.calibration"])
temperature, before, after = map(float, sys.argv[1:])
assert temperature > 1.2, temperature
assert abs(found["temperature"] - temperature) < 2e-4 * temperature, (found, temperature)
assert abs(found["uncalibrated"]["log_loss"] - before) < 1e-5 and abs(found["calibrated"]["log_loss"] - after) < 1e-5
assert after < before - 0.01' "$temperature" "$before" "$after"
	done
}

@test "what the model says of its calibration is what fm-metrics finds" {
	overfit --temperature fit --views flip
	holdout | fm-predict -m model.safetensors | fm-metrics --json > with.json
	holdout | fm-predict -m model.safetensors --temperature 1 | fm-metrics --json > without.json
	python 'import json, tensors
found = json.loads(tensors.load("model.safetensors")[0]["fm.calibration"])
for key, name in (("calibrated", "with.json"), ("uncalibrated", "without.json")):
	metrics = json.load(open(name))
	for score in ("log_loss", "ece"):
		assert abs(found[key][score] - metrics[score]) < 1e-6, (key, score, found, metrics[score])
assert json.load(open("with.json"))["accuracy"] != 0'
	run ! cmp -s with.json without.json
}

@test "a temperature can be stated, and needs no validation data" {
	make_stream in.fms
	train --epochs 1 --temperature 2.5 -o model.safetensors in.fms
	run -0 calibration
	assert_output '{"temperature":2.5} None'
	fm-predict -m model.safetensors in.fms > warm.fms
	fm-predict -m model.safetensors --temperature 1 in.fms > plain.fms
	python 'import numpy, stream
warm, plain = (numpy.concatenate([t["prob"] for m, t in stream.read(open(name, "rb").read())[:-1]]).astype(float)
	for name in ("warm.fms", "plain.fms"))
expected = plain ** (1 / 2.5)
expected /= expected.sum(1, keepdims=True)
assert abs(warm - expected).max() < 1e-6 and abs(warm - plain).max() > 0.01'
}

@test "without these options a model says neither" {
	make_stream in.fms --holdout 30
	train --epochs 1 -o model.safetensors in.fms
	run -0 calibration
	[[ $output == '{"ranges":[['*']]} None' && $output != *temperature* ]]
}

@test "fm-predict takes the model's views, unless told otherwise" {
	make_stream in.fms
	train --epochs 1 --views 'flip shift 1' -o model.safetensors in.fms
	run -0 calibration
	assert_output "None flip shift 1"
	for views in none flip 'flip shift 1'; do
		fm-predict -m model.safetensors --tta "$views" -f jsonl in.fms > "$views.jsonl"
	done
	fm-predict -m model.safetensors -f jsonl in.fms > default.jsonl
	cmp default.jsonl 'flip shift 1.jsonl'
	run ! cmp -s default.jsonl none.jsonl
	run ! cmp -s default.jsonl flip.jsonl
}

@test "the same bytes for any number of threads, and from a finished checkpoint" {
	overfit --temperature fit --views flip --threads 1 --checkpoint c
	cp model.safetensors one.safetensors
	overfit --temperature fit --views flip --threads 3
	cmp one.safetensors model.safetensors
	overfit --temperature fit --views flip --checkpoint c --resume
	cmp one.safetensors model.safetensors
}

@test "what can't be is refused" {
	make_stream in.fms
	run -2 train -o m.safetensors --temperature fit in.fms
	assert_output --partial "--temperature fit needs validation data"
	for bad in 0 -1 nan inf 0x2 1e9 2x "" fits; do
		run -2 train -o m.safetensors --temperature "$bad" in.fms
		assert_output --partial "fit, or a number from 0.05 to 20"
	done
	make_stream in.fms --holdout 30
	run -2 train -o m.safetensors --monitor last --patience 3 in.fms
	assert_output --partial "leave one out"
	run -2 fm-predict -m m.safetensors --temperature fit in.fms
	assert_output --partial "a number from 0.05 to 20"
	[ ! -e m.safetensors ]
}
