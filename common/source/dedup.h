/* source/dedup.h: --dedup: of pictures that are equal, pixel by pixel, only the first. */
#ifndef FM_SOURCE_DEDUP_H
#define FM_SOURCE_DEDUP_H

#include "source/source.h"

/**
 * Each sample that is dropped, and the one it equals, is named by warn(), the first few of them; the rest are counted when
 * the source ends. Of a marked stream, whose hold-out comes first, those of the fit part that are in the hold-out are dropped
 * and named as leaking, all of them.
 *
 * Two pictures are taken for equal where 128 bits of hash are.
 *
 * @param inner  taken over, whatever happens
 * @return STATUS_OK; STATUS_USAGE for a repeated stream
 */
MUST_CHECK Status dedup_open(Source *source, Source *inner);

#endif
