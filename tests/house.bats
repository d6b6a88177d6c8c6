# house.bats: what the house itself promises: headers, links, builds, installation.
load helper

# make as a person would run it, not as a part of the make that runs the tests.
fresh_make() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$FM_ROOT" "$@"
}

@test "every header compiles alone" {
	compiler=${CC:-gcc}
	need "$compiler"
	flags=()
	for library in cairo chafa vips; do
		read -ra more <<< "$(pkg-config --cflags "$library" 2> /dev/null)" || true
		flags+=("${more[@]}")
	done
	while read -r header; do
		"$compiler" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused -I"$FM_ROOT/common" "${flags[@]}" \
			-fsyntax-only -include "$header" -x c /dev/null || fail "$header"
	done < <(find "$FM_ROOT/common" -name '*.h')
}

@test "every header has its own guard" {
	find "$FM_ROOT/common" -name '*.h' -exec grep -hm 1 '^#ifndef FM_' {} + | sort | uniq -d > twice
	[ ! -s twice ] || fail "guards used twice: $(cat twice)"
}

@test "arrows run one way: library code doesn't exit, and training knows no backend" {
	run grep -rnE '(^|[^_a-z])_?exit\(' "$FM_ROOT/common" --include='*.c'
	# the room that reads command lines ends a run for them
	! grep -v '/common/cli/' <<< "$output" | grep -E '\.c:' || fail "only tools and common/cli may exit"
	if [ -d "$FM_ROOT/common/train" ]; then
		! grep -rnE '#include "(cpu|ref|gpu)/' "$FM_ROOT/common/train" || fail "common/train knows a backend"
	fi
	! grep -rnE '#include "(train|net|metrics|source|augment|cpu|ref)/' "$FM_ROOT"/common/{cli,stream,pixel,threads} ||
		fail "cli, stream, pixel and threads are at the bottom"
	! grep -rnE '#include "(cli|stream|json|threads)/' "$FM_ROOT"/common/{pixel,machine} ||
		fail "pixel and machine are below them all"
}

@test "a program links what it needs and nothing else" {
	need ldd
	usual='linux-vdso|ld-linux-[a-z0-9-]*|libc|libm|libpthread|libdl|libgomp|libomp|libgcc_s|libjansson|libxxhash'
	for tool in fm-train fm-predict fm-metrics fm-info fm-augment; do
		[ -x "$FM_BIN/$tool" ] || continue
		ldd "$FM_BIN/$tool" > linked
		! grep -vE "^\s*(/lib[0-9]*/)?($usual)\.so" linked || fail "$tool links more than it needs"
	done
}

@test "programs carry no path of the build and no executable stack" {
	need readelf
	for tool in $(all_tools); do
		run readelf -dlW "$FM_BIN/$tool"
		refute_output --partial RPATH
		refute_output --partial RUNPATH
		[[ $(grep GNU_STACK <<< "$output") != *E* || $(grep GNU_STACK <<< "$output") == *"RW "* ]]
	done
}

@test "a 32-bit target stops with one clear line" {
	echo | gcc -m32 -dM -E - > /dev/null 2>&1 || skip "this gcc has no -m32"
	run -2 fresh_make CC='gcc -m32' BUILD="$BATS_TEST_TMPDIR/build"
	assert_output --partial "fm-tools needs a 64-bit target; gcc -m32 makes 32-bit programs"
	[ "$(grep -c 'fm-tools needs' <<< "$output")" = 1 ]
	[ ! -e build ]
}

@test "a big-endian target stops with one clear line" {
	# a compiler that says so is enough: nothing is compiled
	printf '#!/bin/sh\necho "#define __SIZEOF_POINTER__ 8"\necho "#define __BYTE_ORDER__ __ORDER_BIG_ENDIAN__"\n' > cc
	chmod +x cc
	run -2 fresh_make CC="$PWD/cc" BUILD="$BATS_TEST_TMPDIR/build"
	assert_output --partial "fm-tools needs a little-endian target"
	[ ! -e build ]
}

@test "an aarch64 compiler reads every portable source" {
	need clang
	include=/usr/aarch64-linux-gnu/include
	[ -d "$include" ] || skip "libc6-dev-arm64-cross is not there"
	# the libraries' own headers are the same on every 64-bit target
	mkdir -p here/openssl
	ln -s /usr/include/jansson*.h /usr/include/xxh*.h /usr/include/archive*.h /usr/include/z*.h here/
	ln -s /usr/include/openssl/* /usr/include/x86_64-linux-gnu/openssl/* here/openssl/
	ln -s /usr/include/x86_64-linux-gnu/curl here/
	while read -r source; do
		clang --target=aarch64-linux-gnu -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -nostdlibinc \
			-isystem "$include" -isystem here -I"$FM_ROOT/common" "$source" || fail "$source"
	done < <(find "$FM_ROOT/common" "$FM_ROOT/tools" -name '*.c' ! -path '*/avx*' ! -path '*/draw/*' \
		! -path '*/decode/*' ! -path '*/show/*' ! -path '*/report/*' ! -path '*/export/onnx.c' ! -path '*/export/png.c' \
		! -name 'fm-plot.c' ! -name 'fm-show.c' ! -name 'fm-report.c')
}

