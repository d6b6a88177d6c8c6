#!/usr/bin/env bats
# fm-metrics: every number against scikit-learn, the report, the gate, and what it refuses.

load helper

oracle() {
	need_python numpy scipy sklearn xxhash
	"$PYTHON" "$FM_ROOT/tests/oracles/$1.py" "${@:2}"
}

# predictions FILE LABELS PREDICTED [CLASSES]: a sample for each word; its class gets 0.7, the others share the rest
predictions() {
	need_python numpy xxhash
	"$PYTHON" - "$@" <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		labels, predicted = sys.argv[2].split(), sys.argv[3].split()
		classes = sys.argv[4].split("|") if len(sys.argv) > 4 else ["a", "b", "c"]
		n, k = len(labels), len(classes)
		prob = numpy.full((n, k), 0.3 / (k - 1), numpy.float32)
		prob[range(n), [classes.index(name) for name in predicted]] = 0.7 + numpy.arange(n, dtype=numpy.float32) / 100
		label = [classes.index(name) if name in classes else -1 for name in labels]
		stream.write(sys.argv[1], {"image": numpy.arange(n, dtype=numpy.uint8).reshape(n, 1, 1, 1), "prob": prob,
		                           "label": numpy.array(label, numpy.int32)}, classes, rows=3)
	END
}

@test "every number of the JSON is scikit-learn's, on random and degenerate predictions" {
	oracle metrics 1
}

@test "paired comparison and bootstrap intervals are what scipy and our own draws give" {
	oracle paired
}

@test "the report has the scores, a row a class, and the matrix with rows actual, columns predicted" {
	predictions in.fms "a a b b c ?" "a b b b a c"
	run -0 fm-metrics in.fms
	assert_output "$(
		cat <<- 'END'
			Samples            6
			Unlabelled         1  left out below
			Accuracy      0.6000
			Precision     0.4667  weighted
			Recall        0.6000  weighted
			F1            0.5200  weighted
			MCC           0.3608
			Log loss      0.9785

			              precision    recall  f1-score   support

			           a     0.5000    0.5000    0.5000         2
			           b     0.6667    1.0000    0.8000         2
			           c          -    0.0000    0.0000         1

			    accuracy                         0.6000         5
			   macro avg     0.3889    0.5000    0.4333         5
			weighted avg     0.4667    0.6000    0.5200         5

			Confusion matrix (rows actual, columns predicted)

			   a  b  c
			a  1  1  0
			b  0  2  0
			c  1  0  0

			Most confused

			a taken for b: 1 of 2 (50.0 %)
			c taken for a: 1 of 1 (100.0 %)
		END
	)"
}

@test "long class names keep the columns in line, and control bytes don't reach the terminal" {
	local long=a_class_whose_name_is_longer_than_any_other
	predictions in.fms "$long b c" "b b é" "$long|b|c|é|x"$'\e'"[31m"
	run -0 fm-metrics in.fms
	refute_output --partial $'\e'
	# all rows of the matrix end in the same column, names of several bytes a character included
	fm-metrics in.fms | sed -n '/^Confusion/,/^Most/p' | grep -E '[0-9]$' > rows
	[ "$(wc -l < rows)" = 6 ]
	run -0 "$PYTHON" -c 'print({len(line) for line in open("rows", encoding="utf-8")}.__len__())'
	assert_output 1
}

@test "input that nothing is known of gives undefined scores, not zeros" {
	predictions in.fms "? ?" "a b"
	run -0 fm-metrics in.fms
	assert_output --partial "Accuracy           -"
	run -0 fm-metrics --json in.fms
	assert_output --partial '"accuracy":null'
	run -1 fm-metrics --assert 'accuracy>=0' in.fms
	assert_output --partial "accuracy is undefined, not >= 0"
}

@test "a gate passes when all conditions hold, and says in one line which do not" {
	predictions in.fms "a a b b c" "a b b b a"
	run -0 --separate-stderr fm-metrics --assert 'accuracy >= 60% && recall[b]==1 && samples>4 && top_k.3>=1' in.fms
	[ -z "$stderr" ]
	run -1 --separate-stderr fm-metrics --assert 'accuracy>=0.9 && f1.macro>0.1 && recall[c]>0' in.fms
	[ "$stderr" = "fm-metrics: accuracy is 0.6, not >= 0.9; recall[c] is 0, not > 0" ]
	[[ $output == *"Confusion matrix"* ]]
	run -1 --separate-stderr fm-metrics -a 'accuracy>0.9' -a 'samples==5' in.fms
	[ "$stderr" = "fm-metrics: accuracy is 0.6, not > 0.9" ]
	run -1 fm-metrics -a 'samples==5' --assert 'accuracy>0.9' in.fms
	run -0 fm-metrics -a 'samples==5' --assert 'accuracy<0.9' in.fms
	run -2 fm-metrics --baseline a.fms --baseline b.fms in.fms
}

