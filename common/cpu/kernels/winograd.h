/* cpu/kernels/winograd.h: the two ends of a 3x3 convolution by Winograd's F(4x4, 3x3): 4x4 outputs from 36 products, not 144
 * (Lavin and Gray, arXiv 1509.09308). What lies between, 36 products of matrices, is conv's.
 *
 * The polynomials are evaluated at 0, +-sqrt(1/2), +-sqrt(2) and infinity rather than at whole numbers: it costs nothing, and
 * the error is half as large, 4e-7 of the result, direct sums 3e-7 to 4e-7. */
#ifndef FM_CPU_KERNELS_WINOGRAD_H
#define FM_CPU_KERNELS_WINOGRAD_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

#define WINOGRAD_ROOT 0.70710678118654752440f

/* Where one tile lies. */
typedef struct WinogradTile {
	uint32_t image, row, column; /* of the output, first pixel */
} WinogradTile;

INLINE WinogradTile
winograd_tile(const Window *win, uint32_t number)
{
	const uint32_t across = (win->out_w + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
	const uint32_t each = across * ((win->out_h + WINOGRAD_OUT - 1) / WINOGRAD_OUT), rest = number % each;

	return (WinogradTile){ number / each, rest / across * WINOGRAD_OUT, rest % across * WINOGRAD_OUT };
}

/* Six neighbours to six points. */
INLINE void
winograd_points(const Vec d[6], Vec t[6])
{
	const Vec two = vec_set(2), half = vec_set(0.5f), much = vec_set(-2.5f);
	const Vec a = vec_set(WINOGRAD_ROOT), b = vec_set(2 * WINOGRAD_ROOT);
	const Vec near_even = d[4] - two * d[2], near_odd = a * (d[3] - two * d[1]);
	const Vec far_even = d[4] - half * d[2], far_odd = b * (d[3] - half * d[1]);

	t[0] = vec_fma(much, d[2], d[0] + d[4]);
	t[1] = near_even + near_odd;
	t[2] = near_even - near_odd;
	t[3] = far_even + far_odd;
	t[4] = far_even - far_odd;
	t[5] = vec_fma(much, d[3], d[1] + d[5]);
}

/* And back: six points to four outputs. */
INLINE void
winograd_outputs(const Vec m[6], Vec y[4])
{
	const Vec half = vec_set(0.5f), four = vec_set(4), two = vec_set(2), eight = vec_set(8);
	const Vec a = vec_set(WINOGRAD_ROOT), c = vec_set(WINOGRAD_ROOT / 2);
	const Vec near_sum = m[1] + m[2], near_difference = m[1] - m[2];
	const Vec far_sum = m[3] + m[4], far_difference = m[3] - m[4];

	y[0] = m[0] + near_sum + far_sum;
	y[1] = a * vec_fma(two, far_difference, near_difference);
	y[2] = half * vec_fma(four, far_sum, near_sum);
	y[3] = vec_fma(c, vec_fma(eight, far_difference, near_difference), m[5]);
}

/* The 36 pixels that a tile reads; those outside the picture are zeros. */
INLINE void
winograd_pixels(const Winograd *job, uint32_t number, const float *at[WINOGRAD_POINTS])
{
	const Window *win = &job->window;
	const WinogradTile tile = winograd_tile(win, number);
	const float *image = (const float *)job->pixels.data + tile.image * job->pixels.image;
	const int64_t top = (int64_t)tile.row - win->pad_top, left = (int64_t)tile.column - win->pad_left;

	for (int64_t i = 0; i < WINOGRAD_IN; i++)
		for (int64_t j = 0; j < WINOGRAD_IN; j++) {
			const int64_t y = top + i, x = left + j;
			const bool is_inside = y >= 0 && y < win->in_h && x >= 0 && x < win->in_w;
			*at++ = is_inside ? image + y * (int64_t)job->pixels.row + x * (int64_t)job->pixels.pixel : job->zeros;
		}
}

/* Some 150 sums and products of a vector a tile. */
static void
winograd_in(const Winograd *job)
{
	for (uint32_t tile = 0; tile < job->count; tile++) {
		const float *at[WINOGRAD_POINTS];
		float *to = job->points + (size_t)tile * job->lanes;
		winograd_pixels(job, job->first + tile, at);
		for (uint32_t c = 0; c < job->lanes; c += LANES) {
			Vec middle[WINOGRAD_IN][WINOGRAD_IN];
			for (int i = 0; i < WINOGRAD_IN; i++) {
				const float *const *row = at + WINOGRAD_IN * i;
				const Vec d[6] = { vec_load(row[0] + c), vec_load(row[1] + c), vec_load(row[2] + c),
						   vec_load(row[3] + c), vec_load(row[4] + c), vec_load(row[5] + c) };
				winograd_points(d, middle[i]);
			}
			for (size_t j = 0; j < WINOGRAD_IN; j++) {
				const Vec d[6] = { middle[0][j], middle[1][j], middle[2][j], middle[3][j], middle[4][j], middle[5][j] };
				Vec t[6];
				winograd_points(d, t);
				vec_store(to + j * job->point + c, t[0]);
				vec_store(to + (j + 6) * job->point + c, t[1]);
				vec_store(to + (j + 12) * job->point + c, t[2]);
				vec_store(to + (j + 18) * job->point + c, t[3]);
				vec_store(to + (j + 24) * job->point + c, t[4]);
				vec_store(to + (j + 30) * job->point + c, t[5]);
			}
		}
	}
}

INLINE void
winograd_sums(const Winograd *job, const float *from, Vec y[WINOGRAD_OUT][WINOGRAD_OUT])
{
	Vec middle[WINOGRAD_OUT][WINOGRAD_IN];

	for (size_t j = 0; j < WINOGRAD_IN; j++) {
		const float *m = from + j * job->point;
		const size_t next = WINOGRAD_IN * job->point;
		const Vec column[6] = { vec_load(m), vec_load(m + next), vec_load(m + 2 * next), vec_load(m + 3 * next),
					vec_load(m + 4 * next), vec_load(m + 5 * next) };
		Vec four[4];
		winograd_outputs(column, four);
		middle[0][j] = four[0];
		middle[1][j] = four[1];
		middle[2][j] = four[2];
		middle[3][j] = four[3];
	}
	for (int i = 0; i < WINOGRAD_OUT; i++)
		winograd_outputs(middle[i], y[i]);
}

/* What lies inside the picture, of a vector's channels; bias and ReLU come after the pool, which they commute with. */
static void
winograd_put(const Winograd *job, const WinogradTile *tile, Vec y[WINOGRAD_OUT][WINOGRAD_OUT], float *to, const float *bias)
{
	const uint32_t step = job->is_pooled ? 2 : 1;
	const Vec least = job->is_relu ? vec_zero() : vec_set(-__builtin_inff()), shift = bias ? vec_load(bias) : vec_zero();

	for (uint32_t i = 0; i < WINOGRAD_OUT && tile->row + i + step <= job->window.out_h; i += step)
		for (uint32_t j = 0; j < WINOGRAD_OUT && tile->column + j + step <= job->window.out_w; j += step) {
			Vec value = y[i][j];
			if (job->is_pooled)
				value = vec_max(vec_max(value, y[i][j + 1]), vec_max(y[i + 1][j], y[i + 1][j + 1]));
			vec_store(to + i / step * job->pixels.row + j / step * job->pixels.pixel, vec_max(least, value + shift));
		}
}

/* Some 130 sums and products of a vector a tile. */
static void
winograd_out(const Winograd *job)
{
	const uint32_t step = job->is_pooled ? 2 : 1;

	for (uint32_t number = 0; number < job->count; number++) {
		const WinogradTile tile = winograd_tile(&job->window, job->first + number);
		float *to = (float *)job->pixels.data + tile.image * job->pixels.image +
			    tile.row / step * job->pixels.row + tile.column / step * job->pixels.pixel;
		for (uint32_t c = 0; c < job->lanes; c += LANES) {
			Vec y[WINOGRAD_OUT][WINOGRAD_OUT];
			winograd_sums(job, job->points + (size_t)number * job->lanes + c, y);
			winograd_put(job, &tile, y, to + c, job->bias ? job->bias + c : NULL);
		}
	}
}

static const WinogradKernels winograd_kernels = { .in = winograd_in, .out = winograd_out };

#endif
