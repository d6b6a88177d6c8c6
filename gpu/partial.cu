/* partial.cu: see partial.h. */
#include "partial.h"

template <typename Sum>
__global__ static void
partial_add_kernel(uint32_t count, uint32_t parts, const float *partial, float alpha, float *to)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	Sum sum = 0;

	if (at >= count)
		return;
	for (uint32_t part = 0; part < parts; part++)
		sum += partial[static_cast<size_t>(part) * count + at];
	to[at] = static_cast<float>(alpha * sum);
}

template <typename Sum>
void
partial_add(Work &work, uint32_t count, uint32_t parts, const float *partial, float alpha, float *to)
{
	QUEUE(work, grid_for(work, count), partial_add_kernel<Sum>, count, parts, partial, alpha, to);
}

template void partial_add<float>(Work &, uint32_t, uint32_t, const float *, float, float *);
template void partial_add<double>(Work &, uint32_t, uint32_t, const float *, float, float *);
