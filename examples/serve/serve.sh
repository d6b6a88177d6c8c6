#!/bin/bash
# serve.sh: pictures in, answers out: bare frames of the model's size on stdin, a line of JSON for each on stdout, at once.
#
#	serve.sh MODEL [OPTION OF FM-PREDICT]...
#
# This process becomes fm-predict itself, so that a SIGHUP to it makes it read the model again; fm-fetch runs beside it.
set -eu

model=${1:?the model that predicts}
shift

# 28x28x1, as the model has it
size=$(fm-info -- "$model" | sed -nE 's/^input .*"h":([0-9]+),"w":([0-9]+),"c":([0-9]+).*/\1x\2x\3/p')

exec 3<&0
exec fm-predict --model "$model" --format jsonl "$@" < <(exec fm-fetch --raw "$size" --like "$model" <&3 3<&-) 3<&-
