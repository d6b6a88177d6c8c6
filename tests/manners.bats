# manners.bats: what every program owes its user, asked of each program that there is.
# shellcheck disable=SC2030,SC2031 # every test has its own environment
load helper

# Streams and a model that the programs can work on.
setup_file() {
	load helper
	cd "$BATS_FILE_TMPDIR" || return 1
	mkdir given
	export GIVEN=$PWD/given XDG_CACHE_HOME=$PWD/cache
	cd given || return 1
	command -v fm-fetch > /dev/null || return 0
	fm-fetch fashion-mnist --range 0:200 --holdout 20 > small.fms
	fm-fetch fashion-mnist --range 0:100 > plain.fms
	command -v fm-train > /dev/null || return 0
	fm-train --quiet --batch 32 --steps 1 -o model.safetensors plain.fms
	command -v fm-predict > /dev/null || return 0
	fm-predict -m model.safetensors plain.fms > predictions.fms
}

# The arguments of a run of a program that succeeds with its input on stdin; sets `arguments` and `input`.
usual_run() {
	input=$GIVEN/small.fms
	arguments=()
	case $1 in
	fm-fetch)
		arguments=(fashion-mnist --range 0:500)
		input=/dev/null
		;;
	fm-augment) arguments=(--preset seed) ;;
	fm-train) arguments=(--quiet --batch 64 --steps 2 -o "$PWD/model.safetensors") ;;
	fm-predict) arguments=(-m "$GIVEN/model.safetensors") ;;
	fm-metrics) input=$GIVEN/predictions.fms ;;
	fm-info) ;;
	*) return 1 ;;
	esac
	[ -e "$input" ]
}

# usual_tools [SENDS]: programs that usual_run knows; with an argument only those that send something to stdout.
usual_tools() {
	local tool
	for tool in $(all_tools); do
		if usual_run "$tool" && ! { [ "${1:-}" = sends ] && [ "$tool" = fm-train ]; }; then
			echo "$tool"
		fi
	done
}

reading_tools() {
	usual_tools | grep -vx fm-fetch
}

# expect STATUS COMMAND…: run it, stderr to ./words, stdout to ./out; fail with both shown if the status is another.
expect() {
	local wanted=$1 found=0
	shift
	"$@" > out 2> words || found=$?
	[ "$found" = "$wanted" ] || fail "$*: expected status $wanted, found $found: $(cat words)"
}

# One line on stderr, prefixed with the program's name.
said_one_line() {
	if [ "$(wc -l < words)" != 1 ] || ! grep -q "^$1: ." words; then
		fail "$1 should say one line, said: $(cat words)"
	fi
}

@test "there are programs to ask" {
	[ "$(all_tools | wc -l)" -ge 1 ]
}

@test "--help goes to stdout, names the program, and succeeds" {
	for tool in $(all_tools); do
		expect 0 "$tool" --help
		[ ! -s words ] || fail "$tool --help said: $(cat words)"
		head -n 1 out | grep -q "^$tool - ." || fail "$tool --help begins: $(head -n 1 out)"
		grep -q "^usage: $tool" out || fail "$tool --help has no usage"
		expect 0 "$tool" -h
	done
}

@test "--help shows defaults, whatever stands before it" {
	for tool in $(all_tools); do
		"$tool" --help > first
		"$tool" --quiet --help > second
		cmp first second
	done
}

@test "--version is one line" {
	version=$(sed -n 's/^#define FM_VERSION "\(.*\)"/\1/p' "$FM_ROOT/common/version.h")
	for tool in $(all_tools); do
		expect 0 "$tool" --version
		[ "$(cat out)" = "$tool (fm-tools) $version" ] || fail "found: $(cat out)"
	done
}

