# make.bats: make's own manners, for people who package: what is built again and when, what -n and -q say, which variables count.
load helper

# make as a person would run it, into a folder of the test
fresh_make() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$FM_ROOT" BUILD="$BATS_TEST_TMPDIR/build" GPU=no "$@"
}

# an object of each kind: found, in a folder with flags of its own, of a helper, generated
objects() {
	printf "$BATS_TEST_TMPDIR/build/%s.o\n" common/status libexec/fm-picture gen/option_names gen/onnx.pb-c common/draw/log
}

@test "nothing is built twice; again when a header has changed, or a flag" {
	# shellcheck disable=SC2046 # one word an object
	set -- $(objects)
	run -1 fresh_make -q "$@"
	run -0 fresh_make "$@"
	run -0 fresh_make -q "$@"
	for header in common/status.h:status common/decode/decode.h:fm-picture common/draw/log.h:draw/log; do
		run -0 fresh_make -n -W "${header%:*}" "$@"
		[[ $output =~ -c\ -o\ [^\ ]*"${header#*:}".o ]] || fail "$header: $output"
	done
	for flag in CFLAGS=-DOTHER LDFLAGS=-s; do
		for object; do
			run -1 fresh_make -q "$flag" "$object"
		done
		fresh_make "$@" > /dev/null
		fresh_make -q "$@"
	done
}

@test "a compiler's new warnings are errors unless WERROR= says otherwise; CFLAGS come last" {
	run -0 fresh_make -n V=1 CFLAGS='-O1 -DOURS' "$(objects | head -n 1)"
	[[ $output =~ -Werror.*-O2.*-O1\ -DOURS ]] || [[ $output =~ -O2.*-Werror.*-O1\ -DOURS ]]
	run -0 fresh_make -n V=1 WERROR= "$(objects | head -n 1)"
	refute_output --partial -Werror
}

@test "make clean all does the one before the other" {
	run -0 fresh_make -n clean "$(objects | head -n 1)"
	[[ $output =~ "rm -rf $BATS_TEST_TMPDIR/build".*status.o ]]
	refute_output --partial 'Nothing to be done'
}

@test "make -n portable makes nothing" {
	run -0 fresh_make -n DEPS= portable
	assert_output --partial "mk/portable-build $(uname -m)"
	[ ! -e build/portable ]
}
