/* cpu/kernels/depthwise.h: convolutions in which every channel has its own filter. 2 FLOP a tap and element: any window reads
 * each tap from the first cache and is bound by those loads; the usual one, three taps wide and of stride 1, reads each element
 * once a row of taps. */
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

/* What a tap sees of cells: bytes count from their zero. */
#if defined(KERNELS_INT8)
INLINE Vec tap_load(const Cell *x, Vec zero) { return cells_load(x) - zero; }
INLINE Vec tap_zero(const Depthwise *job, uint32_t c) { return vec_load(job->zero + c); }
#else
INLINE Vec tap_load(const Cell *x, Vec zero) { (void)zero; return cells_load(x); }
INLINE Vec tap_zero(const Depthwise *job, uint32_t c) { (void)job; (void)c; return vec_zero(); }
#endif

/* `at` elements from the first pixel of what is written */
INLINE void
depthwise_put(void *data, bool is_float, size_t at, Vec a)
{
	if (is_float)
		vec_store((float *)data + at, a);
	else
		cells_store((Cell *)data + at, a);
}

/* All taps of one output's vector of channels. */
INLINE Vec
depthwise_sum(const Depthwise *job, const Taps *rows, const Taps *columns, uint32_t c)
{
	const Vec zero = tap_zero(job, c);
	Vec sum = vec_zero();

	for (uint32_t ky = rows->begin; ky < rows->end; ky++)
		for (uint32_t kx = columns->begin; kx < columns->end; kx++) {
			const Cell *x = cell_at(&job->x, rows->first + ky, columns->first + kx) + c;
			const float *w = job->weight + (size_t)(ky * job->window.kernel_w + kx) * job->lanes + c;
			sum = vec_fma(tap_load(x, zero), vec_load(w), sum);
		}
	return sum;
}

/* ---- three taps wide, every pixel: each is read once a row of taps, and its weights stay in registers ---- */

/* Rows of what is read at one row of what is written, and their weights. */
typedef struct Strip {
	const Cell *x[3]; /* pixel 0, this vector's channels */
	size_t pixel;	  /* cells */
	int64_t first;	  /* pixel of the first tap of output 0 */
	uint32_t in_w, out_w;
	Vec w[3][3];	  /* [row][column] */
	Vec zero;
} Strip;

/* Pixel j of all rows; zero outside. */
INLINE void
strip_load(const Strip *strip, int64_t j, Vec v[3], const int rows)
{
	const bool is_inside = j >= 0 && j < strip->in_w;
	UNROLL_IF_FIXED(3)
	for (int r = 0; r < rows; r++)
		v[r] = is_inside ? tap_load(strip->x[r] + (size_t)j * strip->pixel, strip->zero) : vec_zero();
}

INLINE Vec
strip_sum(const Strip *strip, const Vec v[3], Vec sum, const int column, const int rows)
{
	UNROLL_IF_FIXED(3)
	for (int r = 0; r < rows; r++)
		sum = vec_fma(v[r], strip->w[r][column], sum);
	return sum;
}

/* Where a row of outputs goes, this vector's channels. */
typedef struct StripEnd {
	void *data;
	bool is_float;
	size_t at, pixel; /* elements */
	Vec bias, least;
} StripEnd;

/* A pixel adds to three outputs: to the last tap of one, which is then complete, and to the others' sums on their way. */
INLINE void
strip_row(const Strip strip, StripEnd end, const int rows)
{
	Vec v[3], one, two;
	strip_load(&strip, strip.first, v, rows);
	two = strip_sum(&strip, v, end.bias, 0, rows);
	strip_load(&strip, strip.first + 1, v, rows);
	one = strip_sum(&strip, v, end.bias, 0, rows);
	two = strip_sum(&strip, v, two, 1, rows);
	for (uint32_t o = 0; o < strip.out_w; o++, end.at += end.pixel) {
		strip_load(&strip, strip.first + o + 2, v, rows);
		depthwise_put(end.data, end.is_float, end.at, vec_max(end.least, strip_sum(&strip, v, two, 2, rows)));
		two = strip_sum(&strip, v, one, 1, rows);
		one = strip_sum(&strip, v, end.bias, 0, rows);
	}
}

