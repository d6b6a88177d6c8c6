# build.bash: make portable in a copy of the sources. Loaded by `load build`.
# shellcheck shell=bash

# build_portable FOLDER ARCHITECTURE [NAME=VALUE…]: a copy of what make reads in FOLDER, and in it build/portable; these are
# added to the environment. No compiler cache: what another build left there would be the same bytes for nothing.
build_portable() {
	local folder=$1 architecture=$2
	shift 2
	mkdir -p "$folder"
	(cd "$FM_ROOT" && tar --create --exclude=./build --exclude=./.git .) | tar --extract --no-same-permissions -C "$folder"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS CCACHE_DISABLE=1 SOURCE_DATE_EPOCH=1700000000 PORTABLE_XZ=-0 "$@" \
		make -C "$folder" "portable-$architecture" DEPS= GPU_ARCHITECTURES='60 90' > "$folder.log" 2>&1 || {
		tail -20 "$folder.log"
		return 1
	}
}

# same_portable ONE OTHER: build/portable of both copies of the sources holds the same folders and tarballs; else names the files
same_portable() {
	local one
	for one in "$1"/build/portable/*.tar.xz; do
		one=${one##*/}
		diff --recursive --brief --no-dereference "$1/build/portable/${one%.tar.xz}" "$2/build/portable/${one%.tar.xz}" || return 1
		cmp "$1/build/portable/$one" "$2/build/portable/$one" || return 1
	done
}
