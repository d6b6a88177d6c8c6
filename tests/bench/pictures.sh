#!/bin/bash
# pictures.sh: how many picture files a second are fetched, and in how much memory: 100,000 small ones, 400 photographs.
set -euo pipefail

PATH=$FM_BIN:$PATH
oracles=$(cd "$(dirname "$0")/../oracles" && pwd)
folder=$(mktemp -d "${TMPDIR:-/dev/shm}/fm-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

/usr/bin/python3 "$oracles/pictures.py" many small 100000
/usr/bin/python3 - << 'END'
import os
import numpy
from PIL import Image
os.mkdir("photographs")
noise = numpy.random.default_rng(1).integers(0, 256, (48, 64, 3), numpy.uint8)
for i in range(400):
    Image.fromarray(numpy.roll(noise, i, 1)).resize((640, 480)).save("photographs/%03d.jpg" % i, quality=90)
END

# report WORDS PICTURES COMMAND…
report() {
	local words=$1 pictures=$2
	shift 2
	/usr/bin/python3 - "$words" "$pictures" "$@" << 'END'
import resource, subprocess, sys, time
begin = time.monotonic()
subprocess.run(sys.argv[3:], stdout=subprocess.DEVNULL, check=True)
seconds, kilobytes = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print("  %-40s %8.0f pictures/s  %6d kB" % (sys.argv[1], int(sys.argv[2]) / seconds, kilobytes))
END
}

echo "picture files, all processors"
report "28x28 grey PNG, 10,000" 10000 fm-fetch small/1
report "28x28 grey PNG, 100,000" 100000 fm-fetch small
tar -C small/1 -cf shard.tar .
printf '%d\n' {0..9} > names
report "28x28 grey PNG, 10,000, WebDataset" 10000 fm-fetch --webdataset --classes names shard.tar
report "640x480 JPEG to 64x64" 400 fm-fetch photographs --size 64x64 --fit crop

peers=${FM_PEERS:-$oracles/../../build/peers}
if "$peers/bin/python" -c 'import torchvision' 2> /dev/null; then
	echo "against torchvision's ImageFolder with two workers, in turn"
	mkdir few large
	mv small/1 small/2 few
	mv photographs large
	"$peers/bin/python" "$oracles/../peers/folder.py" "28x28 grey PNG, 20,000" few - 1
	"$peers/bin/python" "$oracles/../peers/folder.py" "640x480 JPEG to 64x64" large 64 3
else
	echo "torchvision is not installed: make peers gets it, with the other peers"
fi
