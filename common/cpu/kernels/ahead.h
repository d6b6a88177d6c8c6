/* cpu/kernels/ahead.h: asking for what others will read, a few lines of the cache before every tap of a convolution: in one
 * burst they wait for each other, and the loops for them (half of what was to be won). */
#ifndef FM_CPU_KERNELS_AHEAD_H
#define FM_CPU_KERNELS_AHEAD_H

#include "cpu/kernels.h"

enum { LINE = 64 };

/* What is still to be asked for; a tile takes from one range. */
typedef struct Fetch {
	const Ahead *range, *end;
	size_t at; /* bytes of the range */
	uint32_t taps, lines; /* of a tile; before each tap */
} Fetch;

static Fetch
fetch_begin(const Ahead *all, uint64_t tiles, uint32_t taps)
{
	const uint64_t shares = taps * (tiles > 2 * AHEADS ? tiles - AHEADS : 1); /* a range's last share is not whole */
	const Ahead *end = all;
	uint64_t lines = 0;
	for (; end < all + AHEADS && end->bytes; end++)
		lines += end->bytes / LINE + 1;
	return (Fetch){ .range = all, .end = end, .taps = taps, .lines = (uint32_t)((lines + shares - 1) / shares) };
}

/* A tile's share. @return so many lines before every tap, from *data on */
static uint32_t
fetch_tile(Fetch *fetch, const char **data)
{
	if (fetch->range == fetch->end)
		return 0;
	*data = (const char *)fetch->range->data + fetch->at;
	fetch->at += (size_t)fetch->lines * fetch->taps * LINE;
	if (fetch->at >= fetch->range->bytes) {
		fetch->range++;
		fetch->at = 0;
	}
	return fetch->lines;
}

/* `lines` of them. @return where the next begin */
static inline __attribute__((always_inline)) const char *
fetch_lines(const char *data, uint32_t lines)
{
	for (; lines; lines--, data += LINE)
		__builtin_prefetch(data, 0, 2); /* into the second-level cache */
	return data;
}

#endif
