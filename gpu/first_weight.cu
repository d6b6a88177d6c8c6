/* first_weight.cu: see first_weight.h. A block has a slice of the pixels, some at a time: their windows are laid out in shared
 * memory; then a thread goes through every 16th (8th) pixel and holds the sums of all of a window by 4 (2) channels.
 *
 * A thread's 8 pixels of 16 x 4 sums are 512 FMA, 32 16-byte reads of shared memory and 8 loads of dy; a window's 16 numbers that it
 * lays out are about 100 instructions more. */
#include "first_weight.h"

#include "divide.h"
#include "partial.h"
#include "vector.h"

enum { THREADS = 128, WARP = 32, WARPS = THREADS / WARP, COLUMNS = 32, PIXELS_EACH = 8, QUADS_EACH = 4 };

/* Four blocks for each of an H100's 132 multiprocessors; other cards take them as they come. */
enum { BLOCKS_WANTED = 528 };

/* Windows are made in two sizes; along a side only so many that bits can say which lie inside. */
enum { TAPS_FEW = 16, TAPS_MANY = 28, SIDE_MOST = 15 };

/** How a block of one size of windows is cut. */
template <int TAPS>
struct Form {
	static constexpr uint32_t CHANNELS = TAPS == TAPS_FEW ? 4 : 2; /* a thread's */
	static constexpr uint32_t GROUPS = COLUMNS / CHANNELS;	       /* threads that share a pixel */
	static constexpr uint32_t LANES = THREADS / GROUPS;	       /* pixels beside each other */
	static constexpr uint32_t PIXELS = LANES * PIXELS_EACH;	       /* at a time */
	static constexpr uint32_t QUADS = TAPS / 4;
	static constexpr uint32_t STRIDE = 4 * (QUADS | 1); /* floats: an odd number of 16 bytes, so that eight lie in all banks */
};

struct FirstWeightJob {
	Convolution shape;
	Divisor out_w, out_h;
	uint32_t pixels, taps, slice; /* slice: pixels of a block */
	int32_t offset[TAPS_MANY];    /* in x, from that under the window's corner */
	uint32_t place[TAPS_MANY];    /* bits of its row and its column, see outside_of; NOWHERE beyond the window */
};

static const uint32_t NOWHERE = 1u << 31;

/* ---- the host's part ---- */

static uint32_t
taps_of_window(const Convolution &shape)
{
	return shape.kernel_h * shape.kernel_w * shape.in_c;
}

bool
first_has_weight(const Convolution &shape)
{
	return shape.kernel_h <= SIDE_MOST && shape.kernel_w <= SIDE_MOST && shape.in_c <= TAPS_MANY &&
	       taps_of_window(shape) <= TAPS_MANY && shape.out_c % 8 == 0;
}

static uint32_t
column_blocks(const Convolution &shape)
{
	return (shape.out_c + COLUMNS - 1) / COLUMNS;
}

/* Pixels that a block takes at a time. */
static uint32_t
pixels_at_once(const Convolution &shape)
{
	return taps_of_window(shape) <= TAPS_FEW ? Form<TAPS_FEW>::PIXELS : Form<TAPS_MANY>::PIXELS;
}

static uint32_t
chunk_count(const Convolution &shape, uint32_t n)
{
	const uint32_t each = pixels_at_once(shape);

	return (n * shape.out_h * shape.out_w + each - 1) / each;
}

static uint32_t
slices_wanted(const Convolution &shape)
{
	const uint32_t wanted = BLOCKS_WANTED / column_blocks(shape);

	return wanted ? wanted : 1;
}

size_t
first_weight_room(const Convolution &shape, uint32_t n)
{
	const uint32_t chunks = chunk_count(shape, n), wanted = slices_wanted(shape);

	return static_cast<size_t>(chunks < wanted ? chunks : wanted) * taps_of_window(shape) * shape.out_c;
}

