#!/usr/bin/env bats
# fm-plot and fm-show: pictures that hold what they should, where they should.

load helper

# metrics CLASSES: what fm-metrics --json would print of that many classes, class i right i + 1 times, wrong once.
metrics() {
	"$PYTHON" - "$1" <<- 'END'
		import json, sys
		k = int(sys.argv[1])
		matrix = [[i + 1 if i == j else int(j == (i + 1) % k) for j in range(k)] for i in range(k)]
		classes = [dict(name="a name of forty characters, number %5d" % i, precision=0.5, recall=(i + 1) / (i + 2),
		                f1=None, roc_auc=0.9, average_precision=0.8, support=i + 2) for i in range(k)]
		points = [dict(x=x / 4, y=x / 4, threshold=None) for x in range(5)]
		print(json.dumps(dict(schema=1, classes=classes, confusion_matrix=matrix,
		                      curves=dict(roc=[points] * k, pr=[points] * k, reliability=[points] * k))))
	END
}

log_of() {
	local epoch
	for epoch in $(seq 0 $(($1 - 1))); do
		echo "{\"schema\":1,\"epoch\":$epoch,\"loss\":0.$((9 - epoch)),\"val_loss\":0.5,\"accuracy\":0.8,\"val_accuracy\":null}"
	done
}

magic() { head -c "$2" "$1"; }