@test "make install and make uninstall honour DESTDIR and PREFIX" {
	# named as the build named it: another name would link the programs anew, under the suites that run beside this one
	local build=${FM_BIN%/bin}
	build=${build#"$FM_ROOT"/}
	fresh_make -j1 install BUILD="$build" DESTDIR="$PWD/root" PREFIX=/opt/fm > /dev/null
	for tool in $(all_tools); do
		[ -x "root/opt/fm/bin/$tool" ]
		"root/opt/fm/bin/$tool" --version
		[ -s "root/opt/fm/share/bash-completion/completions/$tool" ]
		[ -s "root/opt/fm/share/zsh/site-functions/_$tool" ]
		[ ! -e "$FM_ROOT/man/$tool.1" ] || [ -s "root/opt/fm/share/man/man1/$tool.1" ]
	done
	[ "$(find root -type f ! -path 'root/opt/fm/*' | wc -l)" = 0 ]
	fresh_make -j1 uninstall BUILD="$build" DESTDIR="$PWD/root" PREFIX=/opt/fm > /dev/null
	[ "$(find root ! -type d -o -path '*/fm/*fm*' | wc -l)" = 0 ] || fail "left behind: $(find root)"
}

@test "bash completes options, choices and their beginnings" {
	for tool in $(all_tools); do
		# shellcheck disable=SC2016 # for the other shell
		run -0 bash -c '
			set -u
			eval "$("$1" bash "$2")"
			name=_$(basename "$2" | tr - _)
			COMP_WORDS=(x --ver) COMP_CWORD=1
			$name
			[[ " ${COMPREPLY[*]} " == *" --version "* ]] || exit 1
			while IFS=$(printf "\t") read -r _ option _ choices _; do
				[ "$choices" != - ] || continue
				COMP_WORDS=(x "--$option" "") COMP_CWORD=2
				$name
				[ "$(printf "%s|" "${COMPREPLY[@]}")" = "${choices// /\\ }|" ] || { echo "$option: ${COMPREPLY[*]}"; exit 1; }
				COMP_WORDS=(x "--$option" = "") COMP_CWORD=3
				$name
				[ "$(printf "%s|" "${COMPREPLY[@]}")" = "${choices// /\\ }|" ] || { echo "=$option: ${COMPREPLY[*]}"; exit 1; }
			done < <("$2" --dump-options)' - "$FM_ROOT/mk/completion" "$FM_BIN/$tool"
	done
}

@test "zsh reads its completions" {
	need zsh
	for tool in $(all_tools); do
		"$FM_ROOT/mk/completion" zsh "$FM_BIN/$tool" > "_$tool"
		zsh -n "_$tool"
		head -n 1 "_$tool" | grep -qx "#compdef $tool"
	done
}

@test "make deps says what it would install, and that it needs root" {
	mkdir bin
	for program in dirname awk tr id; do
		ln -s "$(command -v "$program")" bin/
	done
	printf '#!/bin/sh\nexit 1\n' | tee bin/apt-get > bin/dpkg-query
	printf '#!/bin/sh\necho 1000\n' > bin/somebody
	rm bin/id
	ln -s somebody bin/id
	chmod +x bin/apt-get bin/dpkg-query bin/somebody
	run -1 env PATH="$PWD/bin" /bin/sh "$FM_ROOT/mk/deps" build
	assert_output --partial "To be installed: gcc "
	assert_output --partial "libjansson-dev"
	assert_output --partial "needs root"
	refute_output --partial shellcheck
}

@test "make deps on another distribution names what is missing" {
	mkdir bin
	for program in dirname awk; do
		ln -s "$(command -v "$program")" bin/
	done
	run -1 env PATH="$PWD/bin" /bin/sh "$FM_ROOT/mk/deps" build
	assert_output --partial "not Debian or Ubuntu"
	assert_output --partial "libarchive-dev"
}

@test "make deps does nothing where nothing is missing" {
	mkdir bin
	for program in dirname awk tr id; do
		ln -s "$(command -v "$program")" bin/
	done
	# shellcheck disable=SC2016 # for the other shell
	printf '#!/bin/sh\nshift 2\nfor package; do echo "$package installed"; done\n' > bin/dpkg-query
	printf '#!/bin/sh\necho "was run: $*"\nexit 1\n' > bin/apt-get
	chmod +x bin/dpkg-query bin/apt-get
	run -0 env PATH="$PWD/bin" /bin/sh "$FM_ROOT/mk/deps" build check lint
	assert_output ""
}

@test "make help lists every target that the documents promise" {
	run -0 fresh_make help
	for target in all deps check bench fuzz lint install uninstall quickstart reproduce clean; do
		assert_output --partial "make $target "
	done
}

@test "the runner counts, and notices what dies" {
	printf '#!/bin/sh\necho "ok 1 - a"\necho "not ok 2 - b"\necho "ok 3 - c # SKIP why"\necho 1..3\nexit 1\n' > some
	printf '#!/bin/sh\necho 1..3\necho "ok 1 - a"\n' > short
	printf '#!/bin/sh\necho "ok 1 - a"\necho 1..1\nexit 3\n' > status
	printf '#!/bin/sh\necho 1..1\nkill -9 $$\n' > killed
	printf '#!/bin/sh\necho "ok 1 - a"\necho 1..1\n' > good
	chmod +x some short status killed good
	run -0 "$FM_ROOT/tests/run" -o out ./good
	[ "${lines[-1]}" = "1 passed, 0 failed" ]
	run -1 "$FM_ROOT/tests/run" -o out ./good ./some
	[ "${lines[-1]}" = "2 passed, 1 failed, 1 skipped" ]
	run -1 "$FM_ROOT/tests/run" -o out ./short
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
	run -1 "$FM_ROOT/tests/run" -o out ./status
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
	run -1 "$FM_ROOT/tests/run" -o out ./killed ./missing
	[ "${lines[-1]}" = "0 passed, 2 failed" ]
	FM_SUITE_SECONDS=1 run -1 "$FM_ROOT/tests/run" -o out "FM_X=1 sleep 60"
}
