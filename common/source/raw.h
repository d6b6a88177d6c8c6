/* source/raw.h: bare frames, one after the other: a camera, ffmpeg, a script in any language. */
#ifndef FM_SOURCE_RAW_H
#define FM_SOURCE_RAW_H

#include "source/source.h"

typedef struct RawShape {
	uint32_t height, width, channels;
} RawShape;

/** "HxWxC" or "HxW", each from 1 on within a stream's bounds. @return NULL, or what was expected */
const char *raw_parse(const char *text, RawShape *shape);

/**
 * Each frame is sent as a record of its own as soon as its last byte is there. Frames are unlabelled.
 *
 * @param fd    taken over
 * @param name  for messages
 * @return STATUS_OK; next gives STATUS_INPUT where the input ends within a frame
 */
MUST_CHECK Status raw_open(Source *source, int fd, const char *name, RawShape shape);

#endif
