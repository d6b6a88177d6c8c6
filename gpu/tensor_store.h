/* tensor_store.h: what becomes of a tile's sums: rows of y, winners of windows, moments of columns. */
#ifndef FM_GPU_TENSOR_STORE_H
#define FM_GPU_TENSOR_STORE_H

#include "direct_window.h"
#include "tensor_tile.h"
#include "winners.h"

/* Where a pool follows, rows of one lane are one window: they lie 8 apart. */
enum { WINDOW_STEP = 8 };

#ifdef FM_KERNELS

__device__ inline void
store_pair(float *to, float a, float b)
{
	*reinterpret_cast<float2 *>(to) = make_float2(a, b);
}

template <typename Cell>
__device__ inline void
store_pair(Cell *to, float a, float b)
{
	const Cell low = narrow<Cell>(a), high = narrow<Cell>(b);

	*reinterpret_cast<uint32_t *>(to) = word_of(&low, &high);
}

template <int COLUMNS, typename Cell>
__device__ inline void
store_tile(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<COLUMNS> &sums, Cell *y)
{
#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 4; i += 2) {
			const uint32_t pixel = pixel_at<WINDOW_STEP>(job, first_row + tensor_row(m, i));
			const uint32_t at = pixel * job.shape.out_c; /* 32 bits: addresses of all rows at once would spill */

#pragma unroll
			for (int n = 0; n < COLUMNS / 8; n++) {
				const uint32_t column = first_column + tensor_column(n);

				if (pixel < job.pixels && column < job.shape.out_c)
					store_pair(y + (at + column), sums.at[m][n][i], sums.at[m][n][i + 1]);
			}
		}
}

/* Where a pool follows: four rows of a lane, 8 apart, are this window. */
__device__ inline uint32_t
window_of_lane(uint32_t first_row)
{
	return first_row / 4 + threadIdx.x / 32 * WINDOW_STEP + threadIdx.x % 32 / 4;
}

template <int COLUMNS, typename Cell>
__device__ inline void
store_winners(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<COLUMNS> &sums,
	      const Winners<Cell> &winners)
{
	const uint32_t window = window_of_lane(first_row);

#pragma unroll
	for (int n = 0; n < COLUMNS / 8; n++) {
		const uint32_t column = first_column + tensor_column(n);
		const uint32_t at = window * job.shape.out_c + column;
		uint32_t element[2];
		float best[2];

		if (window >= job.pixels / 4 || column >= job.shape.out_c)
			continue;
#pragma unroll
		for (int i = 0; i < 2; i++) {
			const float four[4] = { sums.at[0][n][i], sums.at[0][n][2 + i], sums.at[1][n][i], sums.at[1][n][2 + i] };

			best[i] = winner_of<Cell>(four, winner_gamma(winners, column + i), &element[i]);
		}
		store_pair(winners.value + at, best[0], best[1]);
		if (winners.element)
			*reinterpret_cast<uint16_t *>(winners.element + at) = static_cast<uint16_t>(element[0] | element[1] << 8);
	}
}

/** What the warps found of each column. */
template <int COLUMNS>
struct TileMoments {
	float sums[TENSOR_THREADS / 32][COLUMNS], squares[TENSOR_THREADS / 32][COLUMNS];
};

/* Of each of a lane's two columns in part n the sum over its warp's rows, to the warp's place in `columns`. */
template <int COLUMNS>
__device__ inline void
add_lanes(float (*columns)[COLUMNS], int n, float2 mine)
{
#pragma unroll
	for (int lanes = 4; lanes < 32; lanes *= 2) {
		mine.x += __shfl_xor_sync(0xffffffff, mine.x, lanes);
		mine.y += __shfl_xor_sync(0xffffffff, mine.y, lanes);
	}
	if (threadIdx.x % 32 < 4) {
		columns[threadIdx.x / 32][tensor_column(n)] = mine.x;
		columns[threadIdx.x / 32][tensor_column(n) + 1] = mine.y;
	}
}

template <int COLUMNS>
__device__ inline float
add_warps(const float (*columns)[COLUMNS], uint32_t column)
{
	float total = 0;

#pragma unroll
	for (int warp = 0; warp < TENSOR_THREADS / 32; warp++)
		total += columns[warp][column];
	return total;
}

/* The squares of part n's two columns, about their means, of rows that are of the picture. */
template <int COLUMNS>
__device__ inline float2
squares_about(const DirectJob &job, uint32_t first_row, uint32_t rows, const TensorSums<COLUMNS> &sums, int n, float2 mean)
{
	const bool has_window = window_of_lane(first_row) < job.pixels / 4;
	float2 squares = make_float2(0, 0);

#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 4; i += 2) {
			const bool is_inside = job.is_windowed ? has_window : tensor_row(m, i) < rows;
			const float x = is_inside ? sums.at[m][n][i] - mean.x : 0;
			const float y = is_inside ? sums.at[m][n][i + 1] - mean.y : 0;

			squares.x += x * x;
			squares.y += y * y;
		}
	return squares;
}

/* Not static: nvcc would name the shared variable after its own process, and no two builds would be the same. */
template <int COLUMNS>
__device__ inline void
store_moments(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<COLUMNS> &sums,
	      float2 *moments)
{
	SHARED(TileMoments<COLUMNS>, tile);
	const uint32_t rows = job.pixels - first_row < TENSOR_ROWS ? job.pixels - first_row : static_cast<uint32_t>(TENSOR_ROWS);
	const float count = static_cast<float>(rows);
	const uint32_t column = threadIdx.x;

#pragma unroll
	for (int n = 0; n < COLUMNS / 8; n++) {
		float2 sum = make_float2(0, 0);

#pragma unroll
		for (int m = 0; m < 2; m++) {
			sum.x += sums.at[m][n][0] + sums.at[m][n][2];
			sum.y += sums.at[m][n][1] + sums.at[m][n][3];
		}
		add_lanes<COLUMNS>(tile.sums, n, sum);
	}
	__syncthreads();
#pragma unroll
	for (int n = 0; n < COLUMNS / 8; n++) {
		const float2 mean = make_float2(add_warps<COLUMNS>(tile.sums, tensor_column(n)) / count,
						add_warps<COLUMNS>(tile.sums, tensor_column(n) + 1) / count);

		add_lanes<COLUMNS>(tile.squares, n, squares_about<COLUMNS>(job, first_row, rows, sums, n, mean));
	}
	__syncthreads();
	if (column < COLUMNS && first_column + column < job.shape.out_c)
		moments[static_cast<size_t>(blockIdx.x) * job.shape.out_c + first_column + column] =
			make_float2(add_warps<COLUMNS>(tile.sums, column) / count, add_warps<COLUMNS>(tile.squares, column));
}

#endif

#endif
