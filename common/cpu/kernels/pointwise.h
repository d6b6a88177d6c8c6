/* cpu/kernels/pointwise.h: batch norm, ReLU and pools, forward and backward; the optimiser. Bound by memory. */
#ifndef FM_CPU_KERNELS_POINTWISE_H
#define FM_CPU_KERNELS_POINTWISE_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

/* Few enough that a second look at them meets the first-level cache. */
enum { MOMENT_PIXELS = 32 };

/* Squares are taken about the mean of a few pixels and put together in double, so that a mean far from zero costs no
 * digits of the variance. */
static void
moments(const float *y, size_t pixels, uint32_t lanes, double *sum, double *square)
{
	for (size_t begin = 0; begin < pixels; begin += MOMENT_PIXELS) {
		const size_t count = pixels - begin < MOMENT_PIXELS ? pixels - begin : MOMENT_PIXELS;
		for (uint32_t c = 0; c < lanes; c += LANES) {
			const float *p = y + begin * lanes + c;
			Vec total = vec_zero(), about = vec_zero();
			for (size_t i = 0; i < count; i++)
				total += vec_load(p + i * lanes);
			Vec mean = total * vec_set(1.0f / (float)count);
			for (size_t i = 0; i < count; i++) {
				Vec d = vec_load(p + i * lanes) - mean;
				about = vec_fma(d, d, about);
			}
			float s[LANES], m[LANES], q[LANES];
			vec_store(s, total);
			vec_store(m, mean);
			vec_store(q, about);
			/* sum (y - m)^2 = sum y^2 - 2 m sum y + n m^2, whatever m was rounded to */
			for (int i = 0; i < LANES; i++) {
				sum[c + i] += (double)s[i];
				square[c + i] += (double)q[i] + 2.0 * (double)m[i] * (double)s[i] -
						 (double)count * (double)m[i] * (double)m[i];
			}
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

/* dz where ReLU lets it pass */
INLINE Vec
affine_gate(const Affine *affine, Vec y, Vec dz, uint32_t c)
{
	return affine->is_relu ? vec_where_greater(affine_at(affine, y, c), vec_zero(), dz) : dz;
}

static void
affine_sums(const Affine *affine, const float *y, const float *dz, const float *mean, size_t pixels, uint32_t lanes,
	    double *first, double *second)
{
	for (size_t begin = 0; begin < pixels; begin += MOMENT_PIXELS) {
		const size_t end = begin + MOMENT_PIXELS < pixels ? begin + MOMENT_PIXELS : pixels;
		for (uint32_t c = 0; c < lanes; c += LANES) {
			Vec a = vec_zero(), b = vec_zero(), m = vec_load(mean + c);
			for (size_t i = begin; i < end; i++) {
				Vec value = vec_load(y + i * lanes + c);
				Vec d = affine_gate(affine, value, vec_load(dz + i * lanes + c), c);
				a += d;
				b = vec_fma(d, value - m, b);
			}
			vec_add_double(first + c, a);
			vec_add_double(second + c, b);
		}
	}
}

static void
affine_back(const Affine *affine, const float *y, const float *dz, const float *coefficients, float *dy, size_t pixels,
	    uint32_t lanes)
{
	const float *a = coefficients, *b = a + lanes, *constant = b + lanes;
	for (size_t i = 0; i < pixels; i++)
		for (uint32_t c = 0; c < lanes; c += LANES) {
			Vec value = vec_load(y + i * lanes + c);
			Vec d = affine_gate(affine, value, vec_load(dz + i * lanes + c), c);
			Vec rest = vec_fma(vec_load(b + c), value, vec_load(constant + c));
			vec_store(dy + i * lanes + c, vec_fma(vec_load(a + c), d, rest));
		}
}

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
pool(const Pool *pool, const float *z, float *out, size_t out_row)
{
	for (uint32_t y = 0; y < pool->out_h; y++)
		for (uint32_t x = 0; x < pool->out_w; x++)
			for (uint32_t c = 0; c < pool->lanes; c += LANES)
				vec_store(out + y * out_row + (size_t)x * pool->lanes + c,
					  pool_window(pool, z + ((size_t)y * pool->in_w + x) * pool->stride * pool->lanes + c));
}

/* Channel by channel: to the first of the window that is as large as the pool's result. */
static void
pool_back_max(const Pool *pool, const float *z, const float *g, float *dz, size_t row, uint32_t c)
{
	size_t best = 0;
	for (uint32_t ky = 0; ky < pool->kernel_h; ky++)
		for (uint32_t kx = 0; kx < pool->kernel_w; kx++) {
			size_t here = ky * row + (size_t)kx * pool->lanes;
			if (z[here + c] > z[best + c])
				best = here;
		}
	dz[best + c] += g[c];
}

static void
pool_back_average(const Pool *pool, const float *g, float *dz, size_t row, uint32_t c)
{
	const float share = 1.0f / ((float)pool->kernel_h * (float)pool->kernel_w);
	for (uint32_t ky = 0; ky < pool->kernel_h; ky++)
		for (uint32_t kx = 0; kx < pool->kernel_w; kx++)
			dz[ky * row + (size_t)kx * pool->lanes + c] += g[c] * share;
}

static void
pool_back(const Pool *pool, const float *z, const float *g, float *dz)
{
	const size_t row = (size_t)pool->in_w * pool->lanes;
	memset(dz, 0, pool->in_h * row * sizeof *dz);
	for (uint32_t y = 0; y < pool->out_h; y++)
		for (uint32_t x = 0; x < pool->out_w; x++, g += pool->lanes) {
			size_t at = ((size_t)y * pool->in_w + x) * pool->stride * pool->lanes;
			for (uint32_t c = 0; c < pool->lanes; c++)
				if (pool->kind == POOL_MAX)
					pool_back_max(pool, z + at, g, dz + at, row, c);
				else
					pool_back_average(pool, g, dz + at, row, c);
		}
}

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
		Vec g = vec_load(gradient + i) * vec_set(step->inverse_weight), w = vec_load(param + i);
		w = step->kind == OPTIMISE_ADAM ? optimise_adam(step, g, w, m + i, v + i)
						: optimise_sgd(step, g, w, m + i);
		vec_store(param + i, w);
		if (ema) {
			Vec e = vec_load(ema + i) * vec_set(step->ema_rate);
			vec_store(ema + i, vec_fma(vec_set(1 - step->ema_rate), w, e));
		}
	}
}

static void
add(size_t count, float *to, const float *from)
{
	for (size_t i = 0; i < count; i += LANES)
		vec_store(to + i, vec_load(to + i) + vec_load(from + i));
}

#endif
