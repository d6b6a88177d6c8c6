#!/bin/sh
# retrain.sh: train on today's pictures; the new model takes over only if it is not worse than the one in use.
#
#	retrain.sh FOLDER [SOURCE]
#
# FOLDER gets one folder a run, named by its time, and the link `current` to the one in use, replaced by one rename, so
# that whoever reads FOLDER/current/model.safetensors has the old model or the new one and never half of either.
# To roll back:
#
#	cd FOLDER && ln -s 2026-11-22T030000 .link && mv -T .link current
#
# TRAIN and AUGMENT say what else fm-train and fm-augment are told, ALLOW_WORSE how many points of accuracy may be
# lost to chance, KEEP how many runs stay, whatever it says the one in use and the one that was in use before it. Exit
# status: 0 the new model is in use; 1 it is worse, the old one stays; 75 another run is at work; 70 a program has failed
# with 1, such as fm-train where the loss is no longer finite; anything else went wrong, too, and the old one stays.
set -eu

keep=${KEEP:-14}
case $keep in
*[!0-9]* | 0?*)
	echo "retrain.sh: KEEP is a number of runs, not $keep" >&2
	exit 2
	;;
esac

# Only a worse model ends in 1.
work='' is_worse=''
leave() {
	status=$?
	[ -z "$work" ] || rm -rf "$work" .link
	[ "$status" != 1 ] || [ "$is_worse" ] || status=70
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

folder=${1:?the folder that keeps the models}
source=${2:-fashion-mnist}

# A path, seen from here and not from FOLDER. A word alone may be a set that is known by its name.
case $source in
/* | *://*) ;;
*/*) source=$PWD/$source ;;
*) [ ! -e "$source" ] || [ "$source" = fashion-mnist ] || source=$PWD/$source ;;
esac

mkdir -p "$folder"
cd "$folder"

exec 9> .lock
flock --nonblock 9 || {
	echo "retrain.sh: another run is at work in $folder" >&2
	exit 75
}

# What a killed run has left goes too: the lock is ours.
rm -rf .work.*
work=$(mktemp -d .work.XXXXXX)

# One set, three parts. Which part a picture belongs to follows from its bytes alone, so nothing changes sides as the
# set grows: what is held out tonight was never trained on.
fm-fetch --split all --holdout 10% -- "$source" > "$work/data.fms"
fm-fetch --part holdout - < "$work/data.fms" > "$work/exam.fms"

# Options in TRAIN and AUGMENT are words.
# shellcheck disable=SC2086
fm-fetch --part fit - < "$work/data.fms" |
	fm-fetch --holdout 10% --seed 2 - |
	fm-augment --preset seed --epochs "${EPOCHS:-20}" ${AUGMENT:-} |
	fm-train --schedule cosine ${TRAIN:-} --log "$work/log.jsonl" -o "$work/model.safetensors"

fm-predict -m "$work/model.safetensors" < "$work/exam.fms" > "$work/predictions.fms"
fm-metrics --json "$work/predictions.fms" > "$work/metrics.json"

# The first night there is nothing to compare with.
set --
if [ -e current/model.safetensors ]; then
	fm-predict -m current/model.safetensors < "$work/exam.fms" > "$work/old.fms"
	fm-metrics --json "$work/old.fms" > "$work/old.json"
	set -- --baseline "$work/old.json"
	fm-metrics --baseline "$work/old.fms" --allow-worse "${ALLOW_WORSE:-0.3%}" "$work/predictions.fms" \
		> "$work/comparison.txt" || {
		status=$?
		cat "$work/comparison.txt"
		echo "retrain.sh: the model in use stays" >&2
		is_worse=yes
		exit $status
	}
fi
fm-report -m "$work/model.safetensors" --log "$work/log.jsonl" "$@" -o "$work/report.html" "$work/predictions.fms"

# In place: everything is written and synced before the link moves.
rm -f "$work/data.fms" "$work/exam.fms" "$work/old.fms" "$work/old.json"
night=$(date -u +%Y-%m-%dT%H%M%S)
chmod 755 "$work"
mv -T "$work" "$night"
sync "$night"
before=$(readlink current) || before=
ln -s "$night" .link
mv -T .link current
fm-metrics current/predictions.fms

# Old runs go, the one in use and the one that was before it never.
for old in $(find . -maxdepth 1 -type d -name '[0-9]*T[0-9]*' | sort -r | tail -n "+$((keep + 1))"); do
	[ "$old" = "./$night" ] || [ "$old" = "./$before" ] || rm -rf "$old"
done