static FirstWeightJob
job_of(const Convolution &shape, uint32_t n)
{
	const uint32_t chunks = chunk_count(shape, n), wanted = slices_wanted(shape);
	FirstWeightJob job = {};

	job.shape = shape;
	job.out_w = divisor_of(shape.out_w);
	job.out_h = divisor_of(shape.out_h);
	job.pixels = n * shape.out_h * shape.out_w;
	job.taps = taps_of_window(shape);
	job.slice = (chunks + wanted - 1) / wanted * pixels_at_once(shape);
	for (uint32_t tap = 0; tap < TAPS_MANY; tap++) {
		const uint32_t column = tap / shape.in_c % shape.kernel_w, row = tap / shape.in_c / shape.kernel_w;

		job.offset[tap] = static_cast<int32_t>((row * shape.in_w + column) * shape.in_c + tap % shape.in_c);
		job.place[tap] = tap < job.taps ? 1u << row | 1u << (16 + column) : NOWHERE;
	}
	return job;
}

/* ---- windows ---- */

/* Bit e is 0 where place `at` + e lies in 0 … size - 1; of 15 places. at > -15 */
__device__ static uint32_t
outside_of(int32_t at, uint32_t size)
{
	const int32_t first = at < 0 ? -at : 0, left = static_cast<int32_t>(size) - at;
	const int32_t end = left < 0 ? 0 : left < SIDE_MOST ? left : SIDE_MOST;

	return ~(((1u << end) - 1) >> first << first) & ((1u << SIDE_MOST) - 1);
}

/* Where a pixel's window begins in x, maybe before it, and which of its rows (bits 0 …) and columns (bits 16 …) lie outside. */
__device__ static uint32_t
window_corner(const FirstWeightJob &job, uint32_t pixel, int32_t *corner)
{
	const Convolution &shape = job.shape;
	uint32_t out_x, out_y;

	const uint32_t sample = divide(divide(pixel, job.out_w, &out_x), job.out_h, &out_y);
	const int32_t y = static_cast<int32_t>(out_y * shape.stride) - static_cast<int32_t>(shape.pad_top);
	const int32_t x = static_cast<int32_t>(out_x * shape.stride) - static_cast<int32_t>(shape.pad_left);
	*corner = ((static_cast<int32_t>(sample * shape.in_h) + y) * static_cast<int32_t>(shape.in_w) + x) *
		  static_cast<int32_t>(shape.in_c);
	return outside_of(y, shape.in_h) | outside_of(x, shape.in_w) << 16 | NOWHERE;
}

/* Lay out the windows of the pixels from `first` on: a thread 16 numbers of one. What lies outside is 0. */
template <int TAPS, typename Cell>
__device__ static void
lay_out(const FirstWeightJob &job, uint32_t first, uint32_t end, const Cell *x, float *windows)
{
	constexpr uint32_t PIXELS = Form<TAPS>::PIXELS;
	/* 0 where a thread has all of a window: then the table's places are the compiler's to know */
	const uint32_t place = threadIdx.x % PIXELS, part = PIXELS == THREADS ? 0 : threadIdx.x / PIXELS;
	int32_t corner;
	const uint32_t window_outside = window_corner(job, first + place, &corner);
	const uint32_t outside = first + place < end ? window_outside : 0xffffffff;

#pragma unroll
	for (uint32_t i = 0; i < QUADS_EACH; i++) {
		const uint32_t quad = part * QUADS_EACH + i;
		float values[4];

		if (quad < Form<TAPS>::QUADS) {
#pragma unroll
			for (uint32_t k = 0; k < 4; k++)
				values[k] = outside & job.place[quad * 4 + k] ? 0 : widen(x[corner + job.offset[quad * 4 + k]]);
			*reinterpret_cast<float4 *>(windows + place * Form<TAPS>::STRIDE + quad * 4) =
				make_float4(values[0], values[1], values[2], values[3]);
		}
	}
}

/* ---- derivatives ---- */

