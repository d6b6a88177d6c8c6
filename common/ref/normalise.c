/* normalise.c: from pixels to what the first layer reads. */
#include "ref/operations.h"

void
ref_normalise(const Net *net, size_t count, const uint8_t *pixels, float *x)
{
	for (size_t i = 0; i < count; i++)
		x[i] = (float)pixels[i] * net->scale[i % net->input.c] + net->shift[i % net->input.c];
}
