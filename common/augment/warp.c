/* warp.c: lay a picture out for the kernel that fits the machine, warp it, then tone and erase. */
#include "augment/warp.h"

#include "augment/kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static Axis
axis_make(uint32_t size, Fill fill)
{
	uint32_t period = fill == FILL_REFLECT ? 2 * size : size > 1 ? size - 1 : 1;
	uint32_t shift = period < 4 ? 20 : 22; /* so that 2048 * magic stays below 2^32 */

	return (Axis){ .size = (int32_t)size, .last = (int32_t)((size - 1) << 20), .period = period,
		       .magic = (1u << shift) / period + 1, .shift = shift };
}

static uint32_t
plane_stride(uint32_t w)
{
	return w / WARP_ENTRIES * WARP_ENTRIES + WARP_ENTRIES;
}

/* Two bytes an entry, and a row to spare, for what kernels load beyond the last pixel. */
static size_t
plane_size(uint32_t h, uint32_t w)
{
	return 2 * (size_t)(h + 1) * plane_stride(w);
}

Status
warp_init(Warp *warp, Fill fill, uint8_t value, uint32_t h, uint32_t w, uint32_t c)
{
	/* one channel's plane, then, for several channels, its warped pixels */
	size_t size = plane_size(h, w) + (c > 1 ? (size_t)h * w : 0);

	*warp = (Warp){ .fill = fill, .value = value, .h = h, .w = w, .c = c, .kernel = &warp_plain };
	warp->scratch = aligned_alloc(64, (size + 63) / 64 * 64);
	if (!warp->scratch)
		return fail_errno("memory to warp pictures of %ux%u", w, h);
	memset(warp->scratch, 0, size);
	return STATUS_OK;
}

const char *
warp_name(const Warp *warp)
{
	return warp->kernel->name;
}

void
warp_release(Warp *warp)
{
	free(warp->scratch);
	*warp = (Warp){ 0 };
}

static void
warp_channel(Warp *warp, const int32_t affine[6], const uint8_t *from, uint8_t *to)
{
	Plane plane = { .h = warp->h, .w = warp->w, .stride = plane_stride(warp->w), .pairs = warp->scratch,
			.x = axis_make(warp->w, warp->fill), .y = axis_make(warp->h, warp->fill), .value = warp->value };

	warp->kernel->lay_out(from, warp->h, warp->w, warp->c, plane.stride, warp->scratch);
	warp->kernel->warp[warp->fill](&plane, affine, to);
}

static void
warp_channels(Warp *warp, const int32_t affine[6], const uint8_t *from, uint8_t *to)
{
	uint8_t *channel = warp->scratch + plane_size(warp->h, warp->w);
	size_t pixels = (size_t)warp->h * warp->w;

	for (uint32_t k = 0; k < warp->c; k++) {
		warp_channel(warp, affine, from + k, channel);
		for (size_t i = 0; i < pixels; i++)
			to[i * warp->c + k] = channel[i];
	}
}

/* Levels that 32 bits hold, in a loop that compilers vectorise; others one by one. */
static void
apply_tone(const int32_t tone[2], uint8_t *pixels, size_t count)
{
	int32_t gain = tone[0], offset = tone[1];
	bool is_small = abs(gain / 2) < 1 << 21 && abs(offset / 2) < 1 << 28;

	for (size_t i = 0; is_small && i < count; i++) {
		int32_t level = (pixels[i] * gain + offset + (1 << 15)) >> 16;

		level = level < 0 ? 0 : level;
		pixels[i] = (uint8_t)(level > 255 ? 255 : level);
	}
	for (size_t i = 0; !is_small && i < count; i++) {
		int64_t level = ((int64_t)pixels[i] * gain + offset + (1 << 15)) >> 16;

		pixels[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
	}
}

static int64_t
clamp(int64_t at, int64_t most)
{
	return at < 0 ? 0 : at > most ? most : at;
}

static void
apply_erase(const Warp *warp, const int32_t box[5], uint8_t *to)
{
	size_t row = (size_t)warp->w * warp->c;
	int64_t top = clamp(box[0], warp->h), bottom = clamp((int64_t)box[0] + box[2], warp->h);
	int64_t left = clamp(box[1], warp->w), right = clamp((int64_t)box[1] + box[3], warp->w);

	for (int64_t y = top; right > left && y < bottom; y++)
		memset(to + (size_t)y * row + (size_t)left * warp->c, (uint8_t)box[4], (size_t)(right - left) * warp->c);
}

void
warp_apply(Warp *warp, const Transform *transform, const uint8_t *from, uint8_t *to)
{
	size_t size = (size_t)warp->h * warp->w * warp->c;

	if (memcmp(transform->affine, transform_none.affine, sizeof transform->affine) == 0)
		memcpy(to, from, size);
	else if (warp->c == 1)
		warp_channel(warp, transform->affine, from, to);
	else
		warp_channels(warp, transform->affine, from, to);
	if (memcmp(transform->tone, transform_none.tone, sizeof transform->tone) != 0)
		apply_tone(transform->tone, to, size);
	apply_erase(warp, transform->erase, to);
}
