/* finish_sums.cu: the way back's first pass, for what finish_vector_sums.cu has no kernel for. It reads dz and, of y, only what won
 * (a quarter under 2x2 pools), for batch norm's sums or the bias's. */
#include "finish.h"

#include "finish_vector.h"
#include "window.h"

enum { LANES = 32, ROWS = 8 };

/* One element's share in the sums: nothing where ReLU, which sees `seen`, was shut. */
__device__ static void
add_element(const Finish &finish, float value, float seen, float dh, float mean, float inverse, float2 *sums)
{
	if (finish.has_relu && seen <= 0)
		return;
	sums->x += dh;
	sums->y += dh * (value - mean) * inverse;
}

template <typename Y>
__device__ static void
add_window(const Finish &finish, const Place &place, const Y *y, float dz, uint32_t largest, float mean, float inverse,
	   float2 *sums)
{
	if (finish.pool != POOL_AVERAGE) {
		const uint32_t row = largest / finish.kernel_w, column = largest % finish.kernel_w;
		const size_t at = window_element(finish, place, row, column);
		const float value = widen(y[at]);

		add_element(finish, value, affine(finish, value, place.channel, at), dz, mean, inverse, sums);
		return;
	}
	WindowWalk walk = {};
	dz /= static_cast<float>(finish.kernel_h * finish.kernel_w);
	while (walk.next(finish, place)) {
		float values[WINDOW_RUN], adds[WINDOW_RUN];

		window_load(walk, y, values);
		window_load_added(finish, walk, adds);
#pragma unroll
		for (uint32_t i = 0; i < WINDOW_RUN; i++)
			if (i < walk.count)
				add_element(finish, values[i], mapped(finish, values[i], place.channel) + adds[i], dz, mean,
					    inverse, sums);
	}
}

struct Corner {
	float2 sums[ROWS][LANES];
};

/* Block (32 channels, 8 rows at a time) of a tile; sums of the 8 in order. */
template <typename Y, typename Z>
__global__ static void
sums_kernel(Finish finish, uint32_t rows, uint32_t tile_rows, const Y *y, const Z *dz, const void *argmax, const float *mean,
	    const float *inverse, float2 *partial)
{
	SHARED(Corner, corner);
	const uint32_t channel = blockIdx.y * LANES + threadIdx.x;
	const bool is_inside = channel < finish.c.value;
	const float center = mean && is_inside ? mean[channel] : 0, factor = inverse && is_inside ? inverse[channel] : 0;
	float2 sums = make_float2(0, 0);

	for (uint32_t i = threadIdx.y; is_inside && i < tile_rows; i += ROWS) {
		const uint32_t row = blockIdx.x * tile_rows + i;

		if (row >= rows)
			break;
		const uint32_t at = row * finish.c.value + channel;
		const Place place = place_of(finish, at);
		const float derivative = widen(dz[at]) * dropped(finish, place);

		add_window(finish, place, y, derivative, finish.pool == POOL_MAX ? argmax_get(finish, argmax, at) : 0, center,
			   factor, &sums);
	}
	corner.sums[threadIdx.y][threadIdx.x] = sums;
	__syncthreads();
	if (threadIdx.y || !is_inside)
		return;
	for (int i = 1; i < ROWS; i++) {
		sums.x += corner.sums[i][threadIdx.x].x;
		sums.y += corner.sums[i][threadIdx.x].y;
	}
	partial[static_cast<size_t>(blockIdx.x) * finish.c.value + channel] = sums;
}

template <typename Y, typename Z>
void
finish_sums(Work &work, const Finish &finish, const Y *y, const Z *dz, const void *argmax, const float *mean,
	    const float *inverse, float2 *partial)
{
	const uint32_t rows = finish_rows(finish);
	const Grid grid = { dim3(finish_tiles(rows), (finish.c.value + LANES - 1) / LANES), dim3(LANES, ROWS), 0,
			    work.stream };

	if constexpr (std::is_same<Y, Z>::value)
		if (finish_vector_sums(work, finish, y, dz, mean, inverse, partial))
			return;
	QUEUE(work, grid, (sums_kernel<Y, Z>), finish, rows, finish_sum_rows(rows), y, dz, argmax, mean, inverse, partial);
}

#define MAKE(Y, Z)                                                                                                     \
	template void finish_sums<Y, Z>(Work &, const Finish &, const Y *, const Z *, const void *, const float *,     \
					const float *, float2 *);
FOR_CELL_PAIRS(MAKE)