/* A thread's channels of a pixel as they are stored, in one load. */
template <typename Cell, int CHANNELS>
struct alignas(CHANNELS * sizeof(Cell)) Packed {
	unsigned words[CHANNELS * sizeof(Cell) / sizeof(unsigned)];
};

template <int CHANNELS>
__device__ static void
unpack(const Packed<float, CHANNELS> &packed, float *to)
{
#pragma unroll
	for (int i = 0; i < CHANNELS; i++)
		to[i] = __uint_as_float(packed.words[i]);
}

template <typename Cell, int CHANNELS>
__device__ static void
unpack(const Packed<Cell, CHANNELS> &packed, float *to)
{
#pragma unroll
	for (int i = 0; i < CHANNELS / 2; i++) {
		const float2 pair = widen_pair(packed.words[i], Cell());

		to[2 * i] = pair.x;
		to[2 * i + 1] = pair.y;
	}
}

/* A thread's channels of its pixels before `end`, every LANES-th; beyond it 0. */
template <int TAPS, typename Cell>
__device__ static void
load_derivatives(uint32_t pixel, uint32_t end, uint32_t out_c, uint32_t channel, const Cell *dy,
		 Packed<Cell, Form<TAPS>::CHANNELS> *packed)
{
	typedef Packed<Cell, Form<TAPS>::CHANNELS> Channels;
	const uint32_t at = pixel * out_c + channel, step = Form<TAPS>::LANES * out_c;

#pragma unroll
	for (uint32_t i = 0; i < PIXELS_EACH; i++) {
		packed[i] = Channels{};
		if (pixel + i * Form<TAPS>::LANES < end)
			packed[i] = *reinterpret_cast<const Channels *>(dy + (at + i * step));
	}
}

/* ---- sums ---- */

template <int TAPS>
struct Sums {
	float of[TAPS][Form<TAPS>::CHANNELS];
};

template <int TAPS, typename Cell>
__device__ static void
multiply(const float *windows, const Packed<Cell, Form<TAPS>::CHANNELS> *packed, Sums<TAPS> &sums)
{
	constexpr int CHANNELS = Form<TAPS>::CHANNELS;
	const uint32_t lane = threadIdx.x / Form<TAPS>::GROUPS;

#pragma unroll
	for (uint32_t i = 0; i < PIXELS_EACH; i++) {
		const float *window = windows + (i * Form<TAPS>::LANES + lane) * Form<TAPS>::STRIDE;
		float derivative[CHANNELS];

		unpack(packed[i], derivative);
#pragma unroll
		for (uint32_t quad = 0; quad < Form<TAPS>::QUADS; quad++) {
			const float4 four = *reinterpret_cast<const float4 *>(window + 4 * quad);

#pragma unroll
			for (int k = 0; k < CHANNELS; k++) {
				sums.of[4 * quad][k] = fmaf(four.x, derivative[k], sums.of[4 * quad][k]);
				sums.of[4 * quad + 1][k] = fmaf(four.y, derivative[k], sums.of[4 * quad + 1][k]);
				sums.of[4 * quad + 2][k] = fmaf(four.z, derivative[k], sums.of[4 * quad + 2][k]);
				sums.of[4 * quad + 3][k] = fmaf(four.w, derivative[k], sums.of[4 * quad + 3][k]);
			}
		}
	}
}

/* Windows, and in their place, when all is multiplied, each warp's sums. */
template <int TAPS>
union FirstMemory {
	float4 alignment;
	float windows[Form<TAPS>::PIXELS * Form<TAPS>::STRIDE];
	float warps[WARPS][TAPS * COLUMNS];
};

