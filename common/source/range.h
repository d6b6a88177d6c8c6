/* source/range.h: --range: the samples from one position up to another. */
#ifndef FM_SOURCE_RANGE_H
#define FM_SOURCE_RANGE_H

#include "source/source.h"

/** begin <= position < end; positions count from 0 what the source sends. */
typedef struct Range {
	uint64_t begin, end; /* end UINT64_MAX: all that follow */
} Range;

/** "A:B", "A:" or ":B". @return NULL, or what was expected */
const char *range_parse(const char *text, Range *range);

/**
 * @param inner  taken over, whatever happens
 * @return STATUS_OK; STATUS_USAGE for a repeated stream, where a position has no one sample; next gives STATUS_USAGE where
 *         the source ends before the range does
 */
MUST_CHECK Status range_open(Source *source, Source *inner, Range range);

#endif
