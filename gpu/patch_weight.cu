/* patch_weight.cu: see patch_weight.h.
 *
 * A warp has 16 x 32 channels of the block's nine taps, 144 sums a lane. Two groups of four warps share a step's pixels, so that a
 * block writes half as many partial sums as two blocks would; at the end each gives the other half of its sums to add. */
#include "patch_weight.h"

#include "async.h"
#include "divide.h"
#include "tensor_store.h"

/* An H100's and H200's multiprocessors: one wave of blocks. Tests have fewer, of several steps. */
#ifndef FM_WEIGHT_BLOCKS
#define FM_WEIGHT_BLOCKS 132
#endif

enum {
	ROWS = 32,		/* input channels of a block */
	COLUMNS = 64,		/* output channels */
	TAPS = 9,		/* of a block: more take several */
	GROUPS = 2,		/* of four warps */
	THREADS = GROUPS * 128, /* one block a multiprocessor: they have up to 255 registers */
	STEP = 64,		/* pixels at a time */
	DEPTH = 16,		/* of one mma.sync */
	OWN = STEP / GROUPS,	/* a group's pixels of a step */
	AHEAD = 2,		/* taps whose fragments are read before they are multiplied */
	STAGES = 3,		/* two steps on their way while one is multiplied */
	PARTS = 4,		/* eight columns each: a warp's */
	KEPT = PARTS / GROUPS,	/* which a warp adds up and stores in the end */
	BLOCKS_WANTED = FM_WEIGHT_BLOCKS,
	SLICE_LEAST = 128,
	/* rows in shared memory, in bytes: an odd number of pieces, see async.h */
	X_ROW = (ROWS / PIECE_CELLS + 1) * PIECE_BYTES,
	DY_ROW = (COLUMNS / PIECE_CELLS + 1) * PIECE_BYTES,
};

static_assert(GROUPS == OWN / DEPTH, "each group copies before another of its parts of a step");

struct PatchWeightJob {
	Convolution shape;
	Divisor in_w, kernel_w, picture, row_tiles; /* picture: pixels of one */
	uint32_t pixels, slice;
	uint32_t taps, patch, halo; /* pixels of x under a step's windows; those of them before the step's first */
	uint32_t step;		    /* STEP, in pixels of a picture */
	uint32_t stages, stage;	    /* place of the first in shared memory, and the size of one, in bytes */
};

/* What a block computes. */
struct WeightTile {
	uint32_t first_tap, first_row, first_column;
	uint32_t begin, end; /* its pixels */
	SharedPlace memory;
};

/* Shared memory: a piece of zeros; of each pixel of a picture which taps are inside; the stages, each x, then dy. */
__device__ static WeightTile
tile_of(const PatchWeightJob &job, const void *memory)
{
	const uint32_t begin = blockIdx.z * job.slice;
	uint32_t row_tile;
	const uint32_t group = divide(blockIdx.x, job.row_tiles, &row_tile);

	return WeightTile{ group * TAPS,
			   row_tile * ROWS,
			   blockIdx.y * COLUMNS,
			   begin,
			   job.pixels - begin < job.slice ? job.pixels : begin + job.slice,
			   shared_place(memory) };
}

/* Bit t: the tile's tap t under pixel `at` of a picture is inside of it. */
__device__ static uint32_t
tile_taps_inside(const PatchWeightJob &job, const WeightTile &tile, uint32_t at)
{
	uint32_t inside = 0, x, column;
	const uint32_t y = divide(at, job.in_w, &x);

	for (uint32_t tap = 0; tap < TAPS; tap++) {
		const uint32_t row = divide(tile.first_tap + tap, job.kernel_w, &column);

		/* on padding they wrap */
		if (tile.first_tap + tap < job.taps && y + row - job.shape.pad_top < job.shape.in_h &&
		    x + column - job.shape.pad_left < job.shape.in_w)
			inside |= 1u << tap;
	}
	return inside;
}

__device__ static void
put_zeros_and_taps(const PatchWeightJob &job, const WeightTile &tile, unsigned char *memory)
{
	uint16_t *inside = reinterpret_cast<uint16_t *>(memory + PIECE_BYTES);

	if (threadIdx.x < PIECE_BYTES)
		memory[threadIdx.x] = 0;
	for (uint32_t at = threadIdx.x; at < job.picture.value; at += THREADS)
		inside[at] = static_cast<uint16_t>(tile_taps_inside(job, tile, at));
}

/* ---- what is copied ahead ---- */

