/* tensor.cu: forward by tensor cores, and through turned weights the input's derivative. */
#include "tensor.h"

#include "direct.h"
#include "tensor_first.h"
#include "tensor_patch.h"
#include "tensor_store.h"
#include "tensor_tile.h"

/* The least blocks that a multiprocessor must hold, which is 128 registers a thread. */
enum { TENSOR_BLOCKS = 4 };

/* Eight words of a pixel's window: of one tap where channels allow, else cell by cell. */
template <bool IN_WORDS, typename Cell>
__device__ static void
load_window(const DirectJob &job, const Pixel &pixel, const Cell *x, uint32_t k, Walk *walk, uint32_t *words)
{
	constexpr uint32_t cells = word_cells<Cell>();
	const Cell *from = walk_cell(job, *walk, x); /* where depth goes by whole steps */

	walk_on(job, TENSOR_WORDS * cells, walk);

	if constexpr (!IN_WORDS) {
#pragma unroll
		for (int i = 0; i < TENSOR_WORDS; i++) {
			const uint32_t at = k + static_cast<uint32_t>(i) * cells;

			words[i] = word_of(window_cell(job, pixel, x, at), cells == 2 ? window_cell(job, pixel, x, at + 1) : nullptr);
		}
	} else if constexpr (cells == 1) {
		words_of_floats<TENSOR_WORDS>(from, words);
	} else {
#pragma unroll
		for (int i = 0; i < TENSOR_WORDS; i += 4) {
			const uint4 four = from ? __ldg(reinterpret_cast<const uint4 *>(from + 2 * i)) : make_uint4(0, 0, 0, 0);

			words[i] = four.x;
			words[i + 1] = four.y;
			words[i + 2] = four.z;
			words[i + 3] = four.w;
		}
	}
}

/* Four columns of one word of depth: 8 words by COLUMNS / 4 threads. */
template <int COLUMNS, typename Cell>
__device__ static void
load_weights(const DirectJob &job, const Cell *weight, uint32_t k, Descent *descent, uint32_t *words)
{
	constexpr uint32_t cells = word_cells<Cell>();
	const Cell *row = k < descent->reach ? weight + descent->index : nullptr;

	if (threadIdx.x >= TENSOR_WORDS * COLUMNS / 4)
		return;
	if constexpr (cells == 1)
		words_of_floats<4>(row, words);
	else
		interleave<4>(row, k + 1 < descent->reach ? row + job.shape.out_c : nullptr, words);
	descent->index += TENSOR_WORDS * cells * job.shape.out_c;
}

template <int COLUMNS>
__device__ static void
put_tile(TensorMemory<COLUMNS> &memory, int half, const uint32_t *window, const uint32_t *weights)
{
#pragma unroll
	for (int i = 0; i < TENSOR_WORDS; i++)
		memory.rows[half][i][threadIdx.x] = window[i];
	if (threadIdx.x < TENSOR_WORDS * COLUMNS / 4)
		*reinterpret_cast<uint4 *>(&memory.columns[half][threadIdx.x / (COLUMNS / 4)][threadIdx.x % (COLUMNS / 4) * 4]) =
			make_uint4(weights[0], weights[1], weights[2], weights[3]);
}

template <int COLUMNS, bool IN_WORDS, typename Cell>
__global__ static void __launch_bounds__(TENSOR_THREADS, TENSOR_BLOCKS)
tensor_forward_kernel(DirectJob job, const Cell *x, const Cell *weight, Cell *y, float2 *moments, Winners<Cell> winners)
{
	if (!has_tensor_cores())
		return;
	SHARED(TensorMemory<COLUMNS>, memory);
	constexpr uint32_t step = TENSOR_WORDS * word_cells<Cell>();
	const uint32_t first_row = blockIdx.x * TENSOR_ROWS, first_column = blockIdx.y * COLUMNS;
	const Pixel pixel = pixel_of(job, pixel_at<WINDOW_STEP>(job, first_row + threadIdx.x));
	uint32_t window[TENSOR_WORDS], weights[4];
	TensorSums<COLUMNS> sums;
	Walk walk = walk_of(job, pixel);
	Descent descent = descent_of(job, threadIdx.x / (COLUMNS / 4) * word_cells<Cell>(), first_column + threadIdx.x % (COLUMNS / 4) * 4);
	int half = 0;

	tensor_clear(sums);
	load_window<IN_WORDS>(job, pixel, x, 0, &walk, window);
	load_weights<COLUMNS>(job, weight, 0, &descent, weights);
	put_tile(memory, half, window, weights);
	for (uint32_t k = step; k < job.depth; k += step) {
		__syncthreads();
		load_window<IN_WORDS>(job, pixel, x, k, &walk, window);
		load_weights<COLUMNS>(job, weight, k, &descent, weights);
		tensor_multiply<COLUMNS, Cell>(memory, half, sums);
		half = !half;
		put_tile(memory, half, window, weights);
	}
	__syncthreads();
	tensor_multiply<COLUMNS, Cell>(memory, half, sums);
	store_all(job, first_row, first_column, sums, y, moments, winners);
}

template <int COLUMNS, typename Cell>
static void
queue_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	      const Winners<Cell> &winners)
{
	const Grid grid = tensor_grid<COLUMNS>(work, job, 0);

	if (job.shape.in_c % (TENSOR_WORDS * word_cells<Cell>()) == 0)
		QUEUE(work, grid, (tensor_forward_kernel<COLUMNS, true, Cell>), job, x, weight, y, moments, winners);
	else
		QUEUE(work, grid, (tensor_forward_kernel<COLUMNS, false, Cell>), job, x, weight, y, moments, winners);
}

