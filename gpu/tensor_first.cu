/* tensor_first.cu: see tensor_first.h. */
#include "tensor_first.h"

#include "async.h"
#include "patch.h"
#include "tensor_store.h"

enum {
	DEPTH_MOST = 64,
	DEPTH_STEP = 16,	/* of one multiplication */
	FIRST_BLOCKS = 4,	/* the least that a multiprocessor must hold, which is 128 registers a thread */
	MEMORY_MOST = 48 << 10, /* bytes of shared memory that a block has without asking */
};

struct FirstJob {
	DirectJob direct;
	Patch patch;
	uint32_t steps; /* of depth */
};

/* Bytes between rows of the weights: an odd number of pieces, see async.h. */
template <int COLUMNS> constexpr int weight_row = (COLUMNS / PIECE_CELLS + 1) * PIECE_BYTES;

/* Weights of the block's columns, zeros below the depth. */
template <int COLUMNS, typename Cell>
__device__ static void
copy_weights(const FirstJob &job, uint32_t first_column, const Cell *weight, SharedPlace to)
{
	constexpr uint32_t pieces = COLUMNS / PIECE_CELLS;
	const uint32_t out_c = job.direct.shape.out_c;

	for (uint32_t at = threadIdx.x; at < job.steps * DEPTH_STEP * pieces; at += TENSOR_THREADS) {
		const uint32_t row = at / pieces, piece = at % pieces, column = first_column + piece * PIECE_CELLS;

		copy_piece(to + row * weight_row<COLUMNS> + piece * PIECE_BYTES, weight + (row * out_c + column),
			   row < job.direct.depth && column < out_c ? PIECE_BYTES : 0);
	}
}

/* All channels of the patch's pixels; before the first picture and after the last there are none. */
template <typename Cell>
__device__ static void
copy_pixels(const FirstJob &job, uint32_t first_pixel, const Cell *x, unsigned short *to)
{
	const uint32_t in_c = job.direct.shape.in_c, first = (first_pixel - job.patch.halo) * in_c;

	for (uint32_t at = threadIdx.x; at < job.patch.pixels * in_c; at += TENSOR_THREADS) {
		const uint32_t from = first + at; /* before the first they wrap */
		unsigned short bits = 0;

		if (from < job.direct.pixels * in_c)
			memcpy(&bits, x + from, sizeof bits);
		to[at] = bits;
	}
}

/* An element of the depth: its place from tap 0's channel 0 on, in cells, and its tap. */
struct Element {
	uint32_t shift, bit; /* bit 0: beyond the depth */
};

__device__ static Element
element_of(const FirstJob &job, uint32_t k)
{
	const DirectJob &direct = job.direct;
	uint32_t channel, column;
	const uint32_t tap = divide(k, direct.in_c, &channel), row = divide(tap, direct.kernel_w, &column);

	if (k >= direct.depth)
		return Element{ 0, 0 };
	return Element{ (row * direct.shape.in_w + column) * direct.shape.in_c + channel, 1u << tap };
}

/* A row of the tile: its place in the patch, in cells, and its taps inside of the picture. */
struct FirstRow {
	uint32_t place, inside;
};

__device__ static FirstRow
first_row_of(const FirstJob &job, uint32_t first_row, uint32_t first_pixel, int m, int i)
{
	const uint32_t pixel = pixel_at<WINDOW_STEP>(job.direct, first_row + tensor_row(m, i));
	const uint32_t inside = taps_inside(job.direct, job.patch, pixel);

	return FirstRow{ inside ? (pixel - first_pixel) * job.direct.shape.in_c : 0, inside };
}

/* Two neighbours of the depth. */
__device__ static uint32_t
word_at(const unsigned short *pixels, const FirstRow &row, const Element *pair)
{
	const uint32_t low = row.inside & pair[0].bit ? pixels[row.place + pair[0].shift] : 0;
	const uint32_t high = row.inside & pair[1].bit ? pixels[row.place + pair[1].shift] : 0;

	return low | high << 16;
}

