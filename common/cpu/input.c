/* input.c: pixels to what the first stage reads: floats, or for a convolution the window of every output pixel. */
#include "cpu/engine.h"

#include <string.h>

enum { BAND_FLOATS = 8192 }; /* of patches at once: 32 KB */

void
input_image(const Backend *backend, const StageLayout *stage, const uint8_t *pixels, float *to)
{
	const Net *net = backend->net;
	const uint32_t c = net->input.c, lanes = stage->in.lanes;

	for (size_t i = 0; i < (size_t)net->input.h * net->input.w; i++)
		for (uint32_t j = 0; j < c; j++)
			to[i * lanes + j] = (float)pixels[i * c + j] * net->scale[j] + net->shift[j];
}

static size_t
picture_row(const StageLayout *stage)
{
	const Window *win = &stage->window;
	const uint32_t right = (win->out_w - 1) * win->stride + win->kernel_w;
	const uint32_t width = win->pad_left + win->in_w > right ? win->pad_left + win->in_w : right;

	return (size_t)width * stage->c;
}

size_t
input_picture_floats(const StageLayout *stage)
{
	const Window *win = &stage->window;
	const uint32_t bottom = (win->out_h - 1) * win->stride + win->kernel_h;
	const uint32_t height = win->pad_top + win->in_h > bottom ? win->pad_top + win->in_h : bottom;

	return height * picture_row(stage) + CHANNEL_ALIGN; /* runs are copied by four floats */
}

/* The picture's frame was zeroed when memory was made and is never written. */
void
input_picture(const Backend *backend, const StageLayout *stage, const uint8_t *pixels, float *picture)
{
	const Net *net = backend->net;
	const uint32_t c = net->input.c, w = net->input.w;
	const size_t row = picture_row(stage);

	for (uint32_t y = 0; y < net->input.h; y++) {
		float *to = picture + (y + stage->window.pad_top) * row + (size_t)stage->window.pad_left * c;
		const uint8_t *from = pixels + (size_t)y * w * c;
		if (c == 1)
			for (uint32_t i = 0; i < w; i++)
				to[i] = (float)from[i] * net->scale[0] + net->shift[0];
		else
			for (uint32_t x = 0; x < w; x++)
				for (uint32_t j = 0; j < c; j++)
					to[x * c + j] = (float)from[x * c + j] * net->scale[j] + net->shift[j];
	}
}

uint32_t
input_patch_lanes(const StageLayout *stage)
{
	return channels_padded((uint64_t)stage->taps * stage->c);
}

uint32_t
input_band(const StageLayout *stage)
{
	const size_t row = (size_t)stage->window.out_w * input_patch_lanes(stage);
	const size_t rows = BAND_FLOATS / row;

	return rows < 1 ? 1 : rows > stage->window.out_h ? stage->window.out_h : (uint32_t)rows;
}

/* A run ends within four floats of its place; what it spills over is the next run's, which is written later, or padding. */
static inline void
copy_run(float *to, const float *from, uint32_t floats)
{
	for (uint32_t i = 0; i < floats; i += 4)
		memcpy(to + i, from + i, 4 * sizeof *to);
}

void
input_patches(const StageLayout *stage, const float *picture, uint32_t first, uint32_t end, float *patches)
{
	const Window *win = &stage->window;
	const size_t row = picture_row(stage), step = (size_t)win->stride * stage->c;
	const uint32_t lanes = input_patch_lanes(stage), run = win->kernel_w * stage->c;

	for (uint32_t y = first; y < end; y++)
		for (uint32_t x = 0; x < win->out_w; x++, patches += lanes) {
			const float *from = picture + (size_t)y * win->stride * row + x * step;
			for (uint32_t ky = 0; ky < win->kernel_h; ky++)
				copy_run(patches + (size_t)ky * run, from + ky * row, run);
		}
}
