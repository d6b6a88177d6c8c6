/* cpu/kernels/pointwise.h: batch norm, ReLU and pools, forward and backward; the optimiser. Bound by memory. */
#ifndef FM_CPU_KERNELS_POINTWISE_H
#define FM_CPU_KERNELS_POINTWISE_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

/* Few enough that a second look at them meets the first-level cache. */
enum { MOMENT_PIXELS = 32 };

static void
moments(const void *cells, size_t pixels, uint32_t lanes, double *sum, double *square)
{
	const Cell *y = cells;
	for (size_t begin = 0; begin < pixels; begin += MOMENT_PIXELS) {
		const size_t count = pixels - begin < MOMENT_PIXELS ? pixels - begin : MOMENT_PIXELS;
		for (uint32_t c = 0; c < lanes; c += LANES) {
			const Cell *p = y + begin * lanes + c;
			Vec total = vec_zero(), about = vec_zero();
			for (size_t i = 0; i < count; i++)
				total += cells_load(p + i * lanes);
			Vec mean = total * vec_set(1.0f / (float)count);
			for (size_t i = 0; i < count; i++) {
				Vec d = cells_load(p + i * lanes) - mean;
				about = vec_fma(d, d, about);
			}
			moments_add(sum + c, square + c, total, mean, about, (float)count);
		}
	}
}

INLINE Vec
affine_at(const Affine *affine, Vec y, uint32_t c)
{
	return vec_fma(y, vec_load(affine->scale + c), vec_load(affine->shift + c));
}

static void
affine(const Affine *affine, const float *y, float *z, size_t pixels, uint32_t lanes)
{
	const Vec least = affine->is_relu ? vec_zero() : vec_set(-__builtin_inff());
	for (size_t i = 0; i < pixels; i++)
		for (uint32_t c = 0; c < lanes; c += LANES)
			vec_store(z + i * lanes + c, vec_max(least, affine_at(affine, vec_load(y + i * lanes + c), c)));
}

static void
sums(const Affine *affine, const void *y_cells, const void *dz_cells, const float *mean, size_t pixels, uint32_t lanes,
     double *first, double *second)
{
	const Cell *y = y_cells, *dz = dz_cells;
	for (size_t begin = 0; begin < pixels; begin += MOMENT_PIXELS) {
		const size_t end = begin + MOMENT_PIXELS < pixels ? begin + MOMENT_PIXELS : pixels;
		for (uint32_t c = 0; c < lanes; c += LANES) {
			const Vec scale = vec_load(affine->scale + c), shift = vec_load(affine->shift + c);
			const Vec m = vec_load(mean + c), least = affine->is_relu ? vec_zero() : vec_set(-__builtin_inff());
			Vec a = vec_zero(), b = vec_zero();
			for (size_t i = begin; i < end; i++) {
				Vec value = cells_load(y + i * lanes + c), d = cells_load(dz + i * lanes + c);
				d = vec_where_greater(vec_fma(value, scale, shift), least, d);
				a += d;
				b = vec_fma(d, value - m, b);
			}
			vec_add_double(first + c, a);
			vec_add_double(second + c, b);
		}
	}
}

/* ---- from y to the output ---- */

/* A job's fields by value: vectors may alias anything, so that after each store they would be read anew. Channels come
 * before pixels of a row, so that their coefficients stay in registers. */
typedef struct Coefficients {
	Vec scale, shift, least; /* of the affine */
	Vec a, b, constant;	 /* of the way back */
} Coefficients;

INLINE Coefficients
coefficients_at(const Affine *affine, uint32_t c)
{
	return (Coefficients){ .scale = vec_load(affine->scale + c), .shift = vec_load(affine->shift + c),
			       .least = affine->is_relu ? vec_zero() : vec_set(-__builtin_inff()) };
}

/* A stage's y has usually left the second-level cache by the time it is wanted again: ask for it some rows ahead. What
 * lies behind the last row is asked for in vain, which harms nobody. */
enum { ROWS_AHEAD = 4 };

INLINE void
fetch_ahead(const Cell *y, size_t row, size_t lanes, uint32_t c, const uint32_t size)
{
	if (c * sizeof(Cell) % 64)
		return; /* the line is on its way */
	UNROLL_IF_FIXED(2)
	for (uint32_t ky = 0; ky < size; ky++)
		UNROLL_IF_FIXED(2)
		for (uint32_t kx = 0; kx < size; kx++)
			__builtin_prefetch(y + (ky + ROWS_AHEAD) * row + kx * lanes);
}