/* A step of the depth, by fragments as multiply_fragments wants them. */
template <int COLUMNS, typename Cell>
__device__ static void
multiply_step(const FirstJob &job, const FirstRow (*rows)[2], const unsigned short *pixels, SharedPlace weights, uint32_t step,
	      TensorSums<COLUMNS> &sums)
{
	const uint32_t k = step * DEPTH_STEP + threadIdx.x % 4 * 2;
	const Element low[2] = { element_of(job, k), element_of(job, k + 1) };
	const Element high[2] = { element_of(job, k + 8), element_of(job, k + 9) };
	uint32_t a[2][4], b[4];

#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 2; i++) {
			a[m][i] = word_at(pixels, rows[m][i], low);
			a[m][2 + i] = word_at(pixels, rows[m][i], high);
		}
#pragma unroll
	for (uint32_t pair = 0; pair < COLUMNS / 16; pair++) {
		load_turned_fragments(weights + (step * DEPTH_STEP + threadIdx.x % 16) * weight_row<COLUMNS> +
					      (2 * pair + threadIdx.x % 32 / 16) * PIECE_BYTES,
				      b);
#pragma unroll
		for (int m = 0; m < 2; m++) {
			multiply_fragments<Cell>(sums.at[m][2 * pair], a[m], b);
			multiply_fragments<Cell>(sums.at[m][2 * pair + 1], a[m], b + 2);
		}
	}
}

/* Blocks: tiles of pixels by tiles of channels. */
template <int COLUMNS, typename Cell>
__global__ static void __launch_bounds__(TENSOR_THREADS, FIRST_BLOCKS)
first_forward_kernel(FirstJob job, const Cell *x, const Cell *weight, Cell *y, float2 *moments, Winners<Cell> winners)
{
	if (!has_tensor_cores())
		return;
	SHARED_DYNAMIC(unsigned char, memory);
	const uint32_t first_row = blockIdx.x * TENSOR_ROWS, first_column = blockIdx.y * COLUMNS;
	const uint32_t first_pixel = first_pixel_of(job.direct, first_row);
	const SharedPlace weights = shared_place(memory);
	unsigned short *const pixels =
		reinterpret_cast<unsigned short *>(memory + job.steps * DEPTH_STEP * weight_row<COLUMNS>);
	FirstRow rows[2][2];
	TensorSums<COLUMNS> sums;

	copy_weights<COLUMNS>(job, first_column, weight, weights);
	copy_commit();
	copy_pixels(job, first_pixel, x, pixels);
#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int i = 0; i < 2; i++)
			rows[m][i] = first_row_of(job, first_row, first_pixel, m, 2 * i);
	tensor_clear(sums);
	copy_wait<0>();
	__syncthreads();
	for (uint32_t step = 0; step < job.steps; step++)
		multiply_step<COLUMNS, Cell>(job, rows, pixels, weights, step, sums);
	store_all(job.direct, first_row, first_column, sums, y, moments, winners);
}

template <int COLUMNS, typename Cell>
static bool
queue_first(Work &work, const DirectJob &direct, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	    const Winners<Cell> &winners)
{
	const FirstJob job = { direct, patch_of(direct), (direct.depth + DEPTH_STEP - 1) / DEPTH_STEP };
	const size_t bytes = static_cast<size_t>(job.steps) * DEPTH_STEP * weight_row<COLUMNS> +
			     static_cast<size_t>(job.patch.pixels) * direct.shape.in_c * sizeof(Cell);

	if (bytes + sizeof(TileMoments<COLUMNS>) > MEMORY_MOST)
		return false;
	QUEUE(work, tensor_grid<COLUMNS>(work, direct, bytes), (first_forward_kernel<COLUMNS, Cell>), job, x, weight, y, moments, winners);
	return true;
}

template <typename Cell>
bool
first_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	      const Winners<Cell> &winners)
{
	if (!has_patch(job.shape) || job.depth > DEPTH_MOST || job.shape.out_c % PIECE_CELLS || !is_on_16_bytes(weight))
		return false;
	return (job.shape.out_c <= 32 ? queue_first<32, Cell> : queue_first<64, Cell>)(work, job, x, weight, y, moments, winners);
}

#define MAKE(Cell)                                                                                                     \
	template bool first_forward<Cell>(Work &, const DirectJob &, const Cell *, const Cell *, Cell *, float2 *,     \
					  const Winners<Cell> &);
MAKE(Half)
MAKE(Brain)

template <>
bool
first_forward<float>(Work &, const DirectJob &, const float *, const float *, float *, float2 *, const Winners<float> &)
{
	return false;
}
