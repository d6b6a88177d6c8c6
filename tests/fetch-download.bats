#!/usr/bin/env bats
# fm-fetch's downloads, against a server on this machine that stalls, truncates, redirects and refuses (http/server.py).

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	[ -d /usr/share/datasets/fashion-mnist ] || return 0
	/usr/bin/python3 "$BATS_TEST_DIRNAME/oracles/fashion_mnist.py" site/fashion-mnist \
		t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz
	printf '\0\0\10\3\0\0\0\144\0\0\0\10\0\0\0\10' > site/pictures
	head -c 6400 /dev/zero >> site/pictures
	: > site/empty
	: > requests
	/usr/bin/python3 "$BATS_TEST_DIRNAME/http/server.py" site port requests 3>&- < /dev/null > server.log 2>&1 &
	echo $! > server.pid
	local tries=0
	until [ -s port ]; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || return 1
		sleep 0.05
	done
}

teardown_file() {
	[ ! -s "$BATS_FILE_TMPDIR/server.pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/server.pid")"
}

setup() {
	need_fashion_mnist
	cd "$BATS_TEST_TMPDIR" || return 1
	export XDG_CACHE_HOME=$PWD/cache FM_DATASETS=$PWD/none TMPDIR=$PWD
	SERVER=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
	SITE=$BATS_FILE_TMPDIR/site
	KEPT=$XDG_CACHE_HOME/fm-tools/fashion-mnist
	unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
	: > "$BATS_FILE_TMPDIR/requests"
}

# fetch MANNER ARGUMENT…: the test split of Fashion-MNIST from a mirror with these manners
fetch() {
	FM_MIRROR=$SERVER/$1 fm-fetch --split test "${@:2}"
}

# requests: what the server was asked for in this test
requests() {
	cut -d ' ' -f 1,2 "$BATS_FILE_TMPDIR/requests"
}

# is_kept: both files are in the cache, and nothing else
is_kept() {
	cmp "$KEPT/t10k-images-idx3-ubyte.gz" "$SITE/fashion-mnist/t10k-images-idx3-ubyte.gz" &&
		cmp "$KEPT/t10k-labels-idx1-ubyte.gz" "$SITE/fashion-mnist/t10k-labels-idx1-ubyte.gz" &&
		[ "$(find "$XDG_CACHE_HOME" -type f | wc -l)" = 2 ]
}

@test "a named set comes from the mirror, is verified and kept; the second time nobody is asked" {
	fetch good > first.fms
	is_kept
	[ "$(requests | wc -l)" = 2 ]
	fetch good > second.fms
	[ "$(requests | wc -l)" = 2 ]
	cmp first.fms second.fms
	FM_DATASETS=/usr/share/datasets XDG_CACHE_HOME=$PWD/other fetch code/404 > third.fms
	cmp first.fms third.fms
	run cut -d ' ' -f 3,4 "$BATS_FILE_TMPDIR/requests"
	[[ ${lines[0]} == "fm-fetch/"*" -" ]]
}

@test "a transfer that breaks off goes on from where it stopped" {
	fetch cut/2 > out.fms
	is_kept
	run requests
	[[ ${lines[0]} == *images*" -" && ${lines[1]} == *images*" bytes=2211051-" && ${lines[2]} == *images*" bytes=3316576-" ]]
}

@test "a server without ranges sends it all again" {
	fetch cutplain/1 > out.fms
	is_kept
	[ "$(requests | wc -l)" = 4 ]
}

@test "a short answer whose length was not announced is noticed" {
	fetch nolength/1 > out.fms
	is_kept
	run requests
	[[ ${lines[1]} == *" bytes=2211051-" ]]
}

@test "a server that falls silent is given up on after --timeout, and tried again" {
	fetch stall/1 --timeout 1 > out.fms
	is_kept
	rm -r cache
	refuse 4 "tried 2 times" fetch stall/9 --timeout 1 --retries 1
}