/* z of the largest, and its y to best; `row` cells from one row to the next */
INLINE Vec
finish_window(const Coefficients *with, const Cell *y, size_t pixel, size_t row, const uint32_t size, Vec *best)
{
	Vec y_best = cells_load(y), z_best = vec_fma(y_best, with->scale, with->shift);
	UNROLL_IF_FIXED(2)
	for (uint32_t ky = 0; ky < size; ky++)
		UNROLL_IF_FIXED(2)
		for (uint32_t kx = 0; kx < size; kx++) {
			if (ky + kx == 0)
				continue;
			Vec value = cells_load(y + ky * row + kx * pixel);
			Vec z = vec_fma(value, with->scale, with->shift);
			y_best = vec_choose_greater(z, z_best, value, y_best);
			z_best = vec_choose_greater(z, z_best, z, z_best);
		}
	*best = y_best;
	return vec_max(with->least, z_best);
}

INLINE void
finish_row(const Finish job, uint32_t y, uint32_t c, const uint32_t size, const int images)
{
	const Coefficients with = coefficients_at(&job.affine, c);
	const uint32_t out_w = job.w / size;
	const size_t lanes = job.lanes, row = job.w * lanes, to = y * job.out_row + c, flat = (size_t)y * out_w * lanes + c;
	for (uint32_t x = 0; x < out_w; x++) {
		Vec z[2] = {vec_zero(), vec_zero()}, best;
		UNROLL_IF_FIXED(2)
		for (int i = 0; i < images; i++) {
			const Cell *from = (const Cell *)job.y[i] + y * size * row + x * size * lanes + c;
			fetch_ahead(from, row, lanes, c, size);
			z[i] = finish_window(&with, from, lanes, row, size, &best);
			cells_store((Cell *)job.out[i] + to + x * lanes, z[i]);
			if (job.best[i])
				cells_store((Cell *)job.best[i] + flat + x * lanes, best);
		}
		if (job.pairs)
			vec_store((float *)job.pairs + to + x * lanes, vec_pair(z[0], z[1]));
	}
}

INLINE void
finish_windows(const Finish *job, const uint32_t size, const int images)
{
	for (uint32_t y = 0; y < job->h / size; y++)
		for (uint32_t c = 0; c < job->lanes; c += LANES)
			finish_row(*job, y, c, size, images);
}

static void
finish(const Finish *job)
{
	const uint32_t size = job->pool ? job->pool->stride : 1;
	const int images = job->y[1] ? 2 : 1;
	if (size == 1 && images == 2)
		finish_windows(job, 1, 2);
	else if (size == 1)
		finish_windows(job, 1, 1);
	else if (size == 2 && images == 2)
		finish_windows(job, 2, 2);
	else if (size == 2)
		finish_windows(job, 2, 1);
	else
		finish_windows(job, size, images);
}

/* ---- from the output's gradient to y's ---- */

/* dy of one place in one or two images; at: cells of y, to: cells of dy */
INLINE void
back_pixel(const Back job, const Coefficients *with, const Vec *d, const Vec *y, size_t at, size_t to, const int images)
{
	Vec dy[2] = {vec_zero(), vec_zero()};
	UNROLL_IF_FIXED(2)
	for (int i = 0; i < images; i++) {
		dy[i] = vec_fma(with->a, d[i], vec_fma(with->b, y[i], with->constant));
		if (job.dy[i])
			cells_store((Cell *)job.dy[i] + to, dy[i]);
	}
	if (job.pairs)
		vec_store((float *)job.pairs + at, vec_pair(dy[0], dy[1]));
}

/* One window: its gradient goes to the first pixel whose y is that of the largest, after which nothing is left.
 * flat: of best and dout, at and to: as above, of the window's first pixel */
INLINE void
back_window(const Back job, const Coefficients *with, size_t flat, size_t at, size_t to, uint32_t c, const uint32_t size,
	    const int images)
{
	Vec left[2] = {vec_zero(), vec_zero()}, best[2] = {vec_zero(), vec_zero()};
	UNROLL_IF_FIXED(2)
	for (int i = 0; i < images; i++) {
		fetch_ahead((const Cell *)job.y[i] + at, (size_t)job.w * job.lanes, job.lanes, c, size);
		best[i] = cells_load((const Cell *)(size == 1 ? job.y[i] : job.best[i]) + flat);
		left[i] = cells_load((const Cell *)job.dout[i] + flat);
		if (job.affine.is_relu)
			left[i] = vec_where_greater(vec_fma(best[i], with->scale, with->shift), vec_zero(), left[i]);
	}
	UNROLL_IF_FIXED(2)
	for (uint32_t ky = 0; ky < size; ky++)
		UNROLL_IF_FIXED(2)
		for (uint32_t kx = 0; kx < size; kx++) {
			const size_t here = at + ((size_t)ky * job.w + kx) * job.lanes;
			Vec value[2] = {vec_zero(), vec_zero()}, d[2] = {vec_zero(), vec_zero()};
			UNROLL_IF_FIXED(2)
			for (int i = 0; i < images; i++) {
				value[i] = size == 1 ? best[i] : cells_load((const Cell *)job.y[i] + here);
				d[i] = size == 1 ? left[i] : vec_where_equal(value[i], best[i], left[i]);
				left[i] -= d[i];
			}
			back_pixel(job, with, d, value, here, to + ky * job.dy_row + (size_t)kx * job.lanes, images);
		}
}

