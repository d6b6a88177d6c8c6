# train.bash: what the tests of fm-train share. Loaded after helper.bash.
# shellcheck shell=bash

NET="conv 3 3x3 same, bn, relu, maxpool 2, flatten, dropout 0.3, dense classes"

# make_stream FILE [OPTIONS]: pictures that can be learned, see oracles/train.py
make_stream() {
	"$PYTHON" "$FM_ROOT/tests/oracles/train.py" "$@"
}

# train OPTIONS…: small and quick
train() {
	fm-train --arch "$NET" --batch 16 --lr 0.01 "$@"
}

# interrupt BYTES FILE OPTIONS…: send so much of a stream, and then SIGTERM, or $SIGNAL, once it has been consumed
interrupt() {
	local bytes=$1 file=$2 pid
	shift 2
	rm -f fifo && mkfifo fifo
	fm-train --arch "$NET" --batch 16 --lr 0.01 "$@" < fifo &
	pid=$!
	exec 7> fifo
	head -c "$bytes" "$file" >&7
	wait_for rests $pid
	kill -"${SIGNAL:-TERM}" $pid
	wait $pid
}

same_weights() {
	"$PYTHON" "$FM_ROOT/tests/oracles/tensors.py" same "$@"
}

# state CHECKPOINT KEY
state() {
	"$PYTHON" "$FM_ROOT/tests/oracles/tensors.py" state "$@"
}

# column LOG KEY: one value a line
column() {
	"$PYTHON" -c 'import json, sys
for line in open(sys.argv[1]):
	print(json.loads(line)[sys.argv[2]])' "$@"
}

# like FILE, without what takes another time each time
without_times() {
	sed 's/,"seconds":.*,"device"/,"device"/' "$1"
}

# python CODE ARGUMENTS…: with the oracles' modules
python() {
	local code=$1
	shift
	PYTHONPATH=$FM_ROOT/tests/oracles "$PYTHON" -c "$code" "$@"
}
