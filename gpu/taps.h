/* taps.h: which input lies under a tap of an output's window, and which outputs have a tap over an input. */
#ifndef FM_GPU_TAPS_H
#define FM_GPU_TAPS_H

#include "convolution.h"
#include "divide.h"

/** A convolution, and all that a thread has to divide its number by to know its place. */
struct Taps {
	Convolution shape;
	Divisor in_c, in_w, in_h, out_w, out_h, stride, kernel_w;
};

inline Taps
taps_of(const Convolution &shape)
{
	return Taps{ shape,
		     divisor_of(shape.in_c),
		     divisor_of(shape.in_w),
		     divisor_of(shape.in_h),
		     divisor_of(shape.out_w),
		     divisor_of(shape.out_h),
		     divisor_of(shape.stride),
		     divisor_of(shape.kernel_w) };
}

#ifdef FM_KERNELS

/**
 * Address of the cell under tap (row, column) of the window of output (y, x). (direct_window.h does this by itself, with fewer
 * registers.)
 *
 * @return NULL on padding
 */
template <typename Cell>
__device__ inline const Cell *
input_under(const Convolution &shape, const Cell *cells, uint32_t sample, uint32_t y, uint32_t x, uint32_t row, uint32_t column,
	    uint32_t channel)
{
	const int32_t in_y = static_cast<int32_t>(y * shape.stride + row) - static_cast<int32_t>(shape.pad_top);
	const int32_t in_x = static_cast<int32_t>(x * shape.stride + column) - static_cast<int32_t>(shape.pad_left);

	if (in_y < 0 || in_x < 0 || in_y >= static_cast<int32_t>(shape.in_h) || in_x >= static_cast<int32_t>(shape.in_w))
		return nullptr;
	return cells + (static_cast<size_t>(sample * shape.in_h + in_y) * shape.in_w + in_x) * shape.in_c + channel;
}

/** The output, along one axis, whose window's element `element` is place `at`. @return false: there is none */
__device__ inline bool
output_over(uint32_t at, uint32_t pad, uint32_t element, const Divisor &stride, uint32_t count, uint32_t *output)
{
	uint32_t rest;

	if (at + pad < element)
		return false;
	*output = divide(at + pad - element, stride, &rest);
	return !rest && *output < count;
}

/** visit(pixel, tap) for each output pixel that has a tap over input (y, x), in the order of the taps. */
template <typename Visit>
__device__ inline void
outputs_over(const Taps &taps, uint32_t sample, uint32_t y, uint32_t x, const Visit &visit)
{
	const Convolution &shape = taps.shape;
	uint32_t out_x, out_y;

	for (uint32_t row = 0; row < shape.kernel_h; row++) {
		if (!output_over(y, shape.pad_top, row, taps.stride, shape.out_h, &out_y))
			continue;
		for (uint32_t column = 0; column < shape.kernel_w; column++)
			if (output_over(x, shape.pad_left, column, taps.stride, shape.out_w, &out_x))
				visit(static_cast<size_t>(sample * shape.out_h + out_y) * shape.out_w + out_x,
				      row * shape.kernel_w + column);
	}
}

#endif

#endif
