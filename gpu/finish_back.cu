/* finish_back.cu: the way back's second pass, for what finish_vector_back.cu has no kernel for: through dropout, pool, ReLU and
 * the affine map. The first pass, finish_sums.cu, has stored nothing but batch norm's sums. */
#include "finish.h"

#include "finish_vector.h"
#include "window.h"

/* The first and last window, along one axis, that has pixel `at`. */
__device__ static void
windows_with(uint32_t at, uint32_t kernel, const Divisor &stride, uint32_t count, uint32_t *first, uint32_t *last)
{
	*first = at < kernel ? 0 : divide(at - kernel, stride) + 1;
	*last = divide(at, stride);
	if (*last >= count)
		*last = count - 1;
}

/* What a pixel gets from the windows that it is in: of max only where it won. */
template <typename Z>
__device__ static float
gather(const Finish &finish, const Place &pixel, const Z *dz, const void *argmax)
{
	const float share = 1 / static_cast<float>(finish.kernel_h * finish.kernel_w);
	uint32_t first_y, last_y, first_x, last_x;
	float sum = 0;

	windows_with(pixel.y, finish.kernel_h, finish.stride_divisor, finish.out_h.value, &first_y, &last_y);
	windows_with(pixel.x, finish.kernel_w, finish.stride_divisor, finish.out_w.value, &first_x, &last_x);
	for (uint32_t y = first_y; y <= last_y; y++)
		for (uint32_t x = first_x; x <= last_x; x++) {
			const Place place = { pixel.sample, y, x, pixel.channel };
			const size_t at = (static_cast<size_t>(pixel.sample * finish.out_h.value + y) * finish.out_w.value + x) *
						  finish.c.value + pixel.channel;
			const uint32_t element = (pixel.y - y * finish.stride) * finish.kernel_w + pixel.x - x * finish.stride;

			if (finish.pool != POOL_MAX)
				sum += widen(dz[at]) * dropped(finish, place) * share;
			else if (argmax_get(finish, argmax, at) == element)
				sum += widen(dz[at]) * dropped(finish, place);
		}
	return sum;
}

template <typename Y, typename Z, typename DY>
__global__ static void
back_kernel(Finish finish, uint32_t count, const Y *y, const Z *dz, const void *argmax, NormBack norm, DY *dy, DY *dadd)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	Place pixel;

	if (at >= count)
		return;
	const uint32_t place = divide(at, finish.c, &pixel.channel), channel = pixel.channel;
	pixel.sample = divide(divide(place, finish.in_w_divisor, &pixel.x), finish.in_h_divisor, &pixel.y);
	const float value = widen(y[at]);
	const bool is_shut = finish.has_relu && affine(finish, value, channel, at) <= 0;
	float derivative = is_shut ? 0 : gather(finish, pixel, dz, argmax);
	if (dadd)
		dadd[at] = narrow<DY>(derivative);
	if (norm.a)
		derivative = fmaf(norm.a[channel], derivative, fmaf(norm.b[channel], value - norm.mean[channel], norm.shift[channel]));
	dy[at] = narrow<DY>(derivative);
}

template <typename Y, typename Z, typename DY>
void
finish_back(Work &work, const Finish &finish, const Y *y, const Z *dz, const void *argmax, const NormBack &norm, DY *dy,
	    DY *dadd)
{
	const uint32_t count = finish.n * finish.in_h * finish.in_w * finish.c.value;

	if constexpr (std::is_same<Y, Z>::value && std::is_same<Y, DY>::value)
		if (finish_vector_back(work, finish, y, dz, argmax, norm, dy, dadd))
			return;
	QUEUE(work, grid_for(work, count), (back_kernel<Y, Z, DY>), finish, count, y, dz, argmax, norm, dy, dadd);
}

#define MAKE_BACK(Y, Z, DY)                                                                                            \
	template void finish_back<Y, Z, DY>(Work &, const Finish &, const Y *, const Z *, const void *,                \
					    const NormBack &, DY *, DY *);
MAKE_BACK(float, float, float)
MAKE_BACK(Half, Half, Half)
MAKE_BACK(Brain, Brain, Brain)
MAKE_BACK(float, float, Half)
MAKE_BACK(float, float, Brain)
MAKE_BACK(Half, float, Half)
MAKE_BACK(Brain, float, Brain)
