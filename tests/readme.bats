# readme.bats: what README.md shows is true.
load helper

@test "the stream is read from Python in ten lines" {
	need fm-fetch
	need_python numpy
	need_fashion_mnist
	awk '/^```python/ { on = 1; next } /^```/ { on = 0 } on' "$FM_ROOT/README.md" > read.py
	[ "$(grep -c . read.py)" -le 12 ]
	echo 'print(pixels.shape[1:], pixels.dtype)' >> read.py
	run -0 "$PYTHON" read.py
	assert_output "(28, 28, 1) uint8"
}

@test "the pipelines are made of options that there are" {
	for tool in fm-fetch fm-augment fm-train fm-predict fm-metrics fm-info; do
		need "$tool"
		grep -oE "$tool [^|>&)]*" "$FM_ROOT/README.md" | grep -oE -- ' --[a-z-]+' | sort -u > shown || true
		while read -r option; do
			"$tool" --dump-options | cut -f 2 | grep -qx -- "${option#--}" || fail "README shows $tool $option"
		done < shown
	done
}

@test "every file that a document points to is there" {
	for document in README.md CONTRIBUTING.md CHANGELOG.md; do
		while read -r path; do
			[ -e "$FM_ROOT/$path" ] || fail "$document points to $path"
		done < <(grep -oE '`(common|tools|man|mk|tests|examples|gpu)/[A-Za-z0-9_./-]*`' "$FM_ROOT/$document" | tr -d '`' | grep -vE '/(fm-)?x\.')
	done
}

@test "documents name no folder of the machine that they were written on" {
	run grep -rnE '(^|[^[:alnum:]_$}])/(home|root|work)/' "$FM_ROOT"/README.md "$FM_ROOT"/CONTRIBUTING.md \
		"$FM_ROOT"/CHANGELOG.md "$FM_ROOT"/man "$FM_ROOT"/common "$FM_ROOT"/tools "$FM_ROOT"/mk
	[ "$status" = 1 ] || fail "$output"
}