@test "a gate's class may have brackets and spaces in its name" {
	predictions in.fms "x[1] b" "x[1] b" "x[1]|b|T-shirt/top"
	run -0 fm-metrics --assert 'recall[x[1]]>=1 && support[T-shirt/top]==0' in.fms
}

@test "a gate that can't be judged is a usage error" {
	predictions in.fms "a b" "a b"
	for wrong in acurracy\>1 'recall[d]>1' 'recall>=1' 'classes>1' 'confusion_matrix>1'; do
		run -2 fm-metrics --assert "$wrong" in.fms
		assert_output --partial "--assert"
	done
	for wrong in '' 'accuracy' 'accuracy>' 'accuracy=>1' 'accuracy>1 &&' 'accuracy>1 || f1.macro>1' 'accuracy>nan' '>1' \
		'recall[]>1' 'recall[a>1' 'accuracy>1 x'; do
		run -2 fm-metrics --assert "$wrong" in.fms
		assert_output --partial "conditions such as"
	done
}

@test "a baseline of other samples is refused" {
	predictions new.fms "a a b" "a a b"
	predictions fewer.fms "a a" "a a"
	predictions label.fms "a b b" "a a b"
	predictions classes.fms "a a d" "a a d" "a|b|c|d"
	run -3 fm-metrics --baseline fewer.fms new.fms
	assert_output --partial "the input has 3 samples, fewer.fms has 2"
	run -3 fm-metrics --baseline label.fms new.fms
	assert_output --partial "id 1 has another label in label.fms"
	run -3 fm-metrics --baseline classes.fms new.fms
	assert_output --partial "classes.fms has a class that new.fms lacks: d"
	cat new.fms new.fms > joined.fms
	run -3 fm-metrics --baseline new.fms joined.fms
	assert_output --partial "same samples"
	run -4 fm-metrics --baseline missing.fms new.fms
	run -2 fm-metrics --allow-worse 1% new.fms
	run -2 fm-metrics --baseline - < new.fms
}

@test "a picture that changed under its id is refused as a baseline" {
	need_python numpy xxhash
	predictions new.fms "a a b" "a a b"
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import stream
		tensors = stream.read(open("new.fms", "rb").read())[0][1]
		stream.write("old.fms", {**tensors, "image": tensors["image"] + 1}, ["a", "b", "c"])
	END
	run -3 fm-metrics --baseline old.fms new.fms
	assert_output --partial "id 0 has another picture in old.fms"
}

@test "the same predictions are not better, but not worse either" {
	predictions in.fms "a a b" "a a b"
	run -1 --separate-stderr fm-metrics --baseline in.fms in.fms
	[[ $stderr == "fm-metrics: not better: accuracy 1.0000, baseline 1.0000"* ]]
	run -0 --separate-stderr fm-metrics --baseline in.fms --allow-worse 0.1% in.fms
	[ -z "$stderr" ]
	[[ $output == *"Against the baseline"* ]]
}

@test "--wrong passes on the misclassified, most confident first" {
	predictions in.fms "a a b b c ? c" "a b b c a c c"
	run -0 fm-metrics --wrong --format tsv in.fms
	assert_output "$(
		printf 'id\tname\tlabel\tpredicted\tprob\n'
		printf '4\t\tc\ta\t0.74000001\n3\t\tb\tc\t0.729999959\n1\t\ta\tb\t0.709999979\n'
	)"
	fm-metrics --wrong in.fms > wrong.fms
	run -0 fm-metrics --wrong --format jsonl --top 1 wrong.fms
	[ "${lines[0]}" = '{"id":4,"name":null,"label":"c","predicted":"a","prob":0.74000001,"class_1":"a","prob_1":0.74000001}' ]
	[ "${#lines[@]}" = 3 ]
	run -0 fm-metrics --json wrong.fms
	assert_output --partial '"samples":3,"unlabelled":0,"accuracy":0,'
}

@test "--wrong says the same whatever memory it has" {
	predictions in.fms "$(printf 'a b c %.0s' {1..300})" "$(printf 'b c a %.0s' {1..300})"
	fm-metrics --wrong in.fms > one.fms
	fm-metrics --wrong --memory 1K in.fms > other.fms
	cmp one.fms other.fms
	fm-metrics --wrong --memory 0 in.fms | cmp - one.fms
	TMPDIR=/nonexistent run -4 fm-metrics --wrong --memory 0 in.fms
}

