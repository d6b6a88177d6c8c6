/* tensor_store.h: what becomes of a tile's sums: rows of y, winners of windows, moments of columns. */
#ifndef FM_GPU_TENSOR_STORE_H
#define FM_GPU_TENSOR_STORE_H

#include "direct_window.h"
#include "tensor_tile.h"
#include "vector.h"
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
	*reinterpret_cast<uint32_t *>(to) = narrow_pair(a, b, Cell());
}

/* One row of a lane: two cells of each part. */
template <int COLUMNS, bool ALL_COLUMNS, typename Cell>
__device__ inline void
store_row(const TensorSums<COLUMNS> &sums, int m, int i, uint32_t columns, Cell *y)
{
#pragma unroll
	for (int n = 0; n < COLUMNS / 8; n++)
		if (ALL_COLUMNS || tensor_column(n) < columns)
			store_pair(y + 8 * n, sums.at[m][n][i], sums.at[m][n][i + 1]);
}

template <int COLUMNS, typename Cell>
__device__ inline void
store_tile(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<COLUMNS> &sums, Cell *y)
{
	const uint32_t columns = job.shape.out_c - first_column; /* that are left */

#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 4; i += 2) {
			const uint32_t pixel = pixel_at<WINDOW_STEP>(job, first_row + tensor_row(m, i));
			Cell *const row = y + (pixel * job.shape.out_c + first_column + tensor_column(0));

			if (pixel >= job.pixels)
				continue;
			if (columns >= COLUMNS)
				store_row<COLUMNS, true>(sums, m, i, columns, row);
			else
				store_row<COLUMNS, false>(sums, m, i, columns, row);
		}
}

/* Where a pool follows: four rows of a lane, 8 apart, are this window. */
__device__ inline uint32_t
window_of_lane(uint32_t first_row)
{
	return first_row / 4 + threadIdx.x / 32 * WINDOW_STEP + threadIdx.x % 32 / 4;
}

/* Two columns of a lane's window, as they are stored: of[column][element]. */
__device__ inline void
window_sums(const float *even, const float *odd, float (*of)[4], float)
{
	const float sums[2][4] = { { even[0], even[2], odd[0], odd[2] }, { even[1], even[3], odd[1], odd[3] } };

	memcpy(of, sums, sizeof sums);
}

template <typename Cell>
__device__ inline void
window_sums(const float *even, const float *odd, float (*of)[4], Cell)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		const float *const two = (i < 2 ? even : odd) + i % 2 * 2;
		const float2 rounded = widen_pair(narrow_pair(two[0], two[1], Cell()), Cell());

		of[0][i] = rounded.x;
		of[1][i] = rounded.y;
	}
}

template <int COLUMNS, typename Cell>
__device__ inline void
store_winners(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<COLUMNS> &sums,
	      const Winners<Cell> &winners)
{
	const uint32_t window = window_of_lane(first_row);

	if (window >= job.pixels / 4)
		return;
#pragma unroll
	for (int n = 0; n < COLUMNS / 8; n++) {
		const uint32_t column = first_column + tensor_column(n), at = window * job.shape.out_c + column;
		uint32_t element[2];
		float best[2], four[2][4];

		if (column >= job.shape.out_c)
			continue;
		window_sums(sums.at[0][n], sums.at[1][n], four, Cell());
#pragma unroll
		for (int i = 0; i < 2; i++)
			best[i] = winner_of_rounded(four[i], winner_gamma(winners, column + i), &element[i]);
		store_pair(winners.value + at, best[0], best[1]);
		if (winners.element)
			*reinterpret_cast<uint16_t *>(winners.element + at) = static_cast<uint16_t>(element[0] | element[1] << 8);
	}
}

/** Of each warp's rows, about each column: their mean, and squares about it. */
template <int COLUMNS>
struct TileMoments {
	float2 warps[TENSOR_THREADS / 32][COLUMNS];
};

/* Of a lane's two columns the sum over its warp's rows; every lane gets it. */
__device__ inline float2
add_lanes(float2 mine)
{
#pragma unroll
	for (int lanes = 4; lanes < 32; lanes *= 2) {
		mine.x += __shfl_xor_sync(0xffffffff, mine.x, lanes);
		mine.y += __shfl_xor_sync(0xffffffff, mine.y, lanes);
	}
	return mine;
}

/* A lane's squares of part n's two columns, about their means; of rows below `rows` of the warp's. */
template <int COLUMNS, bool ALL_ROWS>
__device__ inline float2
squares_about(const TensorSums<COLUMNS> &sums, bool is_windowed, uint32_t rows, int n, float2 mean)
{
	const uint32_t lane = threadIdx.x % 32 / 4;
	float2 squares = make_float2(0, 0);

#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 4; i += 2) {
			const uint32_t row = is_windowed ? 4 * lane : static_cast<uint32_t>(16 * m + 4 * i) + lane;
			const float x = sums.at[m][n][i] - mean.x, y = sums.at[m][n][i + 1] - mean.y;

			if (ALL_ROWS || row < rows) {
				squares.x += x * x;
				squares.y += y * y;
			}
		}
	return squares;
}

