#!/bin/bash
# peers.sh: what is asked of speed, what ours does and what the best peer does, in turn in one run; `make peers` gets them.
set -euo pipefail

here=$(cd "$(dirname "$0")/../peers" && pwd)
folder=${FM_PEERS:-$here/../../build/peers}
python=$folder/bin/python
clock=${CLOCK:-wall}
export PYTHONDONTWRITEBYTECODE=1

cmp -s "$here/requirements.txt" "$folder/requirements.txt" || {
	echo "the peers are not installed: make peers gets them from PyPI, 8 GB; make bench-peers also compares"
	exit 0
}
PATH=$FM_BIN:$PATH "$here/workspace.sh" "$folder/bench" "$python"
read -ra rows <<< "${ROWS-}"
echo "by the $clock clock"
exec "$python" "$here/table.py" "$folder/bench" "$clock" "${rows[@]}"