/* Pixels of a row beyond the last whole window: nothing but batch norm's own gradient reaches them. */
INLINE void
back_rest(const Back job, const Coefficients *with, uint32_t row, uint32_t column, uint32_t c, const int images)
{
	const Vec none[2] = {vec_zero(), vec_zero()};
	for (; column < job.w; column++) {
		const size_t at = ((size_t)row * job.w + column) * job.lanes + c;
		Vec value[2] = {vec_zero(), vec_zero()};
		UNROLL_IF_FIXED(2)
		for (int i = 0; i < images; i++)
			value[i] = cells_load((const Cell *)job.y[i] + at);
		back_pixel(job, with, none, value, at, row * job.dy_row + (size_t)column * job.lanes + c, images);
	}
}

/* Rows y * size … of windows, or a row beyond the last of them. */
INLINE void
back_row(const Back job, uint32_t y, uint32_t c, const uint32_t size, const int images)
{
	const uint32_t out_w = job.w / size, first = y * size;
	Coefficients with = coefficients_at(&job.affine, c);
	with.a = vec_load(job.coefficients + c);
	with.b = vec_load(job.coefficients + job.lanes + c);
	with.constant = vec_load(job.coefficients + 2 * (size_t)job.lanes + c);
	if (first + size > job.h) {
		for (uint32_t row = first; row < job.h; row++)
			back_rest(job, &with, row, 0, c, images);
		return;
	}
	for (uint32_t x = 0; x < out_w; x++)
		back_window(job, &with, ((size_t)y * out_w + x) * job.lanes + c,
			    ((size_t)first * job.w + (size_t)x * size) * job.lanes + c,
			    first * job.dy_row + (size_t)x * size * job.lanes + c, c, size, images);
	for (uint32_t row = first; out_w * size < job.w && row < first + size; row++)
		back_rest(job, &with, row, out_w * size, c, images);
}

INLINE void
back_windows(const Back *job, const uint32_t size, const int images)
{
	for (uint32_t y = 0; y * size < job->h; y++)
		for (uint32_t c = 0; c < job->lanes; c += LANES)
			back_row(*job, y, c, size, images);
}

static void
back(const Back *job)
{
	const uint32_t size = job->pool ? job->pool->stride : 1;
	const int images = job->y[1] ? 2 : 1;
	if (size == 1 && images == 2)
		back_windows(job, 1, 2);
	else if (size == 1)
		back_windows(job, 1, 1);
	else if (size == 2 && images == 2)
		back_windows(job, 2, 2);
	else if (size == 2)
		back_windows(job, 2, 1);
	else
		back_windows(job, size, images);
}

/* ---- floats to cells and back ---- */

static void
store(const Store *job)
{
	const size_t width = (size_t)job->w * job->lanes;
	for (uint32_t row = 0; row < job->h; row++)
		for (size_t i = 0; i < width; i += LANES) {
			Vec a = vec_load(job->from[0] + row * width + i);
			Vec b = job->from[1] ? vec_load(job->from[1] + row * width + i) : vec_zero();
			if (job->to[0])
				cells_store((Cell *)job->to[0] + row * job->to_row + i, a);
			if (job->to[1])
				cells_store((Cell *)job->to[1] + row * job->to_row + i, b);
			if (job->pairs)
				vec_store((float *)job->pairs + row * job->pairs_row + i, vec_pair(a, b));
		}
}

static void
load(size_t count, const void *cells, float *to)
{
	for (size_t i = 0; i < count; i += LANES)
		vec_store(to + i, cells_load((const Cell *)cells + i));
}

/* ---- pools of any kind, on floats ---- */

/* the largest, or the mean, of the window whose first pixel is z */
INLINE Vec
pool_window(const Pool *pool, const float *z)
{
	const size_t row = (size_t)pool->in_w * pool->lanes;
	Vec result = vec_zero();
	if (pool->kind == POOL_MAX)
		result = vec_load(z);
	for (uint32_t ky = 0; ky < pool->kernel_h; ky++)
		for (uint32_t kx = 0; kx < pool->kernel_w; kx++) {
			Vec a = vec_load(z + ky * row + (size_t)kx * pool->lanes);
			if (pool->kind == POOL_MAX)
				result = vec_max(result, a);
			else
				result += a;
		}
	if (pool->kind == POOL_AVERAGE)
		result *= vec_set(1.0f / ((float)pool->kernel_h * (float)pool->kernel_w));
	return result;
}

