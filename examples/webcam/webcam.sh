#!/bin/sh
# webcam.sh: what a model sees in a film or a camera: a line of JSON a frame, as soon as the frame is there.
#
#	webcam.sh MODEL FILM
#	webcam.sh MODEL -f v4l2 -i /dev/video0
#
# What stands behind MODEL is for ffmpeg: a film, or how a camera is opened. The middle of each frame is cut out in the
# proportions of the model's pictures and made as large as these. FPS, 5 unless the environment says otherwise, is how
# many frames a second are looked at; in a film of 25 every fifth is. A net that was trained on light things in front of
# a dark background, as Fashion-MNIST's are, wants LOOK=negate on a white wall (any filters of ffmpeg's, joined by commas).
set -eu

model=${1:?the model that looks}
shift
[ $# -gt 1 ] || set -- -i "${1:?a film, or the options that open a camera}"

value() { fm-info -- "$model" | sed -nE "s/^input .*\"$1\":([0-9]+).*/\\1/p"; }
height=$(value h) width=$(value w)
case $(value c) in
1) pixels=gray size=${height}x${width}x1 ;;
3) pixels=rgb24 size=${height}x${width}x3 ;;
*) echo "webcam.sh: $model wants neither grey nor coloured pictures" >&2 && exit 2 ;;
esac

middle="crop='min(iw,ih*$width/$height)':'min(ih,iw*$height/$width)'"
ffmpeg -nostdin -loglevel error "$@" -an -vf "fps=${FPS:-5},$middle,scale=$width:$height:flags=area${LOOK:+,$LOOK}" \
	-pix_fmt $pixels -f rawvideo -flush_packets 1 - |
	fm-fetch --raw "$size" --like "$model" |
	fm-predict --model "$model" --format jsonl
