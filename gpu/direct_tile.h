/* direct_tile.h: the tile that a block multiplies: 128 threads, 16 rows of them by 8 columns. */
#ifndef FM_GPU_DIRECT_TILE_H
#define FM_GPU_DIRECT_TILE_H

#include "vector.h"

enum { TILE_ROWS = 128, TILE_DEPTH = 8, TILE_THREADS = 128, THREAD_ROWS = 8 };

/* The least blocks that a multiprocessor must hold: what lets a kernel have 128 registers, or 168. */
enum { TILE_BLOCKS = 4, WEIGHT_TILE_BLOCKS = 3 };

/** Two of them: one is read while the other is written. */
template <int COLUMNS>
struct TileMemory {
	float rows[2][TILE_DEPTH][TILE_ROWS];
	float columns[2][TILE_DEPTH][COLUMNS];
};

/** What a thread sums: 8 rows by COLUMNS / 8, those in groups of four, 32 apart, so that a warp's reads fill banks. */
template <int COLUMNS>
struct TileSums {
	float at[THREAD_ROWS][COLUMNS / 8];
};

__device__ inline uint32_t
tile_row(void)
{
	return threadIdx.x / 8 * THREAD_ROWS;
}

/** Column of the first of the thread's group of four. */
__device__ inline uint32_t
tile_column(int group)
{
	return static_cast<uint32_t>(group) * 32 + threadIdx.x % 8 * 4;
}

template <int COLUMNS>
__device__ inline void
tile_clear(TileSums<COLUMNS> &sums)
{
#pragma unroll
	for (int i = 0; i < THREAD_ROWS; i++)
#pragma unroll
		for (int j = 0; j < COLUMNS / 8; j++)
			sums.at[i][j] = 0;
}

/** Multiply what lies in one half of the memory: 8 deep. */
template <int COLUMNS>
__device__ inline void
tile_multiply(const TileMemory<COLUMNS> &memory, int half, TileSums<COLUMNS> &sums)
{
	/* by four: more, and the compiler reads so far ahead that sums spill */
#pragma unroll 4
	for (int k = 0; k < TILE_DEPTH; k++) {
		alignas(16) float a[THREAD_ROWS], b[COLUMNS / 8];
		const float *rows = memory.rows[half][k], *columns = memory.columns[half][k];

#pragma unroll
		for (int i = 0; i < THREAD_ROWS; i += 4)
			*reinterpret_cast<float4 *>(a + i) = *reinterpret_cast<const float4 *>(rows + tile_row() + i);
#pragma unroll
		for (int group = 0; group < COLUMNS / 32; group++)
			*reinterpret_cast<float4 *>(b + 4 * group) =
				*reinterpret_cast<const float4 *>(columns + tile_column(group));
#pragma unroll
		for (int i = 0; i < THREAD_ROWS; i++)
#pragma unroll
			for (int j = 0; j < COLUMNS / 8; j++)
				sums.at[i][j] = fmaf(a[i], b[j], sums.at[i][j]);
	}
}

#endif