INLINE void
strip_rows(const Strip *strip, const StripEnd *end, uint32_t rows)
{
	if (rows == 3)
		strip_row(*strip, *end, 3);
	else if (rows == 2)
		strip_row(*strip, *end, 2);
	else
		strip_row(*strip, *end, 1);
}

/* y from x, or x from y by weights turned around: what is read at row o begins at row o - pad_top. */
typedef struct Turn {
	const Grid *from, *to;
	uint32_t in_h, in_w, out_h, out_w, pad_top, pad_left;
	const float *weight; /* of tap (0, 0) */
	ptrdiff_t row, column; /* floats from one tap's to the next's */
	const float *bias;
	bool is_relu, is_float;
} Turn;

INLINE void
depthwise_turn(const Depthwise *job, const Turn turn)
{
	const Vec least = turn.is_relu ? vec_zero() : vec_set(-__builtin_inff());

	for (uint32_t o = 0; o < turn.out_h; o++) {
		const Taps rows = taps_at(o, 1, turn.pad_top, job->window.kernel_h, turn.in_h);
		for (uint32_t c = 0; c < job->lanes; c += LANES) {
			const StripEnd end = { .data = turn.to->data, .is_float = turn.is_float, .at = o * turn.to->row + c,
					       .pixel = turn.to->pixel, .least = least,
					       .bias = turn.bias ? vec_load(turn.bias + c) : vec_zero() };
			Strip strip = { .pixel = turn.from->pixel, .first = -(int64_t)turn.pad_left, .in_w = turn.in_w,
					.out_w = turn.out_w, .zero = tap_zero(job, c) };
			for (uint32_t ky = rows.begin; ky < rows.end; ky++) {
				const float *w = turn.weight + (ptrdiff_t)ky * turn.row + c;
				strip.x[ky - rows.begin] = cell_at(turn.from, rows.first + ky, 0) + c;
				for (int kx = 0; kx < 3; kx++)
					strip.w[ky - rows.begin][kx] = vec_load(w + kx * turn.column);
			}
			if (rows.begin < rows.end)
				strip_rows(&strip, &end, rows.end - rows.begin);
			for (uint32_t i = 0; rows.begin >= rows.end && i < turn.out_w; i++)
				depthwise_put(end.data, end.is_float, end.at + i * end.pixel, vec_max(least, end.bias));
		}
	}
}

INLINE bool
is_strip(const Window *win)
{
	return win->stride == 1 && win->kernel_w == 3 && win->kernel_h <= 3;
}

/* ---- any window ---- */

