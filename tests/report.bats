#!/usr/bin/env bats
# fm-report: one page that holds everything, needs nothing, and shows hostile names as text.

load helper

setup_file() {
	need_fashion_mnist
	cd "$BATS_FILE_TMPDIR" || return 1
	fm-fetch fashion-mnist --range 0:1500 --holdout 300 |
		fm-train --arch "conv 4 3x3 stride 2, relu, flatten, dense classes" --epochs 2 --log run.jsonl -o m.safetensors
	fm-fetch fashion-mnist --split test --range 0:300 | fm-predict -m m.safetensors > p.fms
	fm-metrics --json p.fms > m.json
}

@test "the page has the scores that fm-metrics prints, and what stood before" {
	cd "$BATS_FILE_TMPDIR"
	fm-report -m m.safetensors --log run.jsonl --baseline m.json -o "$BATS_TEST_TMPDIR/r.html" p.fms
	"$PYTHON" - "$BATS_TEST_TMPDIR/r.html" <<- 'END'
		import html.parser, json, sys
		page, metrics = open(sys.argv[1]).read(), json.load(open("m.json"))
		for key in ("mcc", "log_loss", "ece"):
		    assert "%.4f" % metrics[key] in page, key
		assert "%.2f %%" % (100 * metrics["accuracy"]) in page
		assert "(+0.00)" in page and "(+0.0000)" in page
		assert "10 × 10" not in page and "13 × 13 × 4" in page
		seen = []
		class Parser(html.parser.HTMLParser):
		    def handle_starttag(self, tag, attributes):
		        seen.append(tag)
		        for name, value in attributes:
		            if name in ("src", "srcset", "href"):
		                assert value.startswith("data:image/"), value[:40]
		Parser().feed(page)
		assert "script" not in seen and "link" not in seen
		assert seen.count("picture") == 6 and seen.count("figure") == 24, (seen.count("picture"), seen.count("figure"))
	END
	fm-report -m m.safetensors --log run.jsonl --baseline m.json p.fms | cmp - "$BATS_TEST_TMPDIR/r.html"
}

@test "the mistakes are the most confident ones, in order" {
	fm-report --mistakes 7 "$BATS_FILE_TMPDIR/p.fms" > r.html
	fm-predict --format tsv -m "$BATS_FILE_TMPDIR/m.safetensors" < <(fm-fetch fashion-mnist --split test --range 0:300) > p.tsv
	"$PYTHON" - <<- 'END'
		import csv, re
		rows = [r for r in csv.DictReader(open("p.tsv"), delimiter="\t", quoting=csv.QUOTE_NONE) if r["label"] != r["predicted"]]
		rows.sort(key=lambda r: (-float(r["prob"]), int(r["id"])))
		ids = re.findall(r"id (\d+)</span>", open("r.html").read())
		assert ids == [r["id"] for r in rows[:7]], ids
	END
}

@test "of joined predictions each pipeline is shown" {
	cd "$BATS_TEST_TMPDIR"
	fm-fetch fashion-mnist --split test --range 300:320 | fm-predict -m "$BATS_FILE_TMPDIR/m.safetensors" > p2.fms
	cat "$BATS_FILE_TMPDIR/p.fms" p2.fms | fm-report -o r.html
	grep -q -- '--range=0:300 fashion' r.html
	grep -q -- '--range=300:320 fashion' r.html
}

@test "hostile names are shown as text" {
	fm-report --title '</title><script>alert(1)</script>"&' "$BATS_FILE_TMPDIR/p.fms" > r.html
	run ! grep -q '<script' r.html
	grep -q '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;' r.html
}

@test "a torn stream, or one without predictions, makes no page" {
	echo old > r.html
	head -c -100 "$BATS_FILE_TMPDIR/p.fms" > torn.fms
	run -3 fm-report torn.fms -o r.html
	fm-fetch fashion-mnist --range 0:10 > plain.fms
	run -3 fm-report plain.fms -o r.html
	run -3 fm-report --baseline plain.fms "$BATS_FILE_TMPDIR/p.fms" -o r.html
	run -4 fm-report -m nowhere "$BATS_FILE_TMPDIR/p.fms" -o r.html
	[ "$(cat r.html)" = old ]
}

@test "a second log is refused, not dropped" {
	cd "$BATS_FILE_TMPDIR"
	refuse 2 '--log was given twice: "run.jsonl" and "other.log"' fm-report -l run.jsonl -l other.log p.fms
	[ -z "$output" ]
}
