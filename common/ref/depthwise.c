/* depthwise.c: a convolution in which each channel has its own filter and meets no other; zeros outside the picture. */
#include "ref/operations.h"

#include "memory.h"
#include "net/shape.h"
#include "ref/window.h"

#include <string.h>

/* One output: bias + sum over the window of channel c. x: one sample; filter [kh, kw] */
static double
correlate(const Layer *layer, uint32_t oy, uint32_t ox, uint32_t c, const float *x, const float *filter, double bias)
{
	double sum = bias;

	for (uint32_t ky = 0; ky < layer->kernel_h; ky++)
		for (uint32_t kx = 0; kx < layer->kernel_w; kx++, filter++) {
			int64_t row = window_row(layer, oy, ox, ky, kx);

			if (row >= 0)
				sum += (double)x[(size_t)row * layer->in.c + c] * *filter;
		}
	return sum;
}

void
ref_depthwise_forward(const Layer *layer, uint64_t n, const float *x, const float *weight, const float *bias, float *y)
{
	size_t filter = (size_t)layer->kernel_h * layer->kernel_w;

	for (uint64_t i = 0; i < n; i++, x += shape_size(layer->in))
		for (uint32_t oy = 0; oy < layer->out.h; oy++)
			for (uint32_t ox = 0; ox < layer->out.w; ox++)
				for (uint32_t c = 0; c < layer->out.c; c++)
					*y++ = (float)correlate(layer, oy, ox, c, x, weight + c * filter, bias ? bias[c] : 0);
}

/* One output's derivative dy handed back along its window. dx: NULL or one sample; dfilter [kh, kw] */
static void
hand_back(const Layer *layer, uint32_t oy, uint32_t ox, uint32_t c, double dy, const float *x, const float *filter, double *dx,
	  double *dfilter)
{
	for (uint32_t ky = 0; ky < layer->kernel_h; ky++)
		for (uint32_t kx = 0; kx < layer->kernel_w; kx++, filter++, dfilter++) {
			int64_t row = window_row(layer, oy, ox, ky, kx);
			size_t at = (size_t)row * layer->in.c + c;

			if (row < 0)
				continue;
			*dfilter += dy * x[at];
			if (dx)
				dx[at] += dy * *filter;
		}
}

/* One sample. dx: NULL or cleared; dfilters, dbias: added to. */
static void
sample_backward(const Layer *layer, const float *x, const float *weight, const float *dy, double *dx, double *dfilters,
		double *dbias)
{
	size_t filter = (size_t)layer->kernel_h * layer->kernel_w;

	for (uint32_t oy = 0; oy < layer->out.h; oy++)
		for (uint32_t ox = 0; ox < layer->out.w; ox++)
			for (uint32_t c = 0; c < layer->out.c; c++, dy++) {
				hand_back(layer, oy, ox, c, *dy, x, weight + c * filter, dx, dfilters + c * filter);
				dbias[c] += *dy;
			}
}

static void
narrow(size_t count, const double *from, float *to)
{
	for (size_t i = 0; to && i < count; i++)
		to[i] = (float)from[i];
}

void
ref_depthwise_backward(const Layer *layer, uint64_t n, const float *x, const float *weight, const float *dy, float *dx,
		       float *dweight, float *dbias)
{
	size_t count = (size_t)layer->out.c * layer->kernel_h * layer->kernel_w, in = shape_size(layer->in);
	size_t out = shape_size(layer->out);
	double *dfilters = memory_zeroed(count, sizeof *dfilters), *dbiases = memory_zeroed(layer->out.c, sizeof *dbiases);
	double *dsample = dx ? memory_zeroed(in, sizeof *dsample) : NULL;

	for (uint64_t i = 0; i < n; i++) {
		if (dx)
			memset(dsample, 0, in * sizeof *dsample);
		sample_backward(layer, x + i * in, weight, dy + i * out, dsample, dfilters, dbiases);
		narrow(dx ? in : 0, dsample, dx ? dx + i * in : NULL);
	}
	narrow(count, dfilters, dweight);
	narrow(layer->out.c, dbiases, dbias);
	free(dfilters);
	free(dbiases);
	free(dsample);
}
