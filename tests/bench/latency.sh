#!/bin/bash
# latency.sh: how long a single picture takes from its arrival to its answer, through whole pipes; and ten thousand.
set -euo pipefail

PATH=$FM_BIN:$PATH
folder=$(mktemp -d "${TMPDIR:-/dev/shm}/fm-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fm-fetch fashion-mnist --range 0:2000 | fm-train --quiet --epochs 1 -o seed.safetensors
fm-fetch fashion-mnist --split test > test.fms
fm-fetch - --range 0:2000 < test.fms > some.fms
fm-export --format npy -o arrays some.fms
/usr/bin/python3 - << 'END'
import numpy, os
from PIL import Image
images = numpy.load("arrays/images.npy")
open("frames", "wb").write(images.tobytes())
os.mkdir("pictures")
with open("names", "wb") as names:
    for number, image in enumerate(images):
        Image.fromarray(image.reshape(28, 28)).save("pictures/%d.png" % number)
        names.write(b"pictures/%d.png\0" % number)
END
fm-fetch --raw 28x28x1 < frames > single.fms

echo "from a picture to its answer, one at a time (seed's net; to be under 1,000 us, fm-predict alone under 80)"
for precision in fp32 bf16; do
	predict="fm-predict --precision $precision -m seed.safetensors --format jsonl"
	# a CPU without bf16 refuses it
	$predict single.fms > /dev/null 2>&1 || continue
	# shellcheck disable=SC2086 # words
	"$FM_BENCH/latency" "  records | fm-predict, $precision" records single.fms $predict
	"$FM_BENCH/latency" "  frames | fm-fetch --raw | fm-predict, $precision" 784 frames sh -c "fm-fetch --raw 28x28x1 | $predict"
	"$FM_BENCH/latency" "  names | fm-fetch --files0-from | …, $precision" names names \
		sh -c "fm-fetch --files0-from - | $predict"
done

echo "fm-predict of 10,000 pictures, start and model included (to be under 500 ms)"
for precision in fp32 bf16; do
	fm-predict --precision $precision -m seed.safetensors single.fms > /dev/null 2>&1 || continue
	"$FM_BENCH/measure" "  $precision" 5 sh -c "exec fm-predict --precision $precision -m seed.safetensors < test.fms"
done
