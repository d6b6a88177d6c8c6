/* pool.c: maximum and mean over windows, without padding. */
#include "ref/operations.h"

#include "memory.h"
#include "net/shape.h"

#include <math.h>
#include <string.h>

/* Index, in one sample, of element k of the window of output o, both counted row by row; o also over channels. */
static size_t
element(const Layer *pool, size_t o, uint32_t k)
{
	size_t c = o % pool->out.c, ox = o / pool->out.c % pool->out.w, oy = o / pool->out.c / pool->out.w;
	size_t y = oy * pool->stride + k / pool->kernel_w, x = ox * pool->stride + k % pool->kernel_w;

	return (y * pool->in.w + x) * pool->in.c + c;
}

/* Index of the window's largest; the first of equal ones; a NaN counts as largest. x: one sample */
static size_t
largest(const Layer *pool, size_t o, const float *x)
{
	size_t best = element(pool, o, 0);

	for (uint32_t k = 1; k < pool->kernel_h * pool->kernel_w; k++) {
		size_t i = element(pool, o, k);

		if (x[i] > x[best] || isnan(x[i]))
			best = i;
	}
	return best;
}

void
ref_maxpool_forward(const Layer *pool, uint64_t n, const float *x, float *y)
{
	size_t in = shape_size(pool->in), out = shape_size(pool->out);

	for (uint64_t i = 0; i < n; i++, x += in, y += out)
		for (size_t o = 0; o < out; o++)
			y[o] = x[largest(pool, o, x)];
}

void
ref_maxpool_backward(const Layer *pool, uint64_t n, const float *x, const float *dy, float *dx)
{
	size_t in = shape_size(pool->in), out = shape_size(pool->out);
	double *sum = memory_zeroed(in, sizeof *sum);

	for (uint64_t i = 0; i < n; i++, x += in, dx += in, dy += out) {
		memset(sum, 0, in * sizeof *sum);
		for (size_t o = 0; o < out; o++)
			sum[largest(pool, o, x)] += dy[o]; /* windows may overlap */
		for (size_t j = 0; j < in; j++)
			dx[j] = (float)sum[j];
	}
	free(sum);
}

void
ref_avgpool_forward(const Layer *pool, uint64_t n, const float *x, float *y)
{
	size_t in = shape_size(pool->in), out = shape_size(pool->out);
	uint32_t size = pool->kernel_h * pool->kernel_w;

	for (uint64_t i = 0; i < n; i++, x += in, y += out)
		for (size_t o = 0; o < out; o++) {
			double sum = 0;

			for (uint32_t k = 0; k < size; k++)
				sum += x[element(pool, o, k)];
			y[o] = (float)(sum / size);
		}
}

void
ref_avgpool_backward(const Layer *pool, uint64_t n, const float *dy, float *dx)
{
	size_t in = shape_size(pool->in), out = shape_size(pool->out);
	uint32_t size = pool->kernel_h * pool->kernel_w;
	double *sum = memory_zeroed(in, sizeof *sum);

	for (uint64_t i = 0; i < n; i++, dx += in, dy += out) {
		memset(sum, 0, in * sizeof *sum);
		for (size_t o = 0; o < out; o++)
			for (uint32_t k = 0; k < size; k++)
				sum[element(pool, o, k)] += (double)dy[o] / size;
		for (size_t j = 0; j < in; j++)
			dx[j] = (float)sum[j];
	}
	free(sum);
}
