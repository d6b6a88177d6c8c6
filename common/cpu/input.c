/* input.c: pixels to what the first stage reads: cells, or for a convolution the window of every output pixel. */
#include "cpu/engine.h"

#include <string.h>

enum { BAND_UNITS = 8192 }; /* of patches at once: at most 32 KB */

static void
scale_pixels(const Net *net, const uint8_t *pixels, size_t count, float *to)
{
	const uint32_t c = net->input.c;

	if (c == 1)
		for (size_t i = 0; i < count; i++)
			to[i] = (float)pixels[i] * net->scale[0] + net->shift[0];
	else
		for (size_t i = 0; i < count; i++)
			for (uint32_t j = 0; j < c; j++)
				to[i * c + j] = (float)pixels[i * c + j] * net->scale[j] + net->shift[j];
}

void
input_image(const Backend *backend, const KernelTable *kernels, const StageLayout *stage, const uint8_t *pixels,
	    void *to, float *floats)
{
	const Net *net = backend->net;
	const uint32_t c = net->input.c, lanes = stage->in.lanes;
	const size_t count = (size_t)net->input.h * net->input.w;

	for (size_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < c; j++)
			floats[i * lanes + j] = (float)pixels[i * c + j] * net->scale[j] + net->shift[j];
	kernels->store(&(Store){ .h = 1, .w = 1, .lanes = (uint32_t)plane_image(&stage->in), .from = { floats }, .to = { to } });
}

/* ---- the picture amid its padding ---- */

static uint32_t
picture_width(const StageLayout *stage)
{
	const Window *win = &stage->window;
	const uint32_t right = (win->out_w - 1) * win->stride + win->kernel_w;

	return win->pad_left + win->in_w > right ? win->pad_left + win->in_w : right;
}

size_t
input_picture_units(const StageLayout *stage)
{
	const Window *win = &stage->window;
	const uint32_t bottom = (win->out_h - 1) * win->stride + win->kernel_h;
	const uint32_t height = win->pad_top + win->in_h > bottom ? win->pad_top + win->in_h : bottom;

	return (size_t)height * picture_width(stage) * stage->stage->in.c + CHANNEL_ALIGN; /* copied by 16 bytes */
}

/* bf16, rounded to nearest, ties to even; pixels are finite */
static inline uint32_t
half_of(float a)
{
	uint32_t bits;

	memcpy(&bits, &a, sizeof bits);
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/* The frame was zeroed when memory was made and is never written. */
void
input_picture(const Backend *backend, const KernelTable *kernels, const StageLayout *stage,
	      const uint8_t *const pixels[2], bool is_paired, Scratch *scratch)
{
	const Net *net = backend->net;
	const size_t count = (size_t)net->input.h * net->input.w, row = (size_t)net->input.w * net->input.c;
	const size_t width = (size_t)picture_width(stage) * net->input.c;
	const bool is_half = kernels->cell == sizeof(uint16_t);
	size_t to = stage->window.pad_top * width + (size_t)stage->window.pad_left * net->input.c;

	for (int i = 0; i < 2 && pixels[i]; i++)
		scale_pixels(net, pixels[i], count, scratch->input[i]);
	for (size_t from = 0; from < count * net->input.c; from += row, to += width) {
		const float *a = scratch->input[0] + from, *b = scratch->input[1] + from;
		if (!is_half)
			memcpy((float *)scratch->picture + to, a, row * sizeof *a);
		else if (!is_paired)
			for (size_t i = 0; i < row; i++)
				((uint16_t *)scratch->picture_half)[to + i] = (uint16_t)half_of(a[i]);
		else
			for (size_t i = 0; i < row; i++)
				((uint32_t *)scratch->pictures)[to + i] =
					half_of(a[i]) | (pixels[1] ? half_of(b[i]) << 16 : 0);
	}
}

const void *
input_picture_of(const KernelTable *kernels, const Scratch *scratch)
{
	return kernels->cell == sizeof(uint16_t) ? scratch->picture_half : scratch->picture;
}

void *
input_patches_of(const KernelTable *kernels, const Scratch *scratch)
{
	return kernels->cell == sizeof(uint16_t) ? scratch->patches_half : scratch->patches;
}

/* ---- windows ---- */

uint32_t
input_patch_lanes(const StageLayout *stage)
{
	return channels_padded(stage->depth);
}

uint32_t
input_band(const StageLayout *stage)
{
	const size_t row = (size_t)stage->window.out_w * input_patch_lanes(stage);
	const size_t rows = BAND_UNITS / row;

	return rows < 1 ? 1 : rows > stage->window.out_h ? stage->window.out_h : (uint32_t)rows;
}

/* A run ends within 16 bytes of its place; what it spills over is the next run's, which is written later, or padding. */
static inline void
copy_run(char *to, const char *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 16)
		memcpy(to + i, from + i, 16);
}

void
input_patches(const StageLayout *stage, const void *picture, size_t unit, uint32_t first, uint32_t end, void *patches)
{
	const Window *win = &stage->window;
	const size_t pixel = stage->stage->in.c * unit, row = picture_width(stage) * pixel, step = win->stride * pixel;
	const size_t lanes = input_patch_lanes(stage) * unit, run = win->kernel_w * pixel;
	char *to = patches;

	for (uint32_t y = first; y < end; y++)
		for (uint32_t x = 0; x < win->out_w; x++, to += lanes) {
			const char *from = (const char *)picture + (size_t)y * win->stride * row + x * step;
			for (uint32_t ky = 0; ky < win->kernel_h; ky++)
				copy_run(to + ky * run, from + ky * row, run);
		}
}
