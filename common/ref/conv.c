/* conv.c: two-dimensional convolution (cross-correlation, as the field means it), zeros outside the picture. */
#include "ref/operations.h"

#include "memory.h"
#include "net/shape.h"
#include "ref/window.h"

#include <string.h>

static size_t
weight_count(const Layer *conv)
{
	return (size_t)conv->out.c * conv->in.c * conv->kernel_h * conv->kernel_w;
}

/* The model file's [out, in, kh, kw] against [out, kh, kw, in], where channels lie together as in pictures. */
static size_t
channels_last(const Layer *conv, size_t i)
{
	size_t kernel = (size_t)conv->kernel_h * conv->kernel_w;
	size_t o = i / kernel / conv->in.c, c = i / kernel % conv->in.c, k = i % kernel;

	return (o * kernel + k) * conv->in.c + c;
}

static double *
weight_channels_last(const Layer *conv, const float *weight)
{
	size_t count = weight_count(conv);
	double *turned = memory_zeroed(count, sizeof *turned);

	for (size_t i = 0; i < count; i++)
		turned[channels_last(conv, i)] = weight[i];
	return turned;
}

/* One output: bias + sum over the window. x: one sample; filter [kh, kw, in] */
static double
correlate(const Layer *conv, uint32_t oy, uint32_t ox, const float *x, const double *filter, double bias)
{
	double sum = bias;
	uint32_t channels = conv->in.c;

	for (uint32_t ky = 0; ky < conv->kernel_h; ky++)
		for (uint32_t kx = 0; kx < conv->kernel_w; kx++, filter += channels) {
			int64_t row = window_row(conv, oy, ox, ky, kx);

			for (uint32_t c = 0; row >= 0 && c < channels; c++)
				sum += x[(size_t)row * channels + c] * filter[c];
		}
	return sum;
}

void
ref_conv_forward(const Layer *conv, uint64_t n, const float *x, const float *weight, const float *bias, float *y)
{
	double *filters = weight_channels_last(conv, weight);
	size_t filter_size = weight_count(conv) / conv->out.c;

	for (uint64_t i = 0; i < n; i++, x += shape_size(conv->in))
		for (uint32_t oy = 0; oy < conv->out.h; oy++)
			for (uint32_t ox = 0; ox < conv->out.w; ox++)
				for (uint32_t o = 0; o < conv->out.c; o++)
					*y++ = (float)correlate(conv, oy, ox, x, filters + o * filter_size,
								bias ? bias[o] : 0);
	free(filters);
}

/* One output's derivative dy handed back along its window, to the input and to the filter. dx: NULL or one sample */
static void
hand_back(const Layer *conv, uint32_t oy, uint32_t ox, double dy, const float *x, const double *filter, double *dx,
	  double *dfilter)
{
	uint32_t channels = conv->in.c;

	for (uint32_t ky = 0; ky < conv->kernel_h; ky++)
		for (uint32_t kx = 0; kx < conv->kernel_w; kx++, filter += channels, dfilter += channels) {
			int64_t row = window_row(conv, oy, ox, ky, kx);

			for (uint32_t c = 0; row >= 0 && c < channels; c++)
				dfilter[c] += dy * x[(size_t)row * channels + c];
			for (uint32_t c = 0; dx && row >= 0 && c < channels; c++)
				dx[(size_t)row * channels + c] += dy * filter[c];
		}
}

/* One sample. dx: NULL or cleared; dfilters, dbias: added to. */
static void
sample_backward(const Layer *conv, const float *x, const double *filters, const float *dy, double *dx, double *dfilters,
		double *dbias)
{
	size_t filter_size = weight_count(conv) / conv->out.c;

	for (uint32_t oy = 0; oy < conv->out.h; oy++)
		for (uint32_t ox = 0; ox < conv->out.w; ox++)
			for (uint32_t o = 0; o < conv->out.c; o++, dy++) {
				hand_back(conv, oy, ox, *dy, x, filters + o * filter_size, dx,
					  dfilters + o * filter_size);
				dbias[o] += *dy;
			}
}

void
ref_conv_backward(const Layer *conv, uint64_t n, const float *x, const float *weight, const float *dy, float *dx,
		  float *dweight, float *dbias)
{
	size_t count = weight_count(conv), in = shape_size(conv->in), out = shape_size(conv->out);
	double *filters = weight_channels_last(conv, weight);
	double *dfilters = memory_zeroed(count, sizeof *dfilters), *dbiases = memory_zeroed(conv->out.c, sizeof *dbiases);
	double *dsample = dx ? memory_zeroed(in, sizeof *dsample) : NULL;

	for (uint64_t i = 0; i < n; i++) {
		if (dx)
			memset(dsample, 0, in * sizeof *dsample);
		sample_backward(conv, x + i * in, filters, dy + i * out, dsample, dfilters, dbiases);
		for (size_t j = 0; dx && j < in; j++)
			dx[i * in + j] = (float)dsample[j];
	}
	for (size_t i = 0; i < count; i++)
		dweight[i] = (float)dfilters[channels_last(conv, i)];
	for (uint32_t o = 0; dbias && o < conv->out.c; o++)
		dbias[o] = (float)dbiases[o];
	free(filters);
	free(dfilters);
	free(dbiases);
	free(dsample);
}
