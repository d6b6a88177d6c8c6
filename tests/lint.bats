# lint.bats: the quick part of make lint; make lint has clang-tidy too.
load helper

# lint TARGET
lint() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$FM_ROOT" "lint-$1" BUILD="${FM_BIN%/bin}"
}

@test "shellcheck has nothing to say about the scripts" {
	need shellcheck
	run -0 lint shell
}

@test "cppcheck has nothing to say about the sources" {
	need cppcheck
	run -0 lint cppcheck
}
