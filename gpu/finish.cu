/* finish.cu: forward. What finish_vector.cu has no kernel for, a thread a place of z. Bound by bytes: y read once, z written
 * once. */
#include "finish.h"

#include "finish_vector.h"
#include "window.h"

/* The largest of a window and which it is: the first of equal ones; a NaN counts as largest. */
template <typename Y>
__device__ static float
window_max(const Finish &finish, const Place &place, const Y *y, uint32_t *largest)
{
	float best = 0;
	uint32_t element = 0;

	*largest = 0;
	for (uint32_t row = 0; row < finish.kernel_h; row++)
		for (uint32_t column = 0; column < finish.kernel_w; column++, element++) {
			const size_t at = window_element(finish, place, row, column);
			const float value = rectified(finish, affine(finish, widen(y[at]), place.channel, at));

			if (!element || value > best || isnan(value)) {
				best = value;
				*largest = element;
			}
		}
	return best;
}

/* A global average has few threads: small blocks spread them over a card. */
enum { MEAN_THREADS = 64 };

template <typename Y>
__device__ static float
window_mean(const Finish &finish, const Place &place, const Y *y)
{
	WindowWalk walk = {};
	float sum = 0;

	while (walk.next(finish, place)) {
		float values[WINDOW_RUN], adds[WINDOW_RUN];

		window_load(walk, y, values);
		window_load_added(finish, walk, adds);
#pragma unroll
		for (uint32_t i = 0; i < WINDOW_RUN; i++)
			if (i < walk.count)
				sum += rectified(finish, mapped(finish, values[i], place.channel) + adds[i]);
	}
	return sum / static_cast<float>(finish.kernel_h * finish.kernel_w);
}

template <typename Y, typename Z>
__global__ static void
forward_kernel(Finish finish, uint32_t count, const Y *y, Z *z, void *argmax)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t largest = 0;

	if (at >= count)
		return;
	const Place place = place_of(finish, at);
	const float value = finish.pool == POOL_MAX ? window_max(finish, place, y, &largest)
						    : rectified(finish, affine(finish, widen(y[at]), place.channel, at));
	if (argmax)
		argmax_put(finish, argmax, at, largest);
	z[at] = narrow<Z>(value * dropped(finish, place));
}

/* Apart from the other, which needs half its registers. */
template <typename Y, typename Z>
__global__ static void
mean_forward_kernel(Finish finish, uint32_t count, const Y *y, Z *z)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;

	if (at >= count)
		return;
	const Place place = place_of(finish, at);
	z[at] = narrow<Z>(window_mean(finish, place, y) * dropped(finish, place));
}

template <typename Y, typename Z>
void
finish_forward(Work &work, const Finish &finish, const Y *y, Z *z, void *argmax)
{
	const uint32_t count = finish.n * finish.out_h.value * finish.out_w.value * finish.c.value;

	if constexpr (std::is_same<Y, Z>::value)
		if (finish_vector_forward(work, finish, y, z, argmax))
			return;
	if (finish.pool == POOL_AVERAGE)
		QUEUE(work, grid_for(work, count, MEAN_THREADS), (mean_forward_kernel<Y, Z>), finish, count, y, z);
	else
		QUEUE(work, grid_for(work, count), (forward_kernel<Y, Z>), finish, count, y, z,
		      finish.pool == POOL_MAX ? argmax : static_cast<void *>(nullptr));
}

#define MAKE(Y, Z) template void finish_forward<Y, Z>(Work &, const Finish &, const Y *, Z *, void *);
FOR_CELL_PAIRS(MAKE)
