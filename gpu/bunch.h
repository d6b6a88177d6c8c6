/* bunch.h: neighbouring cells by 16 bytes, kept in registers as they lie in memory: 4 floats or 8 cells of 16 bits. */
#ifndef FM_GPU_BUNCH_H
#define FM_GPU_BUNCH_H

#include "vector.h"

template <typename Cell>
struct Bunch {
	/* it is widened in parts of 4 cells, which takes fewer registers than all at once */
	static constexpr uint32_t CELLS = 16 / sizeof(Cell), PARTS = CELLS / 4;
	unsigned words[4];
};

struct Four {
	float of[4];
};

template <typename Cell>
__device__ inline Bunch<Cell>
bunch_load(const Cell *from)
{
	const uint4 words = __ldg(reinterpret_cast<const uint4 *>(from));

	return Bunch<Cell>{ { words.x, words.y, words.z, words.w } };
}

template <typename Cell>
__device__ inline void
bunch_store(Cell *to, const Bunch<Cell> &bunch)
{
	*reinterpret_cast<uint4 *>(to) = make_uint4(bunch.words[0], bunch.words[1], bunch.words[2], bunch.words[3]);
}

/** Part `part` as four floats. */
template <typename Cell>
__device__ inline Four
bunch_get(const Bunch<Cell> &bunch, uint32_t part)
{
	const float2 low = widen_pair(bunch.words[2 * part], Cell()), high = widen_pair(bunch.words[2 * part + 1], Cell());

	return Four{ { low.x, low.y, high.x, high.y } };
}

template <>
__device__ inline Four
bunch_get<float>(const Bunch<float> &bunch, uint32_t)
{
	return Four{ { __uint_as_float(bunch.words[0]), __uint_as_float(bunch.words[1]), __uint_as_float(bunch.words[2]),
		       __uint_as_float(bunch.words[3]) } };
}

template <typename Cell>
__device__ inline void
bunch_put(Bunch<Cell> &bunch, uint32_t part, const Four &four)
{
	bunch.words[2 * part] = narrow_bits<Cell>(four.of[0]) | narrow_bits<Cell>(four.of[1]) << 16;
	bunch.words[2 * part + 1] = narrow_bits<Cell>(four.of[2]) | narrow_bits<Cell>(four.of[3]) << 16;
}

template <>
__device__ inline void
bunch_put<float>(Bunch<float> &bunch, uint32_t, const Four &four)
{
	bunch = Bunch<float>{ { __float_as_uint(four.of[0]), __float_as_uint(four.of[1]), __float_as_uint(four.of[2]),
				__float_as_uint(four.of[3]) } };
}

/** The first part gives way to what is put at the end: after as many turns as there are parts each is in its old place. A loop
 * of turns need not be unrolled, so that no compiler asks for all parts' other numbers at once. */
template <typename Cell>
__device__ inline void
bunch_turn(Bunch<Cell> &bunch, const Four &four)
{
	bunch.words[0] = bunch.words[2];
	bunch.words[1] = bunch.words[3];
	bunch_put(bunch, 1, four);
}

template <>
__device__ inline void
bunch_turn<float>(Bunch<float> &bunch, const Four &four)
{
	bunch_put(bunch, 0, four);
}

/** Four of a vector of all channels, or four times `otherwise` where there is none. */
__device__ inline Four
four_of(const float *vector, uint32_t channel, float otherwise)
{
	if (!vector)
		return Four{ { otherwise, otherwise, otherwise, otherwise } };
	const float4 four = __ldg(reinterpret_cast<const float4 *>(vector + channel));

	return Four{ { four.x, four.y, four.z, four.w } };
}

#endif
