/* vector.h: four and eight neighbouring cells in one load or store. Addresses are aligned to what is loaded. */
#ifndef FM_GPU_VECTOR_H
#define FM_GPU_VECTOR_H

#include "cell.h"

#include <string.h>

/** Whether 16 bytes may be loaded from there; nowhere is as good. */
inline bool
is_on_16_bytes(const void *address)
{
	return reinterpret_cast<uintptr_t>(address) % 16 == 0;
}

__device__ inline float2 widen_pair(unsigned pair, Brain)
{
	return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000));
}

__device__ inline float2 widen_pair(unsigned pair, Half)
{
	return make_float2(__half2float(__ushort_as_half(static_cast<unsigned short>(pair))),
			   __half2float(__ushort_as_half(static_cast<unsigned short>(pair >> 16))));
}

/* The cell's 16 bits; CUDA 11 has no name for bfloat16's where the card has none. */
template <typename Cell>
__device__ inline unsigned
narrow_bits(float value)
{
	const Cell cell = narrow<Cell>(value);
	unsigned short bits;

	memcpy(&bits, &cell, sizeof bits);
	return bits;
}

/** Two cells, the lower first: one instruction where narrow() has one for each. */
#ifdef __CUDACC__
__device__ inline unsigned
narrow_pair(float low, float high, Half)
{
	const __half2 pair = __floats2half2_rn(low, high);
	unsigned word;

	memcpy(&word, &pair, sizeof word);
	return word;
}

__device__ inline unsigned
narrow_pair(float low, float high, Brain)
{
	const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
	unsigned word;

	memcpy(&word, &pair, sizeof word);
	return word;
}
#else
template <typename Cell>
inline unsigned
narrow_pair(float low, float high, Cell)
{
	return narrow_bits<Cell>(low) | narrow_bits<Cell>(high) << 16;
}
#endif

/* 16 bits */
template <typename Cell>
__device__ inline void
load4(const Cell *from, float *to)
{
	const uint2 four = __ldg(reinterpret_cast<const uint2 *>(from));
	const float2 low = widen_pair(four.x, Cell()), high = widen_pair(four.y, Cell());

	to[0] = low.x;
	to[1] = low.y;
	to[2] = high.x;
	to[3] = high.y;
}

template <>
__device__ inline void
load4<float>(const float *from, float *to)
{
	const float4 four = __ldg(reinterpret_cast<const float4 *>(from));

	to[0] = four.x;
	to[1] = four.y;
	to[2] = four.z;
	to[3] = four.w;
}

template <typename Cell>
__device__ inline void
load8(const Cell *from, float *to)
{
	const uint4 eight = __ldg(reinterpret_cast<const uint4 *>(from));
	const unsigned pairs[4] = { eight.x, eight.y, eight.z, eight.w };

#pragma unroll
	for (int i = 0; i < 4; i++) {
		const float2 two = widen_pair(pairs[i], Cell());

		to[2 * i] = two.x;
		to[2 * i + 1] = two.y;
	}
}

template <>
__device__ inline void
load8<float>(const float *from, float *to)
{
	load4(from, to);
	load4(from + 4, to + 4);
}

template <typename Cell>
__device__ inline void
store4(Cell *to, const float *from)
{
	*reinterpret_cast<uint2 *>(to) = make_uint2(narrow_bits<Cell>(from[0]) | narrow_bits<Cell>(from[1]) << 16,
						    narrow_bits<Cell>(from[2]) | narrow_bits<Cell>(from[3]) << 16);
}

template <>
__device__ inline void
store4<float>(float *to, const float *from)
{
	*reinterpret_cast<float4 *>(to) = make_float4(from[0], from[1], from[2], from[3]);
}

#endif
