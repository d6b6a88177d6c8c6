#!/usr/bin/env bats
# examples/serve, examples/webcam: answers over sockets and of films are those that fm-predict gives itself.

load helper

setup_file() {
	need_fashion_mnist
	need_python numpy
	cd "$BATS_FILE_TMPDIR" || return 1
	for rate in 0.001 0.02; do
		fm-fetch fashion-mnist --range 0:300 |
			fm-train --arch 'flatten, dense classes' --epochs 1 --lr $rate -o "model-$rate.safetensors"
	done
	fm-fetch fashion-mnist --split test --range 0:60 | fm-export --format npy -o set
	"$PYTHON" -c 'import numpy; open("frames", "wb").write(numpy.load("set/images.npy").tobytes())'
}

# by MODEL: class and probability of each of the frames, as the client prints them
by() {
	fm-fetch --raw 28x28x1 < "$BATS_FILE_TMPDIR/frames" | fm-predict -m "$1" --format jsonl |
		"$PYTHON" -c 'import json, sys
for line in sys.stdin: print(json.loads(line)["predicted"], "%.3f" % json.loads(line)["prob"])'
}

client() { "$PYTHON" "$FM_ROOT/examples/serve/client.py" "$@"; }

# listen: the socat line of the README, in the background
listen() {
	need socat
	cp "$BATS_FILE_TMPDIR/model-0.001.safetensors" model.safetensors
	socat -t 60 UNIX-LISTEN:sock,fork "EXEC:'$FM_ROOT/examples/serve/serve.sh' model.safetensors" 3>&- 2> words &
	listener=$!
	wait_for [ -S sock ]
}

teardown() {
	[ -z "${listener-}" ] || kill "$listener"
}

@test "over a socket each frame has the answer that fm-predict gives, for two clients at a time" {
	listen
	client sock 784 < "$BATS_FILE_TMPDIR/frames" > one &
	client sock 784 < "$BATS_FILE_TMPDIR/frames" > other
	wait $!
	by model.safetensors > direct
	[ "$(wc -l < direct)" = 60 ]
	cmp direct one
	cmp direct other
	[ "$(wc -l < "$FM_ROOT/examples/serve/client.py")" -le 20 ]
}

@test "a client that leaves in the middle of a frame harms nobody" {
	listen
	mkfifo to
	socat -t 30 - UNIX-CONNECT:sock < to > cut &
	exec 5> to
	head -c 784 "$BATS_FILE_TMPDIR/frames" >&5
	# a socat whose program fails drops what it has not sent yet: so the answer first, then the torn frame
	wait_for grep -q predicted cut
	head -c 216 "$BATS_FILE_TMPDIR/frames" >&5
	exec 5>&-
	wait_for grep -q 'frame 1 has 216 bytes' words
	[ "$(wc -l < cut)" = 1 ]
	client sock 784 < "$BATS_FILE_TMPDIR/frames" > whole
	[ "$(wc -l < whole)" = 60 ]
}

@test "a connection that lasts follows the model on SIGHUP" {
	listen
	mkfifo to
	client sock 784 < to > answers &
	exec 5> to
	head -c 7840 "$BATS_FILE_TMPDIR/frames" >&5
	has_answers() { [ "$(wc -l < answers)" = "$1" ]; }
	wait_for has_answers 10
	cp "$BATS_FILE_TMPDIR/model-0.02.safetensors" new && mv new model.safetensors
	# socat's child has become fm-predict
	local server
	server=$(pgrep -x fm-predict -P "$(pgrep -x socat -P "$listener")")
	kill -HUP "$server"
	tail -c +7841 "$BATS_FILE_TMPDIR/frames" >&5
	exec 5>&-
	wait_for has_answers 60
	by "$BATS_FILE_TMPDIR/model-0.001.safetensors" | head -n 10 > direct
	by "$BATS_FILE_TMPDIR/model-0.02.safetensors" | tail -n +11 >> direct
	cmp direct answers
	by "$BATS_FILE_TMPDIR/model-0.001.safetensors" | run ! cmp - answers
}

@test "systemd starts it when somebody connects, and finds nothing wrong with the units" {
	need systemd-socket-activate systemd-analyze
	cp "$BATS_FILE_TMPDIR/model-0.001.safetensors" model.safetensors
	cp "$FM_ROOT"/examples/serve/fm-serve* .
	sed -i "s|/usr/local/share/fm-tools|$FM_ROOT|" fm-serve@.service
	systemd-analyze verify ./fm-serve.socket ./fm-serve@.service 2>&1 | tee verified
	[ ! -s verified ]
	# as the units say: Accept=yes, stdin and stdout are the socket
	systemd-socket-activate --accept --inetd -l "$PWD/sock" -E PATH "$FM_ROOT/examples/serve/serve.sh" \
		"$PWD/model.safetensors" --threads 1 3>&- 2> words &
	listener=$!
	wait_for [ -S sock ]
	client sock 784 < "$BATS_FILE_TMPDIR/frames" > answers
	by model.safetensors | cmp - answers
}

@test "a film is looked at frame by frame" {
	need ffmpeg
	cp "$BATS_FILE_TMPDIR/model-0.001.safetensors" model.safetensors
	# every frame large, and lossless: 56 x 56 pixels of four equal ones each
	"$PYTHON" -c 'import numpy, sys
frames = numpy.fromfile(sys.argv[1], numpy.uint8).reshape(-1, 28, 28)
sys.stdout.buffer.write(frames.repeat(2, 1).repeat(2, 2).tobytes())' "$BATS_FILE_TMPDIR/frames" |
		ffmpeg -loglevel error -f rawvideo -pix_fmt gray -s 56x56 -r 5 -i - -c:v ffv1 film.mkv
	"$FM_ROOT/examples/webcam/webcam.sh" model.safetensors film.mkv > answers
	fm-fetch --raw 28x28x1 < "$BATS_FILE_TMPDIR/frames" | fm-predict -m model.safetensors --format jsonl > direct
	cmp direct answers
	# a wide film: its middle
	ffmpeg -loglevel error -i film.mkv -vf pad=100:56:22:0:white -c:v ffv1 wide.mkv
	"$FM_ROOT/examples/webcam/webcam.sh" model.safetensors -i wide.mkv > answers
	cmp direct answers
	LOOK=negate "$FM_ROOT/examples/webcam/webcam.sh" model.safetensors film.mkv > answers
	[ "$(wc -l < answers)" = 60 ]
	run ! cmp direct answers
}
