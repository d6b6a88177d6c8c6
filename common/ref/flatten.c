/* flatten.c: from channels last to the (c, h, w) order of dense weights in the model file. */
#include "ref/operations.h"

#include "net/shape.h"

/* Index in [h, w, c] of unit j in (c, h, w) order. */
static size_t
in_memory(Shape shape, size_t j)
{
	size_t pixels = (size_t)shape.h * shape.w;

	return j % pixels * shape.c + j / pixels;
}

void
ref_flatten_forward(const Layer *flatten, uint64_t n, const float *x, float *y)
{
	size_t size = shape_size(flatten->in);

	for (uint64_t i = 0; i < n; i++, x += size, y += size)
		for (size_t j = 0; j < size; j++)
			y[j] = x[in_memory(flatten->in, j)];
}

void
ref_flatten_backward(const Layer *flatten, uint64_t n, const float *dy, float *dx)
{
	size_t size = shape_size(flatten->in);

	for (uint64_t i = 0; i < n; i++, dx += size, dy += size)
		for (size_t j = 0; j < size; j++)
			dx[in_memory(flatten->in, j)] = dy[j];
}