@test "--help and --version on a full disk exit 4" {
	for tool in $(all_tools); do
		found=0
		"$tool" --help > /dev/full 2> words || found=$?
		[ "$found" = 4 ] || fail "$tool --help > /dev/full: $found"
		found=0
		"$tool" --version > /dev/full 2> words || found=$?
		[ "$found" = 4 ] || fail "$tool --version > /dev/full: $found"
		said_one_line "$tool"
	done
}

@test "a usage error is one line on stderr, nothing on stdout, exit 2" {
	for tool in $(all_tools); do
		for wrong in --no-such-option -# --quiet=yes --; do
			# fm-fetch takes any number of pictures, so there an operand too many can't be
			[ "$wrong" != -- ] || [ "$tool" != fm-fetch ] || continue
			[ "$wrong" != -- ] || wrong="-- a b c d e f g h"
			# shellcheck disable=SC2086 # several operands
			expect 2 "$tool" $wrong < /dev/null
			said_one_line "$tool"
			[ ! -s out ] || fail "$tool $wrong wrote: $(head -c 200 out)"
			[ "$wrong" != --no-such-option ] || grep -q -- "$tool --help" words || fail "$tool $wrong doesn't say where to read on"
		done
	done
}

@test "every option that takes an argument says so when it is missing, and every number when it isn't one" {
	for tool in $(all_tools); do
		while IFS=$'\t' read -r _ name argument choices _; do
			[ "$argument" != - ] || continue
			expect 2 "$tool" "--$name" < /dev/null
			grep -q -- "--$name wants" words || fail "$tool --$name: $(cat words)"
			[ "$choices" != - ] || continue
		done < <("$tool" --dump-options)
	done
}

@test "every choice is checked" {
	for tool in $(all_tools); do
		while IFS=$'\t' read -r _ name _ choices _; do
			[ "$choices" != - ] || continue
			expect 2 "$tool" "--$name" no-such-word < /dev/null
			grep -q -- "--$name wants one of ${choices%%|*}" words || fail "$tool --$name: $(cat words)"
			expect 2 "$tool" "--$name=" < /dev/null
		done < <("$tool" --dump-options)
	done
}

@test "long options may be shortened where only one begins so" {
	for tool in $(all_tools); do
		expect 0 "$tool" --versio
		expect 2 "$tool" --ver < /dev/null
		grep -q ambiguous words || expect 0 "$tool" --ver
	done
}

@test "a program that would wait for a terminal's input prints its short help and exits 2" {
	for tool in $(reading_tools); do
		usual_run "$tool"
		run -2 on_terminal "$tool" "${arguments[@]}"
		assert_output --partial "usage: $tool"
	done
}

@test "so does one that is told by an option, or a later operand, to wait for it" {
	local words
	for words in "fm-train -o m.safetensors --val - $GIVEN/plain.fms" "fm-metrics --baseline - $GIVEN/plain.fms" \
		"fm-report --baseline - $GIVEN/plain.fms" "fm-report --log - $GIVEN/plain.fms" "fm-plot confusion -o x.png" \
		"fm-plot training -o x.png" "fm-plot training -o x.png - $GIVEN/plain.fms" "fm-plot filters -o x.png -"; do
		[ -x "$FM_BIN/${words%% *}" ] || continue
		# shellcheck disable=SC2086 # words
		run -2 on_terminal timeout 20 $words
		assert_output --partial "usage: ${words%% *}"
		[ ! -e m.safetensors ] && [ ! -e x.png ]
	done
}

@test "binary is not written to a terminal" {
	for tool in fm-fetch fm-augment; do
		usual_tools | grep -qx "$tool" || continue
		usual_run "$tool"
		run -2 on_terminal sh -c "exec $tool ${arguments[*]} < $input"
		assert_output --partial "$tool: standard output is a terminal"
	done
}

@test "a model is not written to a terminal" {
	need fm-train
	usual_run fm-train
	run -2 on_terminal fm-train --steps 1 -o /dev/tty "$GIVEN/plain.fms"
	assert_output --partial "is a terminal"
}