/* CHANNELS of `count` pixels from `first` on; zeros beyond the channels, and for pixels that aren't from 0 to `end`. */
template <uint32_t CHANNELS, typename Cell>
__device__ static void
copy_pixels(const Cell *from, uint32_t first, uint32_t count, uint32_t end, uint32_t first_channel, uint32_t channels, SharedPlace to)
{
	constexpr uint32_t pieces = CHANNELS / PIECE_CELLS, row = (pieces + 1) * PIECE_BYTES;
	const uint32_t piece = threadIdx.x % pieces, channel = first_channel + piece * PIECE_CELLS;

	for (uint32_t pass = 0; pass < count; pass += THREADS / pieces) {
		const uint32_t i = pass + threadIdx.x / pieces, pixel = first + i; /* before the first they wrap */

		if (i < count)
			copy_piece(to + i * row + piece * PIECE_BYTES, from + (pixel * channels + channel),
				   pixel < end && channel < channels ? PIECE_BYTES : 0);
	}
}

/* The step of the tile's pixels from `pixel` on: one group, empty at the end. */
template <typename Cell>
__device__ static void
copy_step(const PatchWeightJob &job, const WeightTile &tile, const Cell *x, const Cell *dy, uint32_t pixel, uint32_t stage)
{
	const SharedPlace to = tile.memory + job.stages + stage;

	if (pixel < tile.end) {
		copy_pixels<ROWS>(x, pixel - job.halo, job.patch, job.pixels, tile.first_row, job.shape.in_c, to);
		copy_pixels<COLUMNS>(dy, pixel, STEP, tile.end, tile.first_column, job.shape.out_c, to + job.patch * X_ROW);
	}
	copy_commit();
}

__device__ static uint32_t
stage_next(const PatchWeightJob &job, uint32_t stage)
{
	return stage == (STAGES - 1) * job.stage ? 0 : stage + job.stage;
}

/* ---- what is multiplied ---- */

/* A warp's part of the tile. The second group's parts are turned about, so that where channels don't fill the tile, warps without
 * work are of different schedulers. */
struct Part {
	uint32_t group, row, column; /* in the tile */
	bool has_work;
};

__device__ static Part
part_of(const PatchWeightJob &job, const WeightTile &tile)
{
	const uint32_t warp = threadIdx.x / 32, group = warp / 4, turned = group ? warp ^ 3 : warp;
	const uint32_t row = turned % 2 * (ROWS / 2), column = turned / 2 % 2 * (COLUMNS / 2);

	return Part{ group, row, column,
		     tile.first_row + row < job.shape.in_c && tile.first_column + column < job.shape.out_c };
}

/* Tiles of eight columns are in the order 0 1 2 3, for the second group 2 3 0 1: the first KEPT are those that it stores. */
struct WeightSums {
	float at[TAPS][PARTS][4];
};

/* What a lane reads, in bytes: a pixel of x and of dy, from where those of the group's first step are in a stage. */
struct Reading {
	uint32_t x, dy[2];
	uint32_t at[OWN / DEPTH]; /* that pixel of x, in its picture: of each DEPTH pixels of the group's */
	uint32_t shifts[TAPS];	  /* from tap 0, in bytes */
};

/* ldmatrix's tiles, turned: of x pixels 0 to 7 by two times eight channels, then pixels 8 to 15; of dy pixels 0 to 7 and 8 to 15, then
 * the next eight channels. */
__device__ static Reading
reading_of(const PatchWeightJob &job, const WeightTile &tile, const Part &part)
{
	const uint32_t lane = threadIdx.x % 32, pixel = part.group * OWN + lane % 8 + lane / 16 * 8;
	Reading reading;

	reading.x = pixel * X_ROW + part.row * 2 + lane / 8 % 2 * PIECE_BYTES;
	for (uint32_t i = 0; i < 2; i++)
		reading.dy[i] = job.patch * X_ROW + (part.group * OWN + lane % 16) * DY_ROW + part.column * 2 +
				(i ^ part.group) * 2 * PIECE_BYTES + lane / 16 * PIECE_BYTES;
	for (uint32_t i = 0; i < OWN / DEPTH; i++)
		divide(tile.begin + pixel + i * DEPTH, job.picture, &reading.at[i]);
#pragma unroll
	for (uint32_t tap = 0; tap < TAPS; tap++) {
		uint32_t column;
		const uint32_t row = divide(tile.first_tap + tap, job.kernel_w, &column);

		reading.shifts[tap] = (row * job.shape.in_w + column) * X_ROW;
	}
	return reading;
}

__device__ static void
reading_on(const PatchWeightJob &job, Reading *reading)
{
#pragma unroll
	for (uint32_t &at : reading->at) {
		at += job.step;
		if (at >= job.picture.value)
			at -= job.picture.value;
	}
}