/* The lanes of a warp by halves, into the warp's place. */
template <int TAPS>
__device__ static void
put_sums(FirstMemory<TAPS> &memory, const Sums<TAPS> &sums)
{
	constexpr uint32_t CHANNELS = Form<TAPS>::CHANNELS, GROUPS = Form<TAPS>::GROUPS;
	const uint32_t group = threadIdx.x % GROUPS;
	float *to = memory.warps[threadIdx.x / WARP] + group * CHANNELS;

#pragma unroll
	for (int tap = 0; tap < TAPS; tap++) {
		Packed<float, CHANNELS> packed;

#pragma unroll
		for (uint32_t k = 0; k < CHANNELS; k++) {
			float sum = sums.of[tap][k];

#pragma unroll
			for (uint32_t bits = GROUPS; bits < WARP; bits *= 2)
				sum += __shfl_xor_sync(0xffffffff, sum, static_cast<int>(bits));
			packed.words[k] = __float_as_uint(sum);
		}
		if (threadIdx.x % WARP < GROUPS)
			*reinterpret_cast<Packed<float, CHANNELS> *>(to + tap * COLUMNS) = packed;
	}
}

/* The warps in order, to the slice's place. */
template <int TAPS>
__device__ static void
store_sums(const FirstWeightJob &job, const FirstMemory<TAPS> &memory, float *partial)
{
	for (uint32_t i = threadIdx.x; i < TAPS * COLUMNS; i += THREADS) {
		const uint32_t tap = i / COLUMNS, channel = blockIdx.y * COLUMNS + i % COLUMNS;
		float sum = memory.warps[0][i];

		if (tap >= job.taps || channel >= job.shape.out_c)
			continue;
#pragma unroll
		for (int warp = 1; warp < WARPS; warp++)
			sum += memory.warps[warp][i];
		partial[(static_cast<size_t>(blockIdx.x) * job.taps + tap) * job.shape.out_c + channel] = sum;
	}
}

/* Blocks: slices, 32 channels. dy is loaded before windows are laid out, so that the one waits while the other does. */
template <int TAPS, typename Cell>
__global__ static void __launch_bounds__(THREADS, 4)
first_weight_kernel(FirstWeightJob job, const Cell *x, const Cell *dy, float *partial)
{
	if (!has_arithmetic<Cell>())
		return;
	SHARED(FirstMemory<TAPS>, memory);
	constexpr uint32_t PIXELS = Form<TAPS>::PIXELS, CHANNELS = Form<TAPS>::CHANNELS, GROUPS = Form<TAPS>::GROUPS;
	const uint32_t channel = blockIdx.y * COLUMNS + threadIdx.x % GROUPS * CHANNELS, lane = threadIdx.x / GROUPS;
	const uint32_t begin = blockIdx.x * job.slice, end = job.pixels - begin < job.slice ? job.pixels : begin + job.slice;
	const uint32_t own_end = channel < job.shape.out_c ? end : 0;
	Sums<TAPS> sums = {};

	for (uint32_t first = begin; first < end; first += PIXELS) {
		Packed<Cell, CHANNELS> derivatives[PIXELS_EACH];

		load_derivatives<TAPS>(first + lane, own_end, job.shape.out_c, channel, dy, derivatives);
		lay_out<TAPS>(job, first, end, x, memory.windows);
		__syncthreads();
		multiply<TAPS, Cell>(memory.windows, derivatives, sums);
		__syncthreads();
	}
	put_sums(memory, sums);
	__syncthreads();
	store_sums(job, memory, partial);
}

template <typename Cell>
void
first_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial, float alpha,
	     float *dw)
{
	const FirstWeightJob job = job_of(shape, n);
	const uint32_t slices = (job.pixels + job.slice - 1) / job.slice;
	const Grid grid = { dim3(slices, column_blocks(shape)), dim3(THREADS), 0, work.stream };

	if (job.taps <= TAPS_FEW)
		QUEUE(work, grid, (first_weight_kernel<TAPS_FEW, Cell>), job, x, dy, partial);
	else
		QUEUE(work, grid, (first_weight_kernel<TAPS_MANY, Cell>), job, x, dy, partial);
	partial_add<float>(work, job.taps * shape.out_c, slices, partial, alpha, dw);
}

#define MAKE(Cell)                                                                                                     \
	template void first_weight<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, float *,   \
					 float, float *);
FOR_CELLS(MAKE)
