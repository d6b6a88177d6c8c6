/* dense.c: every output a weighted sum of every input. */
#include "ref/operations.h"

void
ref_dense_forward(const Layer *dense, uint64_t n, const float *x, const float *weight, const float *bias, float *y)
{
	size_t in = dense->in.c, out = dense->out.c;

	for (uint64_t i = 0; i < n; i++)
		for (size_t o = 0; o < out; o++) {
			double sum = bias ? bias[o] : 0;

			for (size_t k = 0; k < in; k++)
				sum += (double)x[i * in + k] * weight[o * in + k];
			y[i * out + o] = (float)sum;
		}
}

/* dx[i, k] = sum over o of dy[i, o] weight[o, k] */
static void
input_backward(size_t n, size_t in, size_t out, const float *weight, const float *dy, float *dx)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < in; k++) {
			double sum = 0;

			for (size_t o = 0; o < out; o++)
				sum += (double)dy[i * out + o] * weight[o * in + k];
			dx[i * in + k] = (float)sum;
		}
}

void
ref_dense_backward(const Layer *dense, uint64_t n, const float *x, const float *weight, const float *dy, float *dx,
		   float *dweight, float *dbias)
{
	size_t in = dense->in.c, out = dense->out.c;

	for (size_t o = 0; o < out; o++) {
		double bias = 0;

		for (size_t k = 0; k < in; k++) {
			double sum = 0;

			for (uint64_t i = 0; i < n; i++)
				sum += (double)dy[i * out + o] * x[i * in + k];
			dweight[o * in + k] = (float)sum;
		}
		for (uint64_t i = 0; i < n; i++)
			bias += dy[i * out + o];
		if (dbias)
			dbias[o] = (float)bias;
	}
	if (dx)
		input_backward(n, in, out, weight, dy, dx);
}