/* DEPTH pixels: of dy once, of x under each tap, two taps ahead. */
template <typename Cell>
__device__ static void
multiply_pixels(SharedPlace zeros, SharedPlace x, SharedPlace dy, const Reading &reading, uint32_t inside, WeightSums &sums)
{
	uint32_t a[AHEAD + 1][4], b[2][4];

	load_turned_fragments(dy + reading.dy[0], b[0]);
	load_turned_fragments(dy + reading.dy[1], b[1]);
#pragma unroll
	for (uint32_t tap = 0; tap < AHEAD; tap++)
		load_turned_fragments(inside >> tap & 1 ? x + reading.shifts[tap] : zeros, a[tap]);
#pragma unroll
	for (uint32_t tap = 0; tap < TAPS; tap++) {
		const uint32_t next = tap + AHEAD;

		if (next < TAPS)
			load_turned_fragments(inside >> next & 1 ? x + reading.shifts[next] : zeros, a[next % (AHEAD + 1)]);
#pragma unroll
		for (uint32_t part = 0; part < PARTS; part++)
			multiply_fragments<Cell>(sums.at[tap][part], a[tap % (AHEAD + 1)], b[part / 2] + part % 2 * 2);
	}
}

/* ---- what becomes of the sums ---- */

/* The other group's warp of the same part is the one whose number has all bits turned. */
__device__ static void
add_groups(float *given, WeightSums &sums)
{
	const uint32_t other = threadIdx.x ^ (THREADS - 32);
	uint32_t at = 0;

#pragma unroll
	for (uint32_t tap = 0; tap < TAPS; tap++)
#pragma unroll
		for (uint32_t part = KEPT; part < PARTS; part++)
#pragma unroll
			for (uint32_t i = 0; i < 4; i++)
				given[at++ * THREADS + threadIdx.x] = sums.at[tap][part][i];
	__syncthreads();
	at = 0;
#pragma unroll
	for (uint32_t tap = 0; tap < TAPS; tap++)
#pragma unroll
		for (uint32_t part = 0; part < KEPT; part++)
#pragma unroll
			for (uint32_t i = 0; i < 4; i++)
				sums.at[tap][part][i] += given[at++ * THREADS + other];
}

__device__ static void
store_sums(const PatchWeightJob &job, const WeightTile &tile, const Part &part, const WeightSums &sums, float *partial)
{
	const uint32_t lane = threadIdx.x % 32, size = job.shape.in_c * job.shape.out_c;
	const uint32_t row = tile.first_row + part.row + lane / 4;
	const uint32_t column = tile.first_column + part.column + part.group * KEPT * 8 + lane % 4 * 2;

	partial += static_cast<size_t>(blockIdx.z) * job.taps * size;
#pragma unroll
	for (uint32_t tap = 0; tap < TAPS; tap++)
#pragma unroll
		for (uint32_t i = 0; i < 4; i += 2) {
			const uint32_t at = (tile.first_tap + tap) * size + (row + i * 4) * job.shape.out_c;

#pragma unroll
			for (uint32_t kept = 0; kept < KEPT; kept++)
				if (tile.first_tap + tap < job.taps && column + kept * 8 < job.shape.out_c)
					store_pair(partial + (at + column + kept * 8), sums.at[tap][kept][i], sums.at[tap][kept][i + 1]);
		}
}

/* Blocks: tiles of rows, a group of taps after the other; tiles of columns; slices. */
template <typename Cell>
__global__ static void __launch_bounds__(THREADS, 1)
patch_weight_kernel(PatchWeightJob job, const Cell *x, const Cell *dy, float *partial)
{
	if (!has_tensor_cores())
		return;
	SHARED_DYNAMIC(unsigned char, memory);
	const WeightTile tile = tile_of(job, memory);
	const Part part = part_of(job, tile);
	Reading reading = reading_of(job, tile, part);
	const uint16_t *inside = reinterpret_cast<const uint16_t *>(memory + PIECE_BYTES);
	WeightSums sums = {};
	uint32_t ahead = 0, stage = 0;

	for (uint32_t i = 0; i < STAGES - 1; i++, ahead = stage_next(job, ahead))
		copy_step(job, tile, x, dy, tile.begin + i * STEP, ahead);
	put_zeros_and_taps(job, tile, memory);
	for (uint32_t pixel = tile.begin; pixel < tile.end; pixel += STEP) {
		copy_wait<STAGES - 2>();
		__syncthreads();
#pragma unroll
		for (uint32_t i = 0; i < OWN / DEPTH; i++) {
			const SharedPlace at = tile.memory + job.stages + stage;

			/* groups take turns: one copies while the other multiplies */
			if (part.group == i)
				copy_step(job, tile, x, dy, pixel + (STAGES - 1) * STEP, ahead);
			if (part.has_work)
				multiply_pixels<Cell>(tile.memory, at + reading.x + i * DEPTH * X_ROW, at + i * DEPTH * DY_ROW, reading,
						      inside[reading.at[i]], sums);
		}
		reading_on(job, &reading);
		ahead = stage_next(job, ahead);
		stage = stage_next(job, stage);
	}
	__syncthreads();
	add_groups(reinterpret_cast<float *>(memory), sums);
	if (part.has_work)
		store_sums(job, tile, part, sums, partial);
}