template <typename Cell>
void
tensor_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	       const Winners<Cell> &winners)
{
	if (patch_forward(work, job, x, weight, y, moments, winners) || first_forward(work, job, x, weight, y, moments, winners))
		return;
	if (job.shape.out_c <= 32)
		queue_forward<32>(work, job, x, weight, y, moments, winners);
	else
		queue_forward<64>(work, job, x, weight, y, moments, winners);
}

/* ---- the weights' derivative: words are pairs of pixels ---- */

enum { WEIGHT_COLUMNS = 64 };

/* Eight rows (input channels of a tap) of one word of depth. */
template <typename Cell>
__device__ static void
load_rows(const WeightJob &job, const Window &window, const Output &output, uint32_t end, const Cell *x, uint32_t *words)
{
	if constexpr (word_cells<Cell>() == 1)
		words_of_floats<8>(window_cells(job, window, output, end, x), words);
	else
		interleave<8>(window_cells(job, window, output, end, x), window_cells(job, window, output_next(job, output), end, x),
			      words);
}

template <typename Cell>
__device__ static void
load_columns(const WeightJob &job, DerivativeColumns *columns, uint32_t pixel, const Cell *dy, uint32_t *words)
{
	const Cell *row = pixel < columns->end ? dy + columns->index : nullptr;

	if constexpr (word_cells<Cell>() == 1)
		words_of_floats<4>(row, words);
	else
		interleave<4>(row, pixel + 1 < columns->end ? row + job.shape.out_c : nullptr, words);
	columns->index += job.step * job.shape.out_c;
}

__device__ static void
put_weight_tile(TensorMemory<WEIGHT_COLUMNS> &memory, int half, const uint32_t *rows, const uint32_t *columns)
{
	const uint32_t word = threadIdx.x / 16, place = threadIdx.x % 16;

	*reinterpret_cast<uint4 *>(&memory.rows[half][word][place * 8]) = make_uint4(rows[0], rows[1], rows[2], rows[3]);
	*reinterpret_cast<uint4 *>(&memory.rows[half][word][place * 8 + 4]) = make_uint4(rows[4], rows[5], rows[6], rows[7]);
	*reinterpret_cast<uint4 *>(&memory.columns[half][word][place * 4]) =
		make_uint4(columns[0], columns[1], columns[2], columns[3]);
}

__device__ static void
store_weight_tile(const WeightJob &job, uint32_t first_row, uint32_t first_column, const TensorSums<WEIGHT_COLUMNS> &sums,
		  float *partial)
{
	partial += static_cast<size_t>(blockIdx.z) * job.rows * job.shape.out_c;
#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 4; i += 2) {
			const uint32_t row = first_row + tensor_row(m, i);

#pragma unroll
			for (int n = 0; n < WEIGHT_COLUMNS / 8; n++) {
				const uint32_t column = first_column + tensor_column(n);

				if (row < job.rows && column < job.shape.out_c)
					store_pair(partial + static_cast<size_t>(row) * job.shape.out_c + column,
						   sums.at[m][n][i], sums.at[m][n][i + 1]);
			}
		}
}

template <typename Cell>
__global__ static void __launch_bounds__(TENSOR_THREADS, TENSOR_BLOCKS)
tensor_weight_kernel(WeightJob job, const Cell *x, const Cell *dy, float *partial)
{
	if (!has_tensor_cores())
		return;
	SHARED(TensorMemory<WEIGHT_COLUMNS>, memory);
	constexpr uint32_t cells = word_cells<Cell>(), step = TENSOR_WORDS * cells;
	const uint32_t first_row = blockIdx.x * TENSOR_ROWS, first_column = blockIdx.y * WEIGHT_COLUMNS;
	const uint32_t begin = blockIdx.z * job.slice, own = threadIdx.x / 16 * cells, place = threadIdx.x % 16;
	const uint32_t end = job.pixels - begin < job.slice ? job.pixels : begin + job.slice;
	const Window window = window_of(job, first_row + place * 8);
	Output output = output_of(job, begin + own);
	DerivativeColumns derivative = derivative_columns(job, begin + own, first_column + place * 4, end);
	uint32_t rows[8], columns[4];
	TensorSums<WEIGHT_COLUMNS> sums;
	int half = 0;

	tensor_clear(sums);
	load_rows(job, window, output, end, x, rows);
	load_columns(job, &derivative, output.pixel, dy, columns);
	put_weight_tile(memory, half, rows, columns);
	for (uint32_t pixel = begin + step; pixel < end; pixel += step) {
		__syncthreads();
		output_on(job, &output);
		load_rows(job, window, output, end, x, rows);
		load_columns(job, &derivative, output.pixel, dy, columns);
		tensor_multiply<WEIGHT_COLUMNS, Cell>(memory, half, sums);
		half = !half;
		put_weight_tile(memory, half, rows, columns);
	}
	__syncthreads();
	tensor_multiply<WEIGHT_COLUMNS, Cell>(memory, half, sums);
	store_weight_tile(job, first_row, first_column, sums, partial);
}

template <typename Cell>
void
tensor_weight(Work &work, const WeightJob &job, const dim3 &blocks, const Cell *x, const Cell *dy, float *partial)
{
	QUEUE(work, (Grid{ blocks, dim3(TENSOR_THREADS), 0, work.stream }), tensor_weight_kernel<Cell>, job, x, dy, partial);
}

#define MAKE(Cell)                                                                                                     \
	template void tensor_forward<Cell>(Work &, const DirectJob &, const Cell *, const Cell *, Cell *, float2 *,    \
					   const Winners<Cell> &);                                                     \
	template void tensor_weight<Cell>(Work &, const WeightJob &, const dim3 &, const Cell *, const Cell *, float *);
FOR_CELLS(MAKE)
