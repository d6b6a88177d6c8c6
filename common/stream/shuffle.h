/* stream/shuffle.h: the order of an epoch. */
#ifndef FM_STREAM_SHUFFLE_H
#define FM_STREAM_SHUFFLE_H

#include "status.h"

#include <stdint.h>

/**
 * The positions 0 … n-1 sorted by (the u64 of draw 0 of purpose "shuffle" for (epoch, ids[i]), i).
 *
 * @param ids    [n], or NULL = 0, 1, …
 * @param order  out, [n]
 * @return STATUS_OK, or STATUS_IO (memory: 32 bytes a sample, and 8 to 16 of buckets, until it returns)
 */
MUST_CHECK Status shuffle_order(uint64_t seed, uint32_t epoch, const int64_t *ids, uint64_t n, uint64_t *order);

#endif
