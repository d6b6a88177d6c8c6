/* relu.c: max(x, 0). A NaN stays one, so that the loss shows it. */
#include "ref/operations.h"

void
ref_relu_forward(size_t count, const float *x, float *y)
{
	for (size_t i = 0; i < count; i++)
		y[i] = x[i] <= 0 ? 0 : x[i];
}

void
ref_relu_backward(size_t count, const float *x, const float *dy, float *dx)
{
	for (size_t i = 0; i < count; i++)
		dx[i] = x[i] <= 0 ? 0 : dy[i];
}