/* ---- queue ---- */

static uint32_t
parts_of(uint32_t count, uint32_t size)
{
	return (count + size - 1) / size;
}

static dim3
tiles_of(const Convolution &shape)
{
	return dim3(parts_of(shape.in_c, ROWS) * parts_of(shape.kernel_h * shape.kernel_w, TAPS), parts_of(shape.out_c, COLUMNS));
}

static PatchWeightJob
job_of(const Convolution &shape, uint32_t pixels, uint32_t slices)
{
	const uint32_t picture = shape.in_h * shape.in_w, slice = parts_of(parts_of(pixels, slices), STEP) * STEP;
	const uint32_t patch = STEP + (shape.kernel_h - 1) * shape.in_w + shape.kernel_w - 1;

	return PatchWeightJob{ shape,
			       divisor_of(shape.in_w),
			       divisor_of(shape.kernel_w),
			       divisor_of(picture),
			       divisor_of(parts_of(shape.in_c, ROWS)),
			       pixels,
			       slice,
			       shape.kernel_h * shape.kernel_w,
			       patch,
			       shape.pad_top * shape.in_w + shape.pad_left,
			       STEP % picture,
			       PIECE_BYTES + parts_of(picture * 2, PIECE_BYTES) * PIECE_BYTES,
			       patch * X_ROW + STEP * DY_ROW };
}

/* Bytes of shared memory: the stages, later the sums that are given. */
static uint64_t
memory_of(const Convolution &shape)
{
	const uint64_t patch = STEP + static_cast<uint64_t>(shape.kernel_h) * shape.in_w + shape.kernel_w;
	const uint64_t stages = static_cast<uint64_t>(shape.in_h) * shape.in_w * 2 + 2 * PIECE_BYTES + STAGES * (patch * X_ROW + STEP * DY_ROW);
	const uint64_t given = sizeof(float) * TAPS * (PARTS - KEPT) * 4 * THREADS;

	return stages > given ? stages : given;
}

/* A quarter of the tiles at least is to be filled, and half of the taps: else tensor.cu's are better filled. */
static bool
has_patch_weight(const Convolution &shape)
{
	const dim3 tiles = tiles_of(shape);
	const uint64_t size = static_cast<uint64_t>(shape.kernel_h) * shape.kernel_w * shape.in_c * shape.out_c;

	return shape.stride == 1 && shape.in_h == shape.out_h && shape.in_w == shape.out_w && shape.in_c % DEPTH == 0 &&
	       shape.out_c % PIECE_CELLS == 0 && shape.kernel_h * shape.kernel_w * 2 > TAPS &&
	       4 * size >= static_cast<uint64_t>(tiles.x) * tiles.y * TAPS * ROWS * COLUMNS && memory_of(shape) <= SHARED_MOST;
}

uint32_t
patch_weight_slices(const Convolution &shape, uint32_t n)
{
	const dim3 tiles = tiles_of(shape);
	const uint32_t most = parts_of(n * shape.out_h * shape.out_w, SLICE_LEAST);
	const uint32_t wanted = tiles.x * tiles.y < BLOCKS_WANTED ? BLOCKS_WANTED / (tiles.x * tiles.y) : 1;

	return !has_patch_weight(shape) ? 0 : wanted < most ? wanted : most;
}

template <typename Cell>
uint32_t
patch_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial)
{
	const uint32_t most = patch_weight_slices(shape, n);

	if (!most || !is_on_16_bytes(x) || !is_on_16_bytes(dy))
		return 0;
	const PatchWeightJob job = job_of(shape, n * shape.out_h * shape.out_w, most);
	const dim3 tiles = tiles_of(shape);
	const uint32_t slices = parts_of(job.pixels, job.slice);
	const Grid grid = { dim3(tiles.x, tiles.y, slices), dim3(THREADS), memory_of(shape), work.stream };

	work_note(work, cudaFuncSetAttribute(patch_weight_kernel<Cell>, cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_MOST));
	QUEUE(work, grid, patch_weight_kernel<Cell>, job, x, dy, partial);
	return slices;
}

#define MAKE(Cell)                                                                                                     \
	template uint32_t patch_weight<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, float *);
MAKE(Half)
MAKE(Brain)

template <>
uint32_t
patch_weight<float>(Work &, const Convolution &, uint32_t, const float *, const float *, float *)
{
	return 0;
}