static void
pool(const Pool *pool, const float *z, float *out)
{
	for (uint32_t y = 0; y < pool->out_h; y++)
		for (uint32_t x = 0; x < pool->out_w; x++)
			for (uint32_t c = 0; c < pool->lanes; c += LANES)
				vec_store(out + ((size_t)y * pool->out_w + x) * pool->lanes + c,
					  pool_window(pool, z + ((size_t)y * pool->in_w + x) * pool->stride * pool->lanes + c));
}

/* One window's gradient g: to the first pixel that is as large as the largest, after which nothing is left; or shared. */
INLINE void
pool_back_window(const Pool *pool, const float *z, Vec g, float *dz, size_t row)
{
	const Vec share = g * vec_set(1.0f / ((float)pool->kernel_h * (float)pool->kernel_w));
	const Vec best = pool->kind == POOL_MAX ? pool_window(pool, z) : vec_zero();
	for (uint32_t ky = 0; ky < pool->kernel_h; ky++)
		for (uint32_t kx = 0; kx < pool->kernel_w; kx++) {
			const size_t here = ky * row + (size_t)kx * pool->lanes;
			Vec d = share;
			if (pool->kind == POOL_MAX) {
				d = vec_where_equal(vec_load(z + here), best, g);
				g -= d;
			}
			vec_store(dz + here, vec_load(dz + here) + d);
		}
}

static void
pool_back(const Pool *pool, const float *z, const float *g, float *dz)
{
	const size_t row = (size_t)pool->in_w * pool->lanes;
	memset(dz, 0, pool->in_h * row * sizeof *dz);
	for (uint32_t y = 0; y < pool->out_h; y++)
		for (uint32_t x = 0; x < pool->out_w; x++, g += pool->lanes) {
			const size_t at = ((size_t)y * pool->in_w + x) * pool->stride * pool->lanes;
			for (uint32_t c = 0; c < pool->lanes; c += LANES)
				pool_back_window(pool, z + at + c, vec_load(g + c), dz + at + c, row);
		}
}

/* ---- the optimiser ---- */

/* m, v, w of Adam as PyTorch places epsilon; its bias corrections are in rate and root_scale. */
INLINE Vec
optimise_adam(const OptimiserStep *step, Vec g, Vec w, float *m, float *v)
{
	Vec m1 = vec_load(m), v1 = vec_load(v);
	m1 = vec_fma(vec_set(1 - step->beta1), g - m1, m1);
	v1 = vec_fma(vec_set(1 - step->beta2), vec_fma(g, g, -v1), v1);
	vec_store(m, m1);
	vec_store(v, v1);
	Vec root = vec_fma(vec_sqrt(v1), vec_set(step->root_scale), vec_set(step->epsilon));
	return w * vec_set(step->keep) - vec_set(step->rate) * m1 / root;
}

INLINE Vec
optimise_sgd(const OptimiserStep *step, Vec g, Vec w, float *m)
{
	Vec velocity = vec_fma(vec_set(step->beta1), vec_load(m), vec_fma(vec_set(step->decay), w, g));
	vec_store(m, velocity);
	return w - vec_set(step->rate) * velocity;
}

static void
optimise(const OptimiserStep *step, size_t count, const float *gradient, float *param, float *m, float *v, float *ema)
{
	for (size_t i = 0; i < count; i += LANES) {
		Vec w = vec_load(param + i);
		if (step->kind != OPTIMISE_FROZEN) {
			const Vec g = vec_load(gradient + i) * vec_set(step->inverse_weight);
			w = step->kind == OPTIMISE_ADAM ? optimise_adam(step, g, w, m + i, v + i)
							: optimise_sgd(step, g, w, m + i);
			vec_store(param + i, w);
		}
		if (ema) {
			Vec e = vec_load(ema + i) * vec_set(step->ema_rate);
			vec_store(ema + i, vec_fma(vec_set(1 - step->ema_rate), w, e));
		}
	}
}

static void
relu(size_t count, float *z)
{
	for (size_t i = 0; i < count; i += LANES) /* this way round a NaN stays one */
		vec_store(z + i, vec_max(vec_zero(), vec_load(z + i)));
}

static void
relu_back(size_t count, const float *z, float *dz)
{
	for (size_t i = 0; i < count; i += LANES)
		vec_store(dz + i, vec_where_greater(vec_load(z + i), vec_zero(), vec_load(dz + i)));
}

static void
add(size_t count, float *to, const float *from)
{
	for (size_t i = 0; i < count; i += LANES)
		vec_store(to + i, vec_load(to + i) + vec_load(from + i));
}

static void
add_cells(size_t count, void *to_cells, const void *from_cells)
{
	Cell *to = to_cells;
	const Cell *from = from_cells;

	for (size_t i = 0; i < count; i += LANES)
		cells_store(to + i, cells_load(to + i) + cells_load(from + i));
}

#endif
