# debian.bats: what `make portable` makes, as it is released: the same bytes from two builds, and a whole pipeline in the
# oldest Debian still served, with nothing installed. Takes minutes: `make check-long`. Needs root, for chroot.
load ../helper
load build

setup_file() {
	export work=$BATS_FILE_TMPDIR
	build_portable "$work/one" "$(uname -m)" || touch "$work/failed"
}

teardown_file() {
	umount "$BATS_FILE_TMPDIR/old/proc" 2> /dev/null || true
}

@test "a second build is equal byte for byte: in another folder, later, by another number of jobs, under another umask" {
	[ ! -e "$work/failed" ]
	mkdir home other
	umask 077
	build_portable "$work/quite/elsewhere" "$(uname -m)" OMP_NUM_THREADS=3 LC_ALL=C.UTF-8 TZ=Pacific/Auckland \
		HOME="$PWD/home" TMPDIR="$PWD/other" USER=nobody # nproc, so make's jobs, by OMP_NUM_THREADS
	same_portable "$work/one" "$work/quite/elsewhere"
}

@test "it runs in the oldest Debian still served, with nothing installed" {
	need debootstrap
	[ "$(id -u)" = 0 ] || skip "chroot needs root"
	[ ! -e "$work/failed" ]
	for suite in buster bullseye bookworm; do
		if debootstrap --variant=minbase "$suite" "$work/old" http://deb.debian.org/debian > "$work/debootstrap.log" 2>&1; then
			break
		fi
		rm -rf "$work/old"
	done
	[ -d "$work/old" ] || fail "$(tail -3 "$work/debootstrap.log")"
	echo "# $suite: $(chroot "$work/old" ldd --version | head -n 1)" >&3
	mkdir "$work/old/any where"
	tar -xJf "$work"/one/build/portable/*.tar.xz --strip-components=1 -C "$work/old/any where"
	need_fashion_mnist
	mkdir -p "$work/old/usr/share/datasets"
	cp -rL /usr/share/datasets/fashion-mnist "$work/old/usr/share/datasets/"
	mount -t proc proc "$work/old/proc"
	run chroot "$work/old" /bin/bash -euo pipefail -c '
		PATH="/any where/bin:$PATH"
		fm-fetch fashion-mnist --range 0:2000 --holdout 200 | fm-augment --preset seed --epochs 2 |
			fm-train --log run.jsonl -o shoes.safetensors
		fm-fetch fashion-mnist --split test --range 0:500 | fm-predict -m shoes.safetensors > p.fms
		fm-metrics --json p.fms > metrics.json
		fm-metrics --assert "accuracy>=0.5" p.fms
		fm-report -m shoes.safetensors --log run.jsonl -o report.html p.fms
		fm-plot training run.jsonl -o curves.png
		fm-export --format onnx -o shoes.onnx shoes.safetensors
		fm-info --devices
		fm-info --devices --json > devices.json'
	umount "$work/old/proc"
	[ "$status" = 0 ] || fail "$output"
	assert_output --partial 'FM_CPU can be'
	# each plug-in can be loaded there, cuBLAS and all
	[ "$(grep -o '"why":null}' "$work/old/devices.json" | wc -l)" = "$(find "$work/old/any where/lib/fm-tools" -name 'fm-cuda-*.so' | wc -l)" ] ||
		fail "$output"
	for file in shoes.safetensors metrics.json report.html curves.png shoes.onnx; do
		[ -s "$work/old/$file" ] || fail "no $file"
	done
}
