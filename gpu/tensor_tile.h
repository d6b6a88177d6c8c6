/* tensor_tile.h: the tile that a block multiplies by tensor cores: four warps, 32 rows each. */
#ifndef FM_GPU_TENSOR_TILE_H
#define FM_GPU_TENSOR_TILE_H

#include "cell.h"
#include "launch.h"
#include "tensor.h"

#include <string.h>

enum { TENSOR_ROWS = 128, TENSOR_THREADS = 128 };

/** Two of them, one read while the other is written. Rows 8 words longer: a warp's reads fill all banks. */
template <int COLUMNS>
struct TensorMemory {
	uint32_t rows[2][TENSOR_WORDS][TENSOR_ROWS + 8];
	uint32_t columns[2][TENSOR_WORDS][COLUMNS + 8];
};

/** A warp's sums: two times 16 rows, COLUMNS / 8 times 8 columns; a lane has rows g and g + 8, columns 2 q and 2 q + 1 of
 *  each, where g = lane / 4 and q = lane % 4 (PTX ISA, "Matrix Fragments for mma.m16n8k16"). */
template <int COLUMNS>
struct TensorSums {
	float at[2][COLUMNS / 8][4];
};

#if defined __CUDACC__

template <typename Cell> __device__ inline void multiply_fragments(float *sums, const uint32_t *a, const uint32_t *b);

#define FM_MMA(Cell, shape, type)                                                                                      \
	template <>                                                                                                    \
	__device__ inline void multiply_fragments<Cell>(float *sums, const uint32_t *a, const uint32_t *b)             \
	{                                                                                                              \
		asm volatile("mma.sync.aligned." shape ".row.col.f32." type "." type ".f32 "                           \
			     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                         \
			     : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])                              \
			     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                      \
	}

#if defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
FM_MMA(float, "m16n8k8", "tf32")
FM_MMA(Half, "m16n8k16", "f16")
FM_MMA(Brain, "m16n8k16", "bf16")

/** A float as TF32, rounded to nearest, ties away from zero. */
__device__ inline uint32_t
tensor_word(float value)
{
	uint32_t word;

	asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(value));
	return word;
}
#else /* no such instructions: never launched there, see backend.cc */
template <typename Cell> __device__ inline void multiply_fragments(float *, const uint32_t *, const uint32_t *) {}
__device__ inline uint32_t tensor_word(float) { return 0; }
#endif

#elif defined FM_CUDA_ON_HOST

inline uint32_t
tensor_word(float value)
{
	return (__float_as_uint(value) + 0x1000) & 0xffffe000;
}

/* The numbers of a word: two, or a float alone. */
struct WordNumbers {
	float low, high;
};

inline WordNumbers word_numbers(uint32_t word, float) { return WordNumbers{ __uint_as_float(word), 0 }; }
inline float word_product(const WordNumbers &a, const WordNumbers &b, float) { return a.low * b.low; }

template <typename Cell>
inline WordNumbers
word_numbers(uint32_t word, Cell)
{
	Cell cells[2];

	memcpy(cells, &word, sizeof cells);
	return WordNumbers{ widen(cells[0]), widen(cells[1]) };
}

template <typename Cell>
inline float
word_product(const WordNumbers &a, const WordNumbers &b, Cell)
{
	return a.low * b.low + a.high * b.high;
}

/* Word (row, k) of a is lane 4 (row % 8) + k % 4's register row / 8 + 2 (k / 4); word (k, column) of b lane 4 column +
 * k % 4's register k / 4. A lane needs two rows of a and two columns of b. */
template <typename Cell>
inline void
multiply_fragments(float *sums, const uint32_t *a, const uint32_t *b)
{
	const uint32_t mine[] = { a[0], a[1], a[2], a[3], b[0], b[1] };
	const emulator::Slot *slots = emulator::exchange(0xffffffff, mine, sizeof mine, __FILE__, __LINE__);
	const unsigned row = emulator::here.lane / 4, column = emulator::here.lane % 4 * 2;

	for (unsigned k = 0; k < TENSOR_WORDS; k++) {
		WordNumbers left[2], right[2];

		for (unsigned i = 0; i < 2; i++) {
			left[i] = word_numbers(slots[4 * row + k % 4].word(i + k / 4 * 2), Cell());
			right[i] = word_numbers(slots[4 * (column + i) + k % 4].word(4 + k / 4), Cell());
		}
		for (unsigned i = 0; i < 4; i++)
			sums[i] += word_product(left[i / 2], right[i % 2], Cell());
	}
}

