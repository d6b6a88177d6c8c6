/* window.h: a stage's arithmetic at one place, the same forward and back, so that both decide alike. */
#ifndef FM_GPU_WINDOW_H
#define FM_GPU_WINDOW_H

#include "cell.h"
#include "finish.h"
#include "random.h"

/** A place of z: sample, row, column, channel. */
struct Place {
	uint32_t sample, y, x, channel;
};

__device__ inline Place
place_of(const Finish &finish, uint32_t at)
{
	Place place;
	const uint32_t pixel = divide(at, finish.c, &place.channel);

	place.sample = divide(divide(pixel, finish.out_w, &place.x), finish.out_h, &place.y);
	return place;
}

/** Index in y of element `element` of the window of a place. */
__device__ inline size_t
window_element(const Finish &finish, const Place &place, uint32_t row, uint32_t column)
{
	const uint32_t y = place.y * finish.stride + row, x = place.x * finish.stride + column;

	return (static_cast<size_t>(place.sample * finish.in_h + y) * finish.in_w + x) * finish.c.value + place.channel;
}

__device__ inline float
added(const Finish &finish, size_t at)
{
	if (!finish.add)
		return 0;
	return finish.add_kind == ADD_FLOATS   ? static_cast<const float *>(finish.add)[at]
	       : finish.add_kind == ADD_HALVES ? widen(static_cast<const Half *>(finish.add)[at])
					       : widen(static_cast<const Brain *>(finish.add)[at]);
}

/* ---- several elements of a window, all asked for before any is used: large windows have few threads ---- */

enum { WINDOW_RUN = 8 };

/** Where the next elements of a window are, row by row. */
struct WindowWalk {
	uint32_t row, column, count; /* the next one; how many elements there are in this run */
	size_t at[WINDOW_RUN];

	/** @return whether there are any */
	__device__ bool next(const Finish &finish, const Place &place)
	{
		count = 0;
#pragma unroll
		for (uint32_t i = 0; i < WINDOW_RUN; i++) {
			if (row == finish.kernel_h)
				break;
			at[i] = window_element(finish, place, row, column);
			count = i + 1;
			if (++column == finish.kernel_w) {
				column = 0;
				row++;
			}
		}
		return count != 0;
	}
};

template <typename Cell>
__device__ inline void
window_load(const WindowWalk &walk, const Cell *from, float *to)
{
#pragma unroll
	for (uint32_t i = 0; i < WINDOW_RUN; i++)
		to[i] = i < walk.count ? widen(from[walk.at[i]]) : 0;
}

__device__ inline void
window_load_added(const Finish &finish, const WindowWalk &walk, float *to)
{
	if (!finish.add)
		for (uint32_t i = 0; i < WINDOW_RUN; i++)
			to[i] = 0;
	else if (finish.add_kind == ADD_FLOATS)
		window_load(walk, static_cast<const float *>(finish.add), to);
	else if (finish.add_kind == ADD_HALVES)
		window_load(walk, static_cast<const Half *>(finish.add), to);
	else
		window_load(walk, static_cast<const Brain *>(finish.add), to);
}

/* ---- one ---- */

/** y by batch norm's map or the bias. */
__device__ inline float
mapped(const Finish &finish, float y, uint32_t channel)
{
	const float scale = finish.scale ? finish.scale[channel] : 1, shift = finish.shift ? finish.shift[channel] : 0;

	return fmaf(y, scale, shift);
}

/** What ReLU sees of element `at` of y. */
__device__ inline float
affine(const Finish &finish, float y, uint32_t channel, size_t at)
{
	return mapped(finish, y, channel) + added(finish, at);
}

/** max(x, 0), but a NaN stays one, so that the loss shows it. */
__device__ inline float
rectified(const Finish &finish, float x)
{
	return finish.has_relu && x <= 0 ? 0 : x;
}

/** The factor of dropout at a place: 0 or 1 / (1 - rate). */
__device__ inline float
dropped(const Finish &finish, const Place &place)
{
	const Drop &drop = finish.drop;

	if (!drop.is_on)
		return 1;
	const uint32_t unit = (place.channel * finish.out_h.value + place.y) * finish.out_w.value + place.x;
	const uint32_t word = random_word(drop.key, unit / 4, drop.head->epoch, static_cast<uint64_t>(drop.ids[place.sample]),
					  unit % 4);
	return word < drop.threshold ? 0 : drop.scale;
}

__device__ inline uint32_t
argmax_get(const Finish &finish, const void *argmax, size_t at)
{
	return finish.is_wide ? static_cast<const uint32_t *>(argmax)[at] : static_cast<const uint8_t *>(argmax)[at];
}

__device__ inline void
argmax_put(const Finish &finish, void *argmax, size_t at, uint32_t element)
{
	if (finish.is_wide)
		static_cast<uint32_t *>(argmax)[at] = element;
	else
		static_cast<uint8_t *>(argmax)[at] = static_cast<uint8_t>(element);
}

#endif