@test "503 with Retry-After is tried again, and said with -v" {
	fetch busy/1 -v > out.fms 2> words
	is_kept
	grep -q "the server answers 503; trying again in 1.00 s" words
	rm -r cache
	refuse 4 "the server answers 500 (tried 2 times)" fetch code/500 --retries 1
	[ "$(requests | grep -c code/500)" = 2 ]
}

@test "404 is not tried again; the next mirror is" {
	refuse 4 "the server answers 404" fetch code/404
	[ "$(requests | wc -l)" = 1 ]
	FM_MIRROR="$SERVER/code/404 $SERVER/good/" fm-fetch --split test > out.fms 2> words
	is_kept
	grep -q "trying the next mirror" words
}

@test "redirects are followed, not for ever" {
	fetch to/to/good > out.fms
	is_kept
	rm -r cache
	refuse 4 "redirect" fetch loop
	[ "$(requests | grep -c /loop)" -le 12 ]
}

@test "what isn't the published file is refused and not kept: longer, shorter, other bytes" {
	mkdir -p "$SITE/wrong/fashion-mnist"
	head -c 4422102 /dev/zero > "$SITE/wrong/fashion-mnist/t10k-images-idx3-ubyte.gz"
	refuse 3 "its SHA-256 is" fetch good/wrong
	head -c 5000000 /dev/zero > "$SITE/wrong/fashion-mnist/t10k-images-idx3-ubyte.gz"
	refuse 3 "longer than the 4422102 bytes" fetch good/wrong
	refuse 3 "longer than the 4422102 bytes" fetch endless
	head -c 100 /dev/zero > "$SITE/wrong/fashion-mnist/t10k-images-idx3-ubyte.gz"
	refuse 3 "it has 100 bytes; expected 4422102" fetch good/wrong
	run find cache -type f
	assert_output ""
}

@test "an earlier run's beginning is gone on with; if it was of another file, it is begun again" {
	mkdir -p "$KEPT"
	head -c 1000 "$SITE/fashion-mnist/t10k-images-idx3-ubyte.gz" > "$KEPT/t10k-images-idx3-ubyte.gz.part"
	fetch good > out.fms
	is_kept
	run requests
	[[ ${lines[0]} == *" bytes=1000-" ]]
	rm -r cache && mkdir -p "$KEPT"
	head -c 1000 /dev/zero > "$KEPT/t10k-images-idx3-ubyte.gz.part"
	fetch good > out.fms
	is_kept
	rm -r cache && mkdir -p "$KEPT"
	head -c 9000000 /dev/zero > "$KEPT/t10k-images-idx3-ubyte.gz.part"
	fetch good > out.fms
	is_kept
}

@test "a range that begins elsewhere is not glued on" {
	refuse 3 "the server sends those from" fetch shifted
}

@test "a damaged file of the cache is fetched again, with a word" {
	fetch good > first.fms
	printf x | dd of="$KEPT/t10k-images-idx3-ubyte.gz" bs=1 seek=999 conv=notrunc status=none
	fetch good > second.fms 2> words
	is_kept
	cmp first.fms second.fms
	grep -q "not the published file" words
}

@test "killed in the middle, the next one goes on; two at once fetch once" {
	FM_MIRROR=$SERVER/stall/1 fm-fetch --split test --timeout 100 > out.fms &
	wait_for test -s "$KEPT/t10k-images-idx3-ubyte.gz.part"
	kill -9 $!
	wait $! || true
	fetch good > one.fms &
	fetch good > other.fms
	wait $!
	is_kept
	cmp one.fms other.fms
	[ "$(requests | grep -c good)" = 2 ]
	run requests
	[[ ${lines[1]} == *" bytes="* ]]
}

