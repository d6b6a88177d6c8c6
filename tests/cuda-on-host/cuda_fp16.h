/* cuda_fp16.h, for the host: half precision as storage; rounding to nearest, ties to even. */
#ifndef FM_TESTS_CUDA_FP16_H
#define FM_TESTS_CUDA_FP16_H

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

/* Sign, 5 bits of exponent (bias 15), 10 of mantissa. */
static inline float
__half2float(__half half)
{
	const uint32_t exponent = half.bits >> 10 & 31, mantissa = half.bits & 1023;
	const uint32_t bits = (exponent + 127 - 15) << 23 | mantissa << 13; /* a float's bias is 127, its mantissa 23 bits */
	float value;

	memcpy(&value, &bits, sizeof value);
	if (exponent == 31)
		value = mantissa ? NAN : INFINITY;
	else if (!exponent)
		value = static_cast<float>(mantissa) * 0x1p-24f;
	return half.bits & 0x8000 ? -value : value;
}

static inline __half
__float2half_rn(float value)
{
	const uint16_t sign = signbit(value) ? 0x8000 : 0;
	const float size = fabsf(value);
	uint16_t bits;
	int exponent;

	if (isnan(value))
		bits = 0x7fff;
	else if (size >= 65520) /* halfway from the largest to what would come next */
		bits = 0x7c00;
	else if (size < 0x1p-14f) /* subnormal, in units of 2^-24; rounding up to 1024 gives the smallest normal one */
		bits = static_cast<uint16_t>(nearbyintf(size * 0x1p24f));
	else {
		const float fraction = frexpf(size, &exponent); /* 0.5 … 1 */
		const unsigned mantissa = static_cast<unsigned>(nearbyintf(fraction * 2048)); /* 1024 … 2048 */

		bits = static_cast<uint16_t>((static_cast<unsigned>(exponent + 14) << 10) + mantissa - 1024);
	}
	return __ushort_as_half(sign | bits);
}

#endif