/* Of a warp's rows, of which the first `rows` are of pictures; sums of the others are 0. */
template <int COLUMNS, bool ALL_ROWS>
__device__ inline void
warp_moments(const TensorSums<COLUMNS> &sums, bool is_windowed, uint32_t rows, float2 *columns)
{
	const float share = 1 / static_cast<float>(rows ? rows : 1);

#pragma unroll
	for (int n = 0; n < COLUMNS / 8; n++) {
		float2 mean = make_float2(0, 0);

#pragma unroll
		for (int m = 0; m < 2; m++) {
			mean.x += sums.at[m][n][0] + sums.at[m][n][2];
			mean.y += sums.at[m][n][1] + sums.at[m][n][3];
		}
		mean = add_lanes(mean);
		mean = make_float2(mean.x * share, mean.y * share);
		const float2 squares = add_lanes(squares_about<COLUMNS, ALL_ROWS>(sums, is_windowed, rows, n, mean));
		if (threadIdx.x % 32 < 4) {
			columns[tensor_column(n)] = make_float2(mean.x, squares.x);
			columns[tensor_column(n) + 1] = make_float2(mean.y, squares.y);
		}
	}
}

/* How many of a warp's 32 rows are of pictures: of windows all four or none. */
__device__ inline uint32_t
warp_rows(const DirectJob &job, uint32_t first_row, uint32_t warp)
{
	const uint32_t first = first_row + warp * 32, rest = first < job.pixels ? job.pixels - first : 0;

	return rest < 32 ? rest : 32;
}

/* Four warps' moments together: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
 * variances", 1979. */
template <int COLUMNS>
__device__ inline float2
tile_moments(const DirectJob &job, uint32_t first_row, const TileMoments<COLUMNS> &tile, uint32_t column)
{
	float rows[TENSOR_THREADS / 32], all = 0, mean = 0, squares = 0;

#pragma unroll
	for (uint32_t warp = 0; warp < TENSOR_THREADS / 32; warp++) {
		rows[warp] = static_cast<float>(warp_rows(job, first_row, warp));
		all += rows[warp];
		mean += rows[warp] * tile.warps[warp][column].x;
	}
	mean /= all;
#pragma unroll
	for (uint32_t warp = 0; warp < TENSOR_THREADS / 32; warp++) {
		const float apart = tile.warps[warp][column].x - mean;

		squares += tile.warps[warp][column].y + rows[warp] * apart * apart;
	}
	return make_float2(mean, squares);
}

/* Not static: nvcc would name the shared variable after its own process, and no two builds would be the same. */
template <int COLUMNS>
__device__ inline void
store_moments(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<COLUMNS> &sums,
	      float2 *moments)
{
	SHARED(TileMoments<COLUMNS>, tile);
	const uint32_t warp = threadIdx.x / 32, rows = warp_rows(job, first_row, warp), column = threadIdx.x;

	if (job.pixels - first_row >= TENSOR_ROWS) /* the same for the block, so that no shuffle stands in a branch */
		warp_moments<COLUMNS, true>(sums, job.is_windowed, rows, tile.warps[warp]);
	else
		warp_moments<COLUMNS, false>(sums, job.is_windowed, rows, tile.warps[warp]);
	__syncthreads();
	if (column < COLUMNS && first_column + column < job.shape.out_c)
		moments[static_cast<size_t>(blockIdx.x) * job.shape.out_c + first_column + column] =
			tile_moments<COLUMNS>(job, first_row, tile, column);
}

/** y, winners and moments, whichever are wanted. */
template <int COLUMNS, typename Cell>
__device__ inline void
store_all(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<COLUMNS> &sums, Cell *y,
	  float2 *moments, const Winners<Cell> &winners)
{
	if (y)
		store_tile(job, first_row, first_column, sums, y);
	if (winners.value)
		store_winners(job, first_row, first_column, sums, winners);
	if (moments)
		store_moments(job, first_row, first_column, sums, moments);
}

/** Blocks: tiles of pixels by tiles of channels. */
template <int COLUMNS>
inline Grid
tensor_grid(const Work &work, const DirectJob &job, size_t shared)
{
	return Grid{ dim3((job.pixels + TENSOR_ROWS - 1) / TENSOR_ROWS, (job.shape.out_c + COLUMNS - 1) / COLUMNS),
		     dim3(TENSOR_THREADS), shared, work.stream };
}

#endif

#endif
