/* cuda_bf16.h, for the host: bfloat16 as storage: a float's upper half, rounded to nearest, ties to even. */
#ifndef FM_TESTS_CUDA_BF16_H
#define FM_TESTS_CUDA_BF16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

struct __nv_bfloat16 {
	uint16_t bits;
};

static inline __nv_bfloat16
__ushort_as_bfloat16(unsigned short bits)
{
	__nv_bfloat16 value;

	value.bits = bits;
	return value;
}

static inline unsigned short
__bfloat16_as_ushort(__nv_bfloat16 value)
{
	return value.bits;
}

static inline float
__bfloat162float(__nv_bfloat16 value)
{
	const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
	float wide;

	memcpy(&wide, &bits, sizeof wide);
	return wide;
}

static inline __nv_bfloat16
__float2bfloat16_rn(float value)
{
	uint32_t bits;

	if (isnan(value))
		return __ushort_as_bfloat16(0x7fff);
	memcpy(&bits, &value, sizeof bits);
	return __ushort_as_bfloat16(static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16));
}

#endif
