/* warp.c: lay a picture out for the kernel that fits the machine, warp it, then tone and erase. */
#include "pixel/warp.h"

#include "pixel/kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static Axis
axis_make(uint32_t size, Fill fill)
{
	uint32_t period = fill == FILL_REFLECT ? 2 * size : size > 1 ? size - 1 : 1;
	uint32_t shift = period < 4 ? 20 : 22; /* so that 2048 * magic stays below 2^32 */

	return (Axis){ .last = (int32_t)((size - 1) << 20), .period = period,
		       .magic = (1u << shift) / period + 1, .shift = shift };
}

/* What a Warp works with. Its pictures are planes: of one channel as they are, of several after taking them apart. */
typedef struct WarpMachinery {
	const WarpKernel *kernel;
	WarpSmall *small; /* or NULL */
	Plane plane;
	uint8_t *pairs;	    /* [h + 1, stride, 2]: a row to spare, for what is read beyond the last pixel */
	uint8_t *planes[2]; /* [c, h, w]: before and after, of several channels */
} WarpMachinery;

static size_t
in_lines(size_t size)
{
	return (size + 63) / 64 * 64;
}

/* One allocation: the machinery, pairs, planes, each on a line of the cache. */
static WarpMachinery *
machinery_make(uint32_t h, uint32_t w, uint32_t c, uint32_t stride)
{
	size_t head = in_lines(sizeof(WarpMachinery)), pairs = in_lines(2 * ((size_t)h + 1) * stride);
	size_t planes = c > 1 ? in_lines((size_t)h * w * c) : 0, size = head + pairs + 2 * planes;
	uint8_t *memory = aligned_alloc(64, size);
	WarpMachinery *machinery = (WarpMachinery *)memory;

	if (!memory)
		return NULL;
	memset(memory, 0, size);
	machinery->pairs = memory + head;
	machinery->planes[0] = machinery->pairs + pairs;
	machinery->planes[1] = machinery->planes[0] + planes;
	return machinery;
}

Status
warp_init(Warp *warp, Fill fill, uint8_t value, uint32_t h, uint32_t w, uint32_t c)
{
	uint32_t stride = w / WARP_ENTRIES * WARP_ENTRIES + WARP_ENTRIES;
	WarpMachinery *machinery = machinery_make(h, w, c, stride);
	Status status = machinery ? warp_choose(&machinery->kernel, &machinery->small)
				  : fail_errno("memory to warp pictures of %ux%ux%u", w, h, c);

	*warp = (Warp){ .fill = fill, .value = value, .h = h, .w = w, .c = c, .machinery = machinery };
	if (status != STATUS_OK) {
		warp_release(warp);
		return status;
	}
	machinery->plane = (Plane){ .h = h, .w = w, .stride = stride, .pairs = machinery->pairs, .value = value,
				    .x = axis_make(w, fill), .y = axis_make(h, fill) };
	return STATUS_OK;
}

const char *
warp_name(const Warp *warp)
{
	return warp->machinery->kernel->name;
}

void
warp_release(Warp *warp)
{
	free(warp->machinery);
	*warp = (Warp){ 0 };
}

static void
warp_plane(Warp *warp, const int32_t affine[6], const uint8_t *from, uint8_t *to)
{
	WarpMachinery *machinery = warp->machinery;
	Plane *plane = &machinery->plane;

	plane->pixels = from;
	if (machinery->small && machinery->small(plane, warp->fill, affine, to))
		return;
	machinery->kernel->lay_out(plane, machinery->pairs);
	machinery->kernel->warp[warp->fill](plane, affine, to);
}

static void
warp_channels(Warp *warp, const int32_t affine[6], const uint8_t *from, uint8_t *to)
{
	const WarpKernel *kernel = warp->machinery->kernel;
	uint8_t *const *planes = warp->machinery->planes;
	size_t pixels = (size_t)warp->h * warp->w;

	kernel->take_apart(from, pixels, warp->c, planes[0]);
	for (size_t k = 0; k < warp->c; k++)
		warp_plane(warp, affine, planes[0] + k * pixels, planes[1] + k * pixels);
	kernel->join(planes[1], pixels, warp->c, to);
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
		warp_plane(warp, transform->affine, from, to);
	else
		warp_channels(warp, transform->affine, from, to);
	if (memcmp(transform->tone, transform_none.tone, sizeof transform->tone) != 0)
		apply_tone(transform->tone, to, size);
	apply_erase(warp, transform->erase, to);
}
