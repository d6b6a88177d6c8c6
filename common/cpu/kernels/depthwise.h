/* cpu/kernels/depthwise.h: convolutions in which every channel has its own filter. 2 FLOP a tap and element, each read from
 * the first cache: bound by loads, so vectors of channels and one sum at a time will do. */
#ifndef FM_CPU_KERNELS_DEPTHWISE_H
#define FM_CPU_KERNELS_DEPTHWISE_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

/* Taps begin <= k < end of a window at output o that meet the input. */
typedef struct Taps {
	uint32_t begin, end;
	int64_t first; /* input position of tap 0 */
} Taps;

INLINE Taps
taps_at(uint32_t o, uint32_t stride, uint32_t pad, uint32_t kernel, uint32_t in)
{
	const int64_t first = (int64_t)o * stride - pad, most = (int64_t)in - first;

	return (Taps){
		.begin = first < 0 ? (uint32_t)(-first < kernel ? -first : kernel) : 0,
		.end = most < 0 ? 0 : most < kernel ? (uint32_t)most : kernel,
		.first = first,
	};
}

INLINE const Cell *
cell_at(const Grid *grid, int64_t y, int64_t x)
{
	return (const Cell *)grid->data + y * (int64_t)grid->row + x * (int64_t)grid->pixel;
}

/* All taps of one output's vector of channels. */
INLINE Vec
depthwise_sum(const Depthwise *job, const Taps *rows, const Taps *columns, uint32_t c)
{
	Vec sum = vec_zero();

	for (uint32_t ky = rows->begin; ky < rows->end; ky++)
		for (uint32_t kx = columns->begin; kx < columns->end; kx++) {
			const Cell *x = cell_at(&job->x, rows->first + ky, columns->first + kx) + c;
			const float *w = job->weight + (size_t)(ky * job->window.kernel_w + kx) * job->lanes + c;
			sum = vec_fma(cells_load(x), vec_load(w), sum);
		}
	return sum;
}

static void
depthwise(const Depthwise *job)
{
	const Window *win = &job->window;

	for (uint32_t oy = 0; oy < win->out_h; oy++) {
		const Taps rows = taps_at(oy, win->stride, win->pad_top, win->kernel_h, win->in_h);
		for (uint32_t ox = 0; ox < win->out_w; ox++) {
			const Taps columns = taps_at(ox, win->stride, win->pad_left, win->kernel_w, win->in_w);
			Cell *y = (Cell *)(uintptr_t)cell_at(&job->y, oy, ox);
			for (uint32_t c = 0; c < job->lanes; c += LANES)
				cells_store(y + c, depthwise_sum(job, &rows, &columns, c));
		}
	}
}

/* Outputs begin <= o < end whose windows reach an input position; tap = position + pad - o stride. */
INLINE Taps
outputs_at(uint32_t position, uint32_t stride, uint32_t pad, uint32_t kernel, uint32_t out)
{
	const uint32_t reach = position + pad;
	const uint32_t begin = reach < kernel ? 0 : (reach - kernel) / stride + 1, end = reach / stride + 1;

	return (Taps){ .begin = begin, .end = end < out ? end : out, .first = reach };
}

INLINE Vec
depthwise_back_sum(const Depthwise *job, const Taps *rows, const Taps *columns, uint32_t c)
{
	const uint32_t stride = job->window.stride;
	Vec sum = vec_zero();

	for (uint32_t oy = rows->begin; oy < rows->end; oy++)
		for (uint32_t ox = columns->begin; ox < columns->end; ox++) {
			const size_t ky = (size_t)rows->first - (size_t)oy * stride, kx = (size_t)columns->first - (size_t)ox * stride;
			const float *w = job->weight + (ky * job->window.kernel_w + kx) * job->lanes + c;
			sum = vec_fma(cells_load(cell_at(&job->y, oy, ox) + c), vec_load(w), sum);
		}
	return sum;
}

static void
depthwise_back(const Depthwise *job)
{
	const Window *win = &job->window;

	for (uint32_t y = 0; y < win->in_h; y++) {
		const Taps rows = outputs_at(y, win->stride, win->pad_top, win->kernel_h, win->out_h);
		for (uint32_t x = 0; x < win->in_w; x++) {
			const Taps columns = outputs_at(x, win->stride, win->pad_left, win->kernel_w, win->out_w);
			Cell *dx = (Cell *)(uintptr_t)cell_at(&job->x, y, x);
			for (uint32_t c = 0; c < job->lanes; c += LANES)
				cells_store(dx + c, depthwise_back_sum(job, &rows, &columns, c));
		}
	}
}

/* One tap's sum over the outputs that it meets. */
INLINE Vec
depthwise_tap(const Depthwise *job, uint32_t ky, uint32_t kx, uint32_t c)
{
	const Window *win = &job->window;
	Vec sum = vec_zero();

	for (uint32_t oy = 0; oy < win->out_h; oy++) {
		const int64_t y = (int64_t)oy * win->stride + ky - win->pad_top;
		if (y < 0 || y >= win->in_h)
			continue;
		for (uint32_t ox = 0; ox < win->out_w; ox++) {
			const int64_t x = (int64_t)ox * win->stride + kx - win->pad_left;
			if (x >= 0 && x < win->in_w)
				sum = vec_fma(cells_load(cell_at(&job->x, y, x) + c), cells_load(cell_at(&job->y, oy, ox) + c), sum);
		}
	}
	return sum;
}

static void
depthwise_wgrad(const Depthwise *job)
{
	float *to = job->dweight;

	for (uint32_t ky = 0; ky < job->window.kernel_h; ky++)
		for (uint32_t kx = 0; kx < job->window.kernel_w; kx++, to += job->lanes)
			for (uint32_t c = 0; c < job->lanes; c += LANES)
				vec_store(to + c, vec_load(to + c) + depthwise_tap(job, ky, kx, c));
}

#endif