@test "a full disk is exit 4, and is said" {
	for tool in $(usual_tools sends); do
		usual_run "$tool"
		found=0
		"$tool" "${arguments[@]}" < "$input" > /dev/full 2> words || found=$?
		[ "$found" = 4 ] || fail "$tool > /dev/full: status $found: $(cat words)"
		grep -q "^$tool: .*No space left" words || fail "$tool said: $(cat words)"
	done
}

@test "a closed stdout is exit 4 for a program that writes to it" {
	for tool in $(usual_tools sends); do
		usual_run "$tool"
		found=0
		"$tool" "${arguments[@]}" < "$input" >&- 2> words || found=$?
		[ "$found" = 4 ] || fail "$tool >&-: status $found: $(cat words)"
	done
}

@test "a closed stdin is exit 4" {
	for tool in $(reading_tools); do
		usual_run "$tool"
		expect 4 "$tool" "${arguments[@]}" <&-
	done
}

@test "no file gets the number of a closed descriptor" {
	need fm-train
	usual_run fm-train
	fm-train "${arguments[@]}" < "$input" >&- 2>&-
	[ -s model.safetensors ]
	cp model.safetensors first
	fm-train "${arguments[@]}" < "$input"
	cmp first model.safetensors
}

@test "a reader that has gone kills by SIGPIPE, quietly" {
	for tool in $(usual_tools sends); do
		usual_run "$tool"
		# the pipe's reader is waited for, so that the program can't win the race
		exec {pipe}> >(true)
		wait $!
		found=0
		# shellcheck disable=SC2261 # only one of them is stderr's
		"$tool" "${arguments[@]}" < "$input" >&"$pipe" 2> words || found=$?
		exec {pipe}>&-
		[ "$found" = 141 ] || fail "$tool into a closed pipe: status $found"
		[ ! -s words ] || fail "$tool said: $(cat words)"
	done
}

@test "SIGPIPE kills even where the parent ignores it" {
	for tool in $(usual_tools sends); do
		usual_run "$tool"
		found=0
		(
			trap '' PIPE
			exec {pipe}> >(true)
			wait $!
			# shellcheck disable=SC2261 # only one of them is stderr's
			exec "$tool" "${arguments[@]}" < "$input" >&"$pipe" 2> words
		) || found=$?
		[ "$found" = 141 ] || fail "$tool: status $found: $(cat words)"
	done
}

@test "| head -c1 ends a large stream at once" {
	need fm-fetch
	need_fashion_mnist
	run bash -c 'fm-fetch fashion-mnist | head -c 1 > /dev/null; echo "${PIPESTATUS[0]}"'
	assert_output 141
}

@test "| head -c1 of a repeated stream is \"enough\": exit 0, silent" {
	need fm-fetch fm-augment
	run bash -c 'fm-augment --epochs inf "$GIVEN/plain.fms" | head -c 1 > /dev/null; echo "${PIPESTATUS[0]}"'
	assert_output 0
}

@test "a missing file is exit 4 and named" {
	for tool in $(reading_tools); do
		usual_run "$tool"
		expect 4 "$tool" "${arguments[@]}" "no such file.fms" < /dev/null
		grep -q "^$tool: .*no such file.fms: .*No such file" words || fail "$tool said: $(cat words)"
	done
}

@test "a folder as a file is refused and named" {
	mkdir folder
	for tool in $(reading_tools); do
		usual_run "$tool"
		found=0
		"$tool" "${arguments[@]}" folder < /dev/null > out 2> words || found=$?
		case $found in
		3 | 4) ;;
		*) fail "$tool folder: status $found" ;;
		esac
		grep -q "^$tool: .*folder: " words || fail "$tool said: $(cat words)"
	done
}

