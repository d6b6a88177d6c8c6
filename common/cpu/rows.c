/* rows.c: the first convolution of a prediction. A row of a window, [kernel_w][c], lies in the picture as it is, so one
 * tap is such a row: nothing is copied but the picture, into a frame of zeros, and a 2 x 2 pool follows in registers. */
#include "cpu/engine.h"
#include "cpu/split.h"

#include <string.h>

#define WORD sizeof(float)

enum { SLACK = 64 }; /* bytes: the last word of a row's taps may reach beyond the picture, onto zeros or its next row */

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t
rows_h(const StageLayout *stage)
{
	const Window *win = &stage->window;

	return larger((size_t)(win->out_h - 1) * win->stride + win->kernel_h, (size_t)win->pad_top + win->in_h);
}

static size_t
rows_w(const StageLayout *stage)
{
	const Window *win = &stage->window;

	return larger((size_t)(win->out_w - 1) * win->stride + win->kernel_w, (size_t)win->pad_left + win->in_w);
}

/* bytes from one row of the frame to the next: whole words */
static size_t
rows_pitch(const StageLayout *stage, size_t cell)
{
	return (rows_w(stage) * stage->stage->in.c * cell + WORD - 1) / WORD * WORD;
}

size_t
rows_picture_bytes(const StageLayout *stage, size_t cell)
{
	return rows_h(stage) * rows_pitch(stage, cell) + SLACK;
}

bool
rows_can_pool(const StageLayout *stage)
{
	return stage->kind == MAIN_ROWS && stage->is_fused && stage->has_pool && stage->pool.stride == 2;
}

/* ---- pixels to cells ---- */

void
rows_table(const Net *net, const KernelTable *kernels, void *table)
{
	float values[256];

	for (uint32_t c = 0; c < net->input.c; c++) {
		for (int pixel = 0; pixel < 256; pixel++)
			values[pixel] = (float)pixel * net->scale[c] + net->shift[c];
		kernels->store(&(Store){ .h = 1, .w = 1, .lanes = 256, .from = { values },
					 .to = { cells_at(table, c * 256, kernels->cell) } });
	}
}

/* count pixels of c channels, looked up */
#define LOOK_UP(name, Cell)                                                                                            \
	static void name(const Cell *table, uint32_t c, const uint8_t *pixels, size_t count, Cell *to)                 \
	{                                                                                                              \
		if (c == 1)                                                                                            \
			for (size_t i = 0; i < count; i++)                                                             \
				to[i] = table[pixels[i]];                                                              \
		else                                                                                                   \
			for (size_t i = 0; i < count; i++)                                                             \
				for (uint32_t j = 0; j < c; j++)                                                       \
					to[i * c + j] = table[j * 256 + pixels[i * c + j]];                            \
	}
LOOK_UP(look_up_floats, float)
LOOK_UP(look_up_halves, uint16_t)

/* The frame was zeroed when memory was made and is never written. */
static void
fill_frame(const MainJob *job, const uint8_t *pixels, char *frame)
{
	const Window *win = &job->stage->window;
	const uint32_t c = job->stage->stage->in.c;
	const size_t cell = job->kernels->cell, pitch = rows_pitch(job->stage, cell), row = (size_t)win->in_w * c;
	const void *table = job->backend->folded.table;
	char *to = frame + win->pad_top * pitch + (size_t)win->pad_left * c * cell;

	for (uint32_t y = 0; y < win->in_h; y++, pixels += row, to += pitch)
		if (cell == sizeof(uint8_t)) /* worth what they are: step and offset are in the weights */
			memcpy(to, pixels, row);
		else if (cell == sizeof(float))
			look_up_floats(table, c, pixels, win->in_w, (float *)(void *)to);
		else
			look_up_halves(table, c, pixels, win->in_w, (uint16_t *)(void *)to);
}

/* ---- the convolution ---- */

void
main_rows(const MainJob *job, const uint8_t *pixels, void *y, const Plane *y_plane, bool is_pooled, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Window *win = &stage->window;
	const size_t cell = job->kernels->cell, y_cell = job->y_is_float ? sizeof(float) : cell;
	const size_t pitch = rows_pitch(stage, cell);
	const Conv conv = {
		.window = { .in_h = (uint32_t)rows_h(stage), .in_w = (uint32_t)rows_w(stage), .out_h = win->out_h,
			    .out_w = win->out_w, .kernel_h = win->kernel_h, .kernel_w = 1, .stride = win->stride },
		.n = 1,
		.c = stage->depth_words,
		.lanes = stage->y.lanes,
		.x = { .data = scratch->infer_picture, .row = pitch / WORD },
		.x_pixel_bytes = stage->stage->in.c * cell,
		.y = plane_grid(y_plane, y, y_cell, y_cell),
		.weight = cells_at(job->words, stage->words, WORD),
		.weight_block = stage->words_block,
		.scale = job->scale,
		.bias = job->bias,
		.bias_pixel = job->bias_pixel,
		.y_is_float = job->y_is_float,
		.is_relu = job->is_relu,
		.is_pooled = is_pooled,
	};

	fill_frame(job, pixels, scratch->infer_picture);
	split_conv(job->team, job->kernels, &conv, stage->blocks);
}
