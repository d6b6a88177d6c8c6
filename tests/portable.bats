# portable.bats: the folder that runs anywhere, made from the programs that are under test. `make check-long` builds it as it is
# released, twice, and tries it in the oldest Debian still served (tests/portable/).
load helper

setup_file() {
	export portable=$BATS_FILE_TMPDIR/any/where/fm-tools
	command -v readelf > /dev/null || return 0
	case ${FM_BIN%/bin} in
	*/address | */thread | */clang) return 0 ;;
	esac
	local triplet
	triplet=$(uname -m)-linux-gnu
	mkdir -p "$BATS_FILE_TMPDIR/build/lib"
	ln -s "$FM_BIN" "${FM_BIN%/bin}/libexec" "$BATS_FILE_TMPDIR/build/"
	cd "$FM_ROOT" && SOURCE_DATE_EPOCH=1 mk/portable "$BATS_FILE_TMPDIR/build" "$portable" "${CC:-gcc}" \
		/lib/"$triplet" /usr/lib/"$triplet" > "$BATS_FILE_TMPDIR/log" 2>&1 || touch "$BATS_FILE_TMPDIR/failed"
}

need_portable() {
	[ ! -e "$BATS_FILE_TMPDIR/failed" ] || fail "$(cat "$BATS_FILE_TMPDIR/log")"
	[ -d "$portable" ] || skip "the portable folder is made of an ordinary build, with readelf"
}

@test "every program of a portable folder runs by its own loader and C library" {
	need_portable
	for tool in $(all_tools); do
		run -0 "$portable/bin/$tool" --version
		[ "$output" = "$("$FM_BIN/$tool" --version)" ]
	done
	# what is mapped comes from the folder
	local loaders=("$portable"/lib/ld-linux-*)
	env LD_TRACE_LOADED_OBJECTS=1 "${loaders[0]}" --library-path "$portable/lib" "$portable/lib/fm-tools/programs/fm-plot" > mapped
	! grep -vE "linux-vdso|$portable/lib/|statically linked" mapped | grep -v 'ld-linux' || fail "a library from elsewhere"
}

@test "a portable folder is moved, linked to, and finds what belongs to it" {
	need_portable
	cp -r "$portable" "moved here"
	mkdir links
	ln -s "$PWD/moved here/bin/fm-fetch" links/fm-fetch
	mkdir -p pictures/a pictures/b
	"$PYTHON" -c 'from PIL import Image
for c in "ab":
	for i in range(3):
		Image.new("L", (8, 8), 40 * i + (c == "b")).save(f"pictures/{c}/{i}.png")' || skip "Python's PIL is not there"
	links/fm-fetch pictures > moved.fms
	fm-fetch pictures > usual.fms
	cmp moved.fms usual.fms # by fm-picture, which is started the same way
	run -0 "moved here/bin/fm-info" --devices
	assert_output --partial "no fm-cuda-*.so is in $PWD/moved here/lib/fm-tools"
}

@test "a portable folder's model is the same, byte for byte" {
	need_portable
	need_fashion_mnist
	fm-fetch fashion-mnist --range 0:256 > small.fms
	fm-train --arch 'conv 4 3x3, relu, flatten, dense classes' --epochs 1 --device cpu -o usual.safetensors small.fms
	"$portable/bin/fm-train" --arch 'conv 4 3x3, relu, flatten, dense classes' --epochs 1 --device cpu -o ours.safetensors small.fms
	cmp usual.safetensors ours.safetensors
}

@test "a launcher that was torn out of its folder says so" {
	need_portable
	cp "$portable/bin/fm-info" alone
	run -4 ./alone
	assert_output --partial 'lies neither in bin nor in libexec/fm-tools; keep the folder together'
}