@test "an unreadable file is exit 4 and named" {
	[ "$(id -u)" != 0 ] || command -v setpriv > /dev/null || skip "root reads every file, and setpriv is not there"
	as_somebody=()
	[ "$(id -u)" != 0 ] || as_somebody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	chmod 755 "$BATS_TEST_TMPDIR" 2> /dev/null
	"${as_somebody[@]}" true
	for tool in $(reading_tools); do
		usual_run "$tool"
		[ "$tool" != fm-train ] || continue # it needs a folder that it can write to
		cp "$input" secret.fms
		chmod 000 secret.fms
		"${as_somebody[@]}" test -x "$FM_BIN/$tool" || skip "the build folder is closed to others"
		found=0
		"${as_somebody[@]}" "$FM_BIN/$tool" "${arguments[@]}" secret.fms < /dev/null > out 2> words || found=$?
		# somebody else may not even reach the folder that the tests use; both are exit 4
		[ "$found" = 4 ] || fail "$tool: status $found: $(cat words)"
		grep -q "Permission denied" words || fail "$tool said: $(cat words)"
		rm -f secret.fms
	done
}

@test "empty, torn and foreign input is exit 3" {
	printf 'GIF89a, this is no stream at all, however long it may be' > foreign
	for tool in $(reading_tools); do
		usual_run "$tool"
		head -c 3000 "$input" > torn
		expect 3 "$tool" "${arguments[@]}" < torn
		grep -q "^$tool: " words
		[ "$tool" != fm-train ] || [ ! -e model.safetensors ]
		expect 3 "$tool" "${arguments[@]}" < foreign
		expect 3 "$tool" "${arguments[@]}" < /dev/null
	done
}

@test "a file's name may have spaces and new lines; a message shows them" {
	name=$'a b\nc.fms'
	for tool in $(reading_tools); do
		usual_run "$tool"
		cp "$input" "$name"
		expect 0 "$tool" "${arguments[@]}" "$name" < /dev/null
		printf nonsense > "$name"
		expect 3 "$tool" "${arguments[@]}" "$name" < /dev/null
		grep -qF 'a b\nc.fms' words || fail "$tool said: $(cat words)"
		said_one_line "$tool"
	done
}

@test "a name that begins with a dash comes after --" {
	for tool in $(reading_tools); do
		usual_run "$tool"
		cp "$input" ./-x
		expect 0 "$tool" "${arguments[@]}" -- -x < /dev/null
	done
}

@test "- is stdin" {
	for tool in $(reading_tools); do
		usual_run "$tool"
		expect 0 "$tool" "${arguments[@]}" - < "$input"
		cp out first
		expect 0 "$tool" "${arguments[@]}" < "$input"
		cmp first out
	done
}

@test "an empty environment is enough" {
	for tool in $(usual_tools); do
		usual_run "$tool"
		expect 0 env -i "$FM_BIN/$tool" "${arguments[@]}" < "$input"
	done
}

@test "a locale with a decimal comma changes nothing" {
	localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 > /dev/null 2>&1 || skip "the sources of locales are not there"
	export LOCPATH=$PWD
	LC_ALL=de_DE.UTF-8 awk 'BEGIN { exit 0 }'
	[ "$(LC_ALL=de_DE.UTF-8 bash -c 'printf %.1f 1,5')" = 1,5 ] || skip "the locale doesn't work here"
	for tool in $(usual_tools); do
		usual_run "$tool"
		LC_ALL=C "$tool" "${arguments[@]}" < "$input" > plain
		[ "$tool" != fm-train ] || cp model.safetensors plain
		LC_ALL=de_DE.UTF-8 "$tool" "${arguments[@]}" < "$input" > german
		[ "$tool" != fm-train ] || cp model.safetensors german
		cmp plain german
	done
	# numbers are read with a point too
	if usual_run fm-augment && command -v fm-augment > /dev/null; then
		LC_ALL=C fm-augment --rotation 7.5 "$GIVEN/plain.fms" > plain
		LC_ALL=de_DE.UTF-8 fm-augment --rotation 7.5 "$GIVEN/plain.fms" > german
		cmp plain german
		LC_ALL=de_DE.UTF-8 expect 2 fm-augment --rotation 7,5 "$GIVEN/plain.fms"
	fi
}