@test "an address: pictures are fetched anew each time, and nothing is left behind" {
	fm-fetch "$SERVER/good/pictures?token=secret" > one.fms
	fm-fetch "http://ann:secret@${SERVER#http://}/good/pictures" > other.fms
	grep -q password "$BATS_FILE_TMPDIR/requests"
	run grep -a secret one.fms other.fms
	[ "$status" = 1 ]
	grep -aq "\\\\\"SOURCE\\\\\":\\\\\"$SERVER/good/pictures\\\\\"" one.fms
	[ "$(requests | wc -l)" = 2 ]
	run ls -A
	assert_output $'one.fms\nother.fms'
	refuse 3 "it has 0 bytes" fm-fetch "$SERVER/good/empty"
	cp one.fms "$SITE/whole.fms"
	fm-fetch "$SERVER/good/whole.fms" > other.fms
	content() { tail -c 2000 "$1" | grep -ao '"fm.content":"[0-9a-f]*"' | tail -1; }
	[ "$(content one.fms)" = "$(content other.fms)" ]
	head -c 100 one.fms > "$SITE/torn.fms"
	refuse 3 "torn" fm-fetch "$SERVER/good/torn.fms"
	printf 'P5 2 2 255\n0123' > "$SITE/picture.pgm"
	refuse 2 "a single picture, which is read from a file alone" fm-fetch "$SERVER/good/picture.pgm"
	refuse 4 "the server answers 404" fm-fetch "$SERVER/good/nothing"
	refuse 4 "the server answers 403" fm-fetch "$SERVER/code/403"
}

@test "an address whose file changes while it breaks off is never glued together" {
	fm-fetch "$SERVER/cut/2/pictures" > one.fms
	run requests
	[[ ${lines[1]} == *" bytes="* ]]
	fm-fetch "$SERVER/changing/pictures" > other.fms
	[ "$(content one.fms)" = "$(content other.fms)" ]
}

@test "an address with --sha256 is verified and kept under its digest" {
	digest=$(sha256sum < "$SITE/pictures" | cut -c 1-64)
	fm-fetch --sha256 "$digest" "$SERVER/good/pictures" > one.fms
	fm-fetch --sha256 "$digest" "$SERVER/code/404" > other.fms
	[ "$(requests | wc -l)" = 1 ]
	cmp "$SITE/pictures" "cache/fm-tools/sha256/$digest"
	refuse 3 "its SHA-256 is $digest" fm-fetch --sha256 "${digest//[0-9]/f}" "$SERVER/good/pictures"
}

@test "two addresses are a pair; a server that is not there is said to be so" {
	cp /usr/share/datasets/fashion-mnist/t10k-* .
	fm-fetch "$SERVER/good/fashion-mnist/t10k-labels-idx1-ubyte.gz" \
		"$SERVER/good/fashion-mnist/t10k-images-idx3-ubyte.gz" > far.fms
	fm-fetch t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz > near.fms
	[ "$(tail -c 2000 far.fms | grep -ao 'fm.content":"[0-9a-f]*')" = "$(tail -c 2000 near.fms | grep -ao 'fm.content":"[0-9a-f]*')" ]
	refuse 4 "http://127.0.0.1:1/x: " fm-fetch http://127.0.0.1:1/x --retries 0
}

@test "the proxy of the environment is used" {
	http_proxy=$SERVER refuse 4 "the server answers 404" fm-fetch http://nowhere.invalid/x
	[ "$(requests)" = "http://nowhere.invalid/x -" ]
}

@test "without a cache or a place in it, words say what to set" {
	XDG_CACHE_HOME='' HOME='' refuse 4 "set XDG_CACHE_HOME or HOME" fetch good
	touch file
	XDG_CACHE_HOME=$PWD/file refuse 4 "can't make this folder of the cache" fetch good
}

@test "SSL_CERT_FILE says which certificates are trusted" {
	# read as soon as a connection stands, before the server could answer
	SSL_CERT_FILE=$PWD/none.pem run -4 fm-fetch --retries 0 "https://${SERVER#http://}/pictures.npy"
	assert_output --partial "$PWD/none.pem"
}