@test "the ending of the output says the format" {
	metrics 3 > m.json
	for format in png svg pdf; do
		fm-plot confusion m.json -o "out.$format"
		fm-plot confusion --format "$format" < m.json > "piped.$format"
	done
	[ "$(magic out.pdf 5)" = "%PDF-" ]
	[ "$(magic out.svg 5)" = "<?xml" ]
	[ "$(head -c 8 out.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
	cmp out.png piped.png
	run -2 fm-plot confusion m.json -o out.jpeg
	assert_output --partial "expected .png, .svg or .pdf"
}

@test "a confusion matrix has a square cell for every pair, darker where its share of the row is larger" {
	metrics 4 > m.json
	fm-plot confusion m.json -o m.svg
	"$PYTHON" "$FM_ROOT/tests/oracles/svg.py" m.svg > cells
	"$PYTHON" - <<- 'END'
		rows = [list(map(float, line.split())) for line in open("cells")]
		cells = [r for r in rows if abs(r[2] - 38) < 0.1 and abs(r[3] - 38) < 0.1]
		assert len(cells) == 16, len(cells)
		xs, ys = sorted({round(c[0]) for c in cells}), sorted({round(c[1]) for c in cells})
		assert len(xs) == len(ys) == 4
		place = {(ys.index(round(c[1])), xs.index(round(c[0]))): c[4] for c in cells}
		assert place[3, 3] < place[0, 0] < place[0, 2], place  # red falls as blue deepens
		assert place[3, 0] < place[3, 1], place                # a single confusion is seen
	END
}

@test "bars are as long as their values, and a null has none" {
	metrics 3 > m.json
	fm-plot bars m.json -o m.svg
	"$PYTHON" "$FM_ROOT/tests/oracles/svg.py" m.svg > bars
	"$PYTHON" - <<- 'END'
		rows = [list(map(float, line.split())) for line in open("bars")]
		bars = [r for r in rows if abs(r[3] - 8) < 0.1]
		assert len(bars) == 6, len(bars)  # precision and recall of three classes; f1 is null
		precision = [b[2] for b in bars if b[4] < 1]
		recall = sorted(b[2] for b in bars if b[4] > 80)
		assert len(precision) == 3 and len(set(precision)) == 1
		for i, length in enumerate(recall):
		    assert abs(length / precision[0] - 2 * (i + 1) / (i + 2)) < 0.01, (recall, precision)
	END
}

@test "every kind of plot takes 1, 3 and 100 classes, on light and on dark" {
	for classes in 1 3 100; do
		metrics "$classes" > m.json
		for kind in confusion bars roc pr reliability; do
			fm-plot "$kind" m.json -o "$kind.png"
			fm-plot "$kind" m.json --theme dark -o "$kind.dark.png"
			run ! cmp -s "$kind.png" "$kind.dark.png"
		done
	done
}

@test "runs appended to one log, and several logs, lie over each other" {
	(log_of 3; log_of 2) > run.jsonl
	log_of 4 > other.jsonl
	fm-plot training run.jsonl -o one.svg
	fm-plot training run.jsonl other.jsonl -o two.svg
	run ! cmp -s one.svg two.svg
	printf '{"schema":1,"ep' >> other.jsonl
	fm-plot training run.jsonl other.jsonl -o torn.svg
	cmp two.svg torn.svg # a line that is still being written is left out
}

@test "--live draws again when the log grows" {
	log_of 1 > run.jsonl
	fm-plot training run.jsonl --live -o live.svg &
	local plotter=$!
	wait_for test -s live.svg
	cp live.svg first.svg
	log_of 5 | tail -n 4 >> run.jsonl
	wait_for eval '! cmp -s live.svg first.svg'
	kill "$plotter"
	wait "$plotter" || true
	for to in "" "-o -"; do
		# shellcheck disable=SC2086 # words on purpose
		run -2 timeout 20 fm-plot --live $to training run.jsonl
		assert_output --partial "--live needs: fm-plot training LOG... --output FILE"
	done
}

@test "curves that fm-metrics has left out are asked of it" {
	metrics 3 | sed 's/"curves".*/"curves": null}/' > m.json
	for kind in roc pr reliability; do
		run -3 fm-plot $kind -o out.svg m.json
		assert_output --partial "fm-metrics --json --curves yes"
	done
}

@test "input that lacks what a plot needs is refused, and the old picture stays" {
	echo old > out.png
	echo '{}' > m.json
	for kind in confusion bars roc pr reliability; do
		run -3 fm-plot "$kind" m.json -o out.png
		assert_output --partial "fm-metrics --json"
	done
	echo '{"classes":[{"name":"a"}],"confusion_matrix":[[-1]]}' > m.json
	run -3 fm-plot confusion m.json -o out.png
	echo 'no json' > m.json
	run -3 fm-plot confusion m.json -o out.png
	assert_output --partial "m.json"
	run -3 fm-plot training m.json -o out.png
	run -3 fm-plot training -o out.png < /dev/null
	run -2 fm-plot nothing m.json -o out.png
	[ "$(cat out.png)" = old ]
}

@test "a contact sheet shows what it is asked to, frames right and wrong, and reads its input to the end" {
	need_fashion_mnist
	fm-fetch fashion-mnist --split test --range 0:30 > s.fms
	fm-show -n 12 -c 4 s.fms -o sheet.svg
	[ "$(grep -c '<image' sheet.svg)" -eq 12 ]
	head -c -100 s.fms > torn.fms
	run -3 fm-show -n 2 torn.fms -o torn.svg
	[ ! -e torn.svg ]
	fm-fetch fashion-mnist --split test --range 0:0 | fm-show -o none.png
	[ -s none.png ]
	# about a square, however many there are; and no column that nothing stands in
	fm-fetch fashion-mnist --split test --range 0:144 | fm-show -n 1000 -o square.svg
	grep -q "width=\"$((12 * 72 + 12))\(pt\)\?\"" square.svg || fail "$(head -c 300 square.svg)"
	fm-show -n 5 -c 1000 -o row.png s.fms
	fm-show -n 5 -c 5 s.fms | cmp - row.png
}

@test "an augmentation grid has a row a picture and a column an epoch" {
	need_fashion_mnist
	fm-fetch fashion-mnist --range 0:3 | fm-augment --preset seed --epochs 5 | fm-show --augment-grid -o grid.svg
	[ "$(grep -c '<image' grid.svg)" -eq 15 ]
	"$PYTHON" - <<- 'END'
		import re
		width, height = map(float, re.search(r'width="([\d.]+)(?:pt)?" height="([\d.]+)', open("grid.svg").read()).groups())
		assert abs(width - (5 * 72 + 12)) < 0.1 and abs(height - (3 * 72 + 12)) < 0.1, (width, height)
	END
}

@test "in a terminal pictures are characters, and NO_COLOR is obeyed" {
	need_fashion_mnist
	fm-fetch fashion-mnist --split test --range 0:2 > s.fms
	TERM=xterm-256color on_terminal fm-show s.fms > colour
	grep -q "Ankle boot" colour
	grep -q $'[34]8;[25];' colour
	NO_COLOR=1 TERM=xterm-256color on_terminal fm-show s.fms > plain
	grep -q "Ankle boot" plain
	run ! grep -q $'[34]8;[25];' plain
}