@test "success is silent with --quiet, and never shows progress in a file" {
	for tool in $(usual_tools); do
		usual_run "$tool"
		expect 0 "$tool" --quiet "${arguments[@]}" < "$input"
		[ ! -s words ] || fail "$tool --quiet said: $(cat words)"
		if [ "$tool" = fm-train ]; then
			arguments=("${arguments[@]:1}")
		fi
		expect 0 "$tool" --verbose "${arguments[@]}" < "$input"
		! grep -q $'\r' words || fail "$tool shows progress in a file"
		! grep -qv "^$tool: " words || fail "$tool said without its name: $(cat words)"
	done
}

@test "--json is JSON" {
	for tool in $(usual_tools); do
		"$tool" --dump-options | cut -f 2 | grep -qx json || continue
		usual_run "$tool"
		expect 0 "$tool" "${arguments[@]}" --json < "$input"
		"$PYTHON" -c 'import json, sys; json.load(sys.stdin)' < out || fail "$tool --json: $(head -c 300 out)"
	done
}

# Files that appear whole or not at all: fm-train's model stands for all of them.

train() {
	fm-train --quiet --batch 64 --steps 2 "$@" "$GIVEN/plain.fms"
}

@test "an output follows a link and keeps its target's mode" {
	need fm-train
	mkdir there
	touch there/model
	chmod 640 there/model
	ln -s there/model link
	train -o link
	[ -L link ]
	[ "$(stat -c %a there/model)" = 640 ]
	[ -s there/model ]
	[ "$(find . -name '.*' -type f | wc -l)" = 0 ]
}

@test "an output follows a link to a file that isn't there yet" {
	need fm-train
	mkdir there
	ln -s there/model link
	train -o link
	[ -L link ]
	[ -s there/model ]
}

@test "an output's mode is what the umask leaves" {
	need fm-train
	umask 027
	train -o model
	[ "$(stat -c %a model)" = 640 ]
}

@test "an output may be a FIFO, a device, /dev/fd/N or /dev/stdout" {
	need fm-train
	train -o model
	mkfifo fifo
	cat fifo > through &
	train -o fifo
	wait $!
	[ -p fifo ]
	cmp model through
	train -o /dev/null
	[ -c /dev/null ]
	train -o /dev/fd/5 5> fd
	cmp model fd
	train -o /dev/stdout > out
	cmp model out
	train -o /dev/stdout | cmp - model
	train -o - | cmp - model
	[ ! -e ./- ]
	expect 2 train --checkpoint - -o model
	expect 2 train --log - -o model
}

@test "an output that can't be written is exit 4, and the old file stands" {
	need fm-train
	expect 4 train -o no/such/folder/model
	grep -q "no/such/folder/model" words
	mkdir folder
	expect 4 train -o folder
	[ -d folder ]
	expect 4 train -o /dev/full
	ln -s loop loop
	expect 4 train -o loop
	grep -q "loop" words
}

@test "a failed run leaves the old file as it was, and no temporary one" {
	need fm-train
	echo old > model
	head -c 50000 "$GIVEN/plain.fms" > torn.fms
	expect 3 fm-train --quiet --steps 2 -o model torn.fms
	[ "$(cat model)" = old ]
	[ "$(find . -name '.*' -type f | wc -l)" = 0 ]
}

@test "a run killed by a signal leaves no temporary file" {
	need fm-train
	echo old > model
	mkfifo input
	for signal in TERM HUP; do
		fm-train --quiet --steps 2 -o model input &
		trainer=$!
		exec 7> input
		kill -s "$signal" "$trainer"
		found=0
		wait "$trainer" || found=$?
		exec 7>&-
		[ "$found" -gt 128 ]
		[ "$(cat model)" = old ]
		[ "$(find . -name '.*' -type f | wc -l)" = 0 ]
	done
}
