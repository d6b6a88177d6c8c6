/* source/mat_source.h: Street View House Numbers as it is published: a MAT-file of pictures and digits. */
#ifndef FM_SOURCE_MAT_SOURCE_H
#define FM_SOURCE_MAT_SOURCE_H

#include "source/bytes.h"
#include "source/source.h"

/**
 * X, bytes [h, w, c, n], the first one running fastest, and y, digits [n, 1], 10 for 0. There are ten classes, "0" to "9".
 *
 * @param images  taken over, whatever happens
 * @param labels  the same file, opened once more; taken over, whatever happens
 * @return STATUS_OK; STATUS_INPUT: no MAT-file, no such variables, other types or shapes, digits out of range, truncated
 */
MUST_CHECK Status mat_source_open(Source *source, Bytes *images, Bytes *labels, int64_t first_id);

#endif