static void
depthwise(const Depthwise *job)
{
	const Window *win = &job->window;
	const Vec least = job->is_relu ? vec_zero() : vec_set(-__builtin_inff());

	if (is_strip(win)) {
		depthwise_turn(job, (Turn){ .from = &job->x, .to = &job->y, .in_h = win->in_h, .in_w = win->in_w,
					    .out_h = win->out_h, .out_w = win->out_w, .pad_top = win->pad_top,
					    .pad_left = win->pad_left, .weight = job->weight, .row = 3 * (ptrdiff_t)job->lanes,
					    .column = job->lanes, .bias = job->bias, .is_relu = job->is_relu,
					    .is_float = job->y_is_float });
		return;
	}
	for (uint32_t oy = 0; oy < win->out_h; oy++) {
		const Taps rows = taps_at(oy, win->stride, win->pad_top, win->kernel_h, win->in_h);
		for (uint32_t ox = 0; ox < win->out_w; ox++) {
			const Taps columns = taps_at(ox, win->stride, win->pad_left, win->kernel_w, win->in_w);
			const size_t at = oy * job->y.row + ox * job->y.pixel;
			for (uint32_t c = 0; c < job->lanes; c += LANES) {
				const Vec bias = job->bias ? vec_load(job->bias + c) : vec_zero();
				const Vec sum = depthwise_sum(job, &rows, &columns, c) + bias;
				depthwise_put(job->y.data, job->y_is_float, at + c, vec_max(least, sum));
			}
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

	if (is_strip(win)) {
		const size_t last = ((size_t)win->kernel_h * 3 - 1) * job->lanes;
		depthwise_turn(job, (Turn){ .from = &job->y, .to = &job->x, .in_h = win->out_h, .in_w = win->out_w,
					    .out_h = win->in_h, .out_w = win->in_w, .pad_top = win->kernel_h - 1 - win->pad_top,
					    .pad_left = 2 - win->pad_left, .weight = job->weight + last,
					    .row = -3 * (ptrdiff_t)job->lanes, .column = -(ptrdiff_t)job->lanes });
		return;
	}
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

/* Gradients of three rows of taps at most, from one row of dy; rows of x as above. */
INLINE void
strip_wgrad(const Strip strip, const Cell *dy, size_t dy_pixel, float *const to[3], size_t column, const int rows)
{
	Vec sums[3][3], x[3][3], v[3];
	UNROLL_IF_FIXED(3)
	for (int r = 0; r < rows; r++)
		UNROLL_IF_FIXED(3)
		for (int k = 0; k < 3; k++)
			sums[r][k] = vec_load(to[r] + k * column);
	for (int k = 0; k < 2; k++) {
		strip_load(&strip, strip.first + k, v, rows);
		UNROLL_IF_FIXED(3)
		for (int r = 0; r < rows; r++)
			x[r][k] = v[r];
	}
	for (uint32_t o = 0; o < strip.out_w; o++, dy += dy_pixel) {
		const Vec d = cells_load(dy);
		strip_load(&strip, strip.first + o + 2, v, rows);
		UNROLL_IF_FIXED(3)
		for (int r = 0; r < rows; r++) {
			sums[r][0] = vec_fma(x[r][0], d, sums[r][0]);
			sums[r][1] = vec_fma(x[r][1], d, sums[r][1]);
			sums[r][2] = vec_fma(v[r], d, sums[r][2]);
			x[r][0] = x[r][1];
			x[r][1] = v[r];
		}
	}
	UNROLL_IF_FIXED(3)
	for (int r = 0; r < rows; r++)
		UNROLL_IF_FIXED(3)
		for (int k = 0; k < 3; k++)
			vec_store(to[r] + k * column, sums[r][k]);
}

static void
depthwise_wgrad_strips(const Depthwise *job)
{
	const Window *win = &job->window;
	const size_t row = 3 * (size_t)job->lanes;

	for (uint32_t o = 0; o < win->out_h; o++) {
		const Taps rows = taps_at(o, 1, win->pad_top, win->kernel_h, win->in_h);
		for (uint32_t c = 0; c < job->lanes; c += LANES) {
			const Cell *dy = cell_at(&job->y, o, 0) + c;
			Strip strip = { .pixel = job->x.pixel, .first = -(int64_t)win->pad_left, .in_w = win->in_w,
					.out_w = win->out_w };
			float *to[3] = { NULL, NULL, NULL };
			for (uint32_t ky = rows.begin; ky < rows.end; ky++) {
				strip.x[ky - rows.begin] = cell_at(&job->x, rows.first + ky, 0) + c;
				to[ky - rows.begin] = job->dweight + ky * row + c;
			}
			const int count = rows.begin < rows.end ? (int)(rows.end - rows.begin) : 0;
			if (count == 3)
				strip_wgrad(strip, dy, job->y.pixel, to, job->lanes, 3);
			else if (count == 2)
				strip_wgrad(strip, dy, job->y.pixel, to, job->lanes, 2);
			else if (count == 1)
				strip_wgrad(strip, dy, job->y.pixel, to, job->lanes, 1);
		}
	}
}

static void
depthwise_wgrad(const Depthwise *job)
{
	float *to = job->dweight;

	if (is_strip(&job->window)) {
		depthwise_wgrad_strips(job);
		return;
	}
	for (uint32_t ky = 0; ky < job->window.kernel_h; ky++)
		for (uint32_t kx = 0; kx < job->window.kernel_w; kx++, to += job->lanes)
			for (uint32_t c = 0; c < job->lanes; c += LANES)
				vec_store(to + c, vec_load(to + c) + depthwise_tap(job, ky, kx, c));
}

#endif
