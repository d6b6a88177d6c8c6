/* pixel/channels.h: pictures of several channels taken apart into planes, and joined again. Included where a folder's
 * instruction set decides how well the compiler can do it. */
#ifndef FM_PIXEL_CHANNELS_H
#define FM_PIXEL_CHANNELS_H

#include <stddef.h>
#include <stdint.h>

/* planes[c, pixels] from pictures [pixels, c]; where c is known, as below, the inner loop is unrolled. */
static inline __attribute__((always_inline)) void
take_apart_some(const uint8_t *restrict from, size_t pixels, size_t c, uint8_t *restrict planes)
{
	for (size_t i = 0; i < pixels; i++)
		for (size_t k = 0; k < c; k++)
			planes[k * pixels + i] = from[i * c + k];
}

static inline __attribute__((always_inline)) void
join_some(const uint8_t *restrict planes, size_t pixels, size_t c, uint8_t *restrict to)
{
	for (size_t i = 0; i < pixels; i++)
		for (size_t k = 0; k < c; k++)
			to[i * c + k] = planes[k * pixels + i];
}

static inline void
take_apart(const uint8_t *from, size_t pixels, size_t c, uint8_t *planes)
{
	if (c == 3)
		take_apart_some(from, pixels, 3, planes);
	else if (c == 4)
		take_apart_some(from, pixels, 4, planes);
	else
		take_apart_some(from, pixels, c, planes);
}

static inline void
join(const uint8_t *planes, size_t pixels, size_t c, uint8_t *to)
{
	if (c == 3)
		join_some(planes, pixels, 3, to);
	else if (c == 4)
		join_some(planes, pixels, 4, to);
	else
		join_some(planes, pixels, c, to);
}

#endif