@test "--pair keeps one confusion, and names that hold commas" {
	predictions in.fms "a a b b" "b c a c"
	run -0 fm-metrics --pair b,c --format tsv in.fms
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[1]} == 3$'\t\tb\tc\t'* ]]
	run -2 fm-metrics --pair b,d in.fms
	assert_output --partial "expected two different classes of the input"
	run -2 fm-metrics --pair b,b in.fms
	predictions comma.fms "a,b c" "c a,b" "a,b|c|d"
	run -0 fm-metrics --pair a,b,c --format tsv comma.fms
	[ "${#lines[@]}" = 2 ]
}

@test "no wrong samples are a whole stream that keeps its classes" {
	predictions in.fms "a b" "a b"
	fm-metrics --wrong in.fms > wrong.fms
	run -0 fm-metrics --json wrong.fms
	assert_output --partial '"samples":0,'
	assert_output --partial '"name":"c"'
}

@test "input without predictions, torn or hostile, is refused" {
	need_python numpy xxhash
	predictions in.fms "a b a b" "a b a b"
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		image, names = numpy.zeros((2, 1, 1, 1), numpy.uint8), ["a", "b"]
		good = numpy.full((2, 2), 0.5, numpy.float32)
		def write(name, **tensors):
		    stream.write(name, {"image": image, **tensors}, names)
		write("none.fms")
		write("many.fms", prob=numpy.full((2, 3), 0.5, numpy.float32))
		write("type.fms", prob=good.astype(numpy.int32))
		write("label.fms", prob=good, label=numpy.array([0, 2], numpy.int32))
		for i, bad in enumerate((-1, numpy.nan, numpy.inf)):
		    prob = good.copy()
		    prob[1, 1] = bad
		    write(f"bad{i}.fms", prob=prob)
		write("bad3.fms", prob=0 * good)
	END
	run -3 fm-metrics none.fms
	assert_output --partial "none.fms holds no predictions (no tensor prob); make them with: fm-predict -m MODEL"
	run -3 fm-metrics many.fms
	run -3 fm-metrics type.fms
	run -3 fm-metrics label.fms
	for i in 0 1 2; do
		run -3 fm-metrics bad$i.fms
		assert_output --partial "sample 1: prob of class 1"
	done
	run -3 fm-metrics bad3.fms
	assert_output --partial "sample 0: all prob are 0"
	head -c 700 in.fms > torn.fms
	run -3 --separate-stderr fm-metrics torn.fms
	[ -z "$output" ]
	run -3 --separate-stderr fm-metrics --wrong torn.fms
	[ -z "$output" ]
}

@test "options that don't go together are usage errors" {
	predictions in.fms "a b" "a b"
	run -2 fm-metrics --format tsv in.fms
	run -2 fm-metrics --top 2 in.fms
	run -2 fm-metrics --wrong --json in.fms
	run -2 fm-metrics --wrong --bootstrap 5 in.fms
	run -2 fm-metrics --wrong --top 2 in.fms
	run -2 on_terminal fm-metrics --wrong --format stream in.fms
	run -0 on_terminal fm-metrics --wrong in.fms
	assert_output --partial "predicted"
}

@test "curves can be left out and asked for" {
	predictions in.fms "a b a" "a b b"
	run -0 fm-metrics --json in.fms
	assert_output --partial '"curves":{"roc":[[{"x":0,"y":0,"threshold":null}'
	run -0 fm-metrics --json --curves no in.fms
	assert_output --partial '"curves":null}'
}

@test "threads and record sizes change no byte" {
	need_python numpy xxhash
	"$PYTHON" - <<- 'END'
		import os, sys
		sys.path.insert(0, os.environ["FM_ROOT"] + "/tests/oracles")
		import numpy, stream
		random = numpy.random.default_rng(4)
		tensors = {"image": numpy.zeros((5000, 1, 1, 1), numpy.uint8), "prob": random.random((5000, 7), numpy.float32),
		           "label": random.integers(0, 7, 5000).astype(numpy.int32)}
		stream.write("small.fms", tensors, list("abcdefg"), rows=7)
		stream.write("large.fms", tensors, list("abcdefg"), rows=5000)
	END
	fm-metrics --json --bootstrap 20 --threads 1 small.fms > one.json
	fm-metrics --json --bootstrap 20 --threads 5 large.fms > other.json
	cmp one.json other.json
}

@test "a full disk and a closed stdout are errors" {
	predictions in.fms "a b" "a b"
	run -4 --separate-stderr bash -c 'fm-metrics in.fms > /dev/full'
	run -4 --separate-stderr bash -c 'fm-metrics --json in.fms > /dev/full'
	run -4 --separate-stderr bash -c 'fm-metrics --wrong in.fms > /dev/full'
}

@test "a locale with a decimal comma changes nothing" {
	predictions in.fms "a b" "a a"
	fm-metrics --json in.fms > one.json
	LC_ALL=de_DE.UTF-8 fm-metrics --json in.fms > other.json
	cmp one.json other.json
}
