# portable.bats: the folder that runs anywhere, made from the programs that are under test. `make check-long` builds it as it is
# released, twice, and tries it in the oldest Debian still served (tests/portable/).
load helper

setup_file() {
	export portable=$BATS_FILE_TMPDIR/any/where/fm-tools
	command -v readelf > /dev/null || return 0
	case ${FM_BIN%/bin} in
	*/address | */thread | */clang) return 0 ;;
	esac
	mkdir -p "$BATS_FILE_TMPDIR/build/lib"
	ln -s "$FM_BIN" "${FM_BIN%/bin}/libexec" "$BATS_FILE_TMPDIR/build/"
	gather "$portable" > "$BATS_FILE_TMPDIR/log" 2>&1 || touch "$BATS_FILE_TMPDIR/failed"
}

gather() {
	local triplet
	triplet=$(uname -m)-linux-gnu
	(cd "$FM_ROOT" && SOURCE_DATE_EPOCH=1 mk/portable "$BATS_FILE_TMPDIR/build" "$1" "${CC:-gcc}" /lib/"$triplet" /usr/lib/"$triplet")
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

@test "a portable folder holds every library that its files need, and each version of a symbol" {
	need_portable
	local machine
	machine=$(uname -m | sed 's/x86_64/X86-64/; s/aarch64/AArch64/')
	run -0 "$PYTHON" "$FM_ROOT/tests/portable/closed.py" "$machine" "$portable"
	cp -r "$portable" torn
	rm torn/lib/libjansson.so.4
	run -1 "$PYTHON" "$FM_ROOT/tests/portable/closed.py" "$machine" torn
	assert_output --partial 'torn/lib/fm-tools/programs/fm-info needs libjansson.so.4'
}

@test "a portable folder is the same under another umask, in another place" {
	need_portable
	(umask 077 && gather "$PWD/again/fm-tools")
	listing() {
		tar --create --sort=name --numeric-owner -C "$1" . | sha256sum
	}
	diff --recursive --brief --no-dereference "$portable" again/fm-tools
	[ "$(listing "$portable")" = "$(listing again/fm-tools)" ]
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