#endif

#ifdef FM_KERNELS

template <int COLUMNS>
__device__ inline void
tensor_clear(TensorSums<COLUMNS> &sums)
{
#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int n = 0; n < COLUMNS / 8; n++)
#pragma unroll
			for (int i = 0; i < 4; i++)
				sums.at[m][n][i] = 0;
}

/** Row of the tile of a lane's sum i (0 … 3) in 16-row part m. */
__device__ inline uint32_t
tensor_row(int m, int i)
{
	return threadIdx.x / 32 * 32 + static_cast<uint32_t>(m) * 16 + threadIdx.x % 32 / 4 + static_cast<uint32_t>(i) / 2 * 8;
}

/** Column of the tile of a lane's sums 0 and 2 in 8-column part n; 1 and 3 are right of it. */
__device__ inline uint32_t
tensor_column(int n)
{
	return static_cast<uint32_t>(n) * 8 + threadIdx.x % 4 * 2;
}

template <int COLUMNS, typename Cell>
__device__ inline void
tensor_multiply(const TensorMemory<COLUMNS> &memory, int half, TensorSums<COLUMNS> &sums)
{
	const uint32_t first = threadIdx.x / 32 * 32, group = threadIdx.x % 32 / 4, word = threadIdx.x % 4;
	uint32_t a[2][4];

#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 4; i++)
			a[m][i] = memory.rows[half][word + i / 2 * 4][first + m * 16 + group + i % 2 * 8];
#pragma unroll
	for (int n = 0; n < COLUMNS / 8; n++) {
		const uint32_t b[2] = { memory.columns[half][word][n * 8 + group], memory.columns[half][word + 4][n * 8 + group] };

#pragma unroll
		for (int m = 0; m < 2; m++)
			multiply_fragments<Cell>(sums.at[m][n], a[m], b);
	}
}

/* ---- words from cells ---- */

/** Two cells of neighbouring depth; a float alone. */
template <typename Cell>
__device__ inline uint32_t
word_of(const Cell *low, const Cell *high)
{
	unsigned short bits[2] = { 0, 0 };

	if (low)
		memcpy(&bits[0], low, sizeof *low);
	if (high)
		memcpy(&bits[1], high, sizeof *high);
	return bits[0] | static_cast<uint32_t>(bits[1]) << 16;
}

template <>
__device__ inline uint32_t
word_of<float>(const float *value, const float *)
{
	return value ? tensor_word(*value) : 0;
}

/** words[i] = (low's cell i, high's cell i) for COUNT cells that lie together; NULL: zeros. 16 bits; aligned to 2 COUNT */
template <int COUNT, typename Cell>
__device__ inline void
interleave(const Cell *low, const Cell *high, uint32_t *words)
{
	uint32_t lows[COUNT / 2], highs[COUNT / 2];

#pragma unroll
	for (int i = 0; i < COUNT / 2; i += 2) {
		const uint2 none = make_uint2(0, 0);
		const uint2 a = low ? __ldg(reinterpret_cast<const uint2 *>(low + 2 * i)) : none;
		const uint2 b = high ? __ldg(reinterpret_cast<const uint2 *>(high + 2 * i)) : none;

		lows[i] = a.x;
		lows[i + 1] = a.y;
		highs[i] = b.x;
		highs[i + 1] = b.y;
	}
#pragma unroll
	for (int i = 0; i < COUNT / 2; i++) {
		words[2 * i] = (lows[i] & 0xffff) | highs[i] << 16;
		words[2 * i + 1] = lows[i] >> 16 | (highs[i] & 0xffff0000);
	}
}

/** COUNT floats as TF32; NULL: zeros */
template <int COUNT>
__device__ inline void
words_of_floats(const float *from, uint32_t *words)
{
#pragma unroll
	for (int i = 0; i < COUNT; i += 4) {
		const float4 four = from ? __ldg(reinterpret_cast<const float4 *>(from + i)) : make_float4(0, 0, 0, 0);

		words[i] = tensor_word(four.x);
		words[i + 1] = tensor_word(four.y);
		words[i + 2] = tensor_word(four.z);
		words[i + 3] = tensor_word(four.w);
	}
}

#endif

#endif
