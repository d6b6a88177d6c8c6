/* cuda_fp16.h, for the host: half precision as storage; rounding to nearest, ties to even. */
#ifndef FM_TESTS_CUDA_FP16_H
#define FM_TESTS_CUDA_FP16_H

#include "cuda_runtime.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

struct __half {
	uint16_t bits;
};

static inline __half
__ushort_as_half(unsigned short bits)
{
	__half value;

	value.bits = bits;
	return value;
}

static inline unsigned short
__half_as_ushort(__half value)
{
	return value.bits;
}

/* Sign, 5 bits of exponent (bias 15), 10 of mantissa: in a float's place (bias 127, mantissa 23 bits), subnormal or not, the
 * number is 2^112 times too small. No branches but for what is no number: this is most of what an emulated mma.sync does. */
static inline float
__half2float(__half half)
{
	const uint32_t sign = static_cast<uint32_t>(half.bits & 0x8000) << 16;
	uint32_t bits = __float_as_uint(__uint_as_float(static_cast<uint32_t>(half.bits & 0x7fff) << 13) * 0x1p112f);

	if ((half.bits & 0x7c00) == 0x7c00)
		bits = half.bits & 1023 ? 0x7fc00000 : 0x7f800000;
	return __uint_as_float(sign | bits);
}

static inline __half
__float2half_rn(float value)
{
	const uint16_t sign = signbit(value) ? 0x8000 : 0;
	const float size = fabsf(value);
	const uint32_t all = __float_as_uint(size);
	uint32_t bits;

	if (isnan(value))
		bits = 0x7fff;
	else if (size >= 65520) /* halfway from the largest to what would come next */
		bits = 0x7c00;
	else if (size < 0x1p-14f) /* subnormal, in units of 2^-24, as floats about 0.5 are */
		bits = __float_as_uint(size + 0.5f) - __float_as_uint(0.5f);
	else /* half a unit less one, and one if it is odd; then the exponent's bias */
		bits = (all + 0xfff + (all >> 13 & 1) - (112u << 23)) >> 13;
	return __ushort_as_half(static_cast<uint16_t>(sign | bits));
}

#endif
