/* tensor_patch.cu: see tensor_patch.h. */
#include "tensor_patch.h"

#include "async.h"
#include "patch.h"
#include "tensor_store.h"

enum {
	STAGES = 3,		/* of weights in shared memory: two on their way while one is multiplied */
	PATCH_BLOCKS = 4,	/* the least that a multiprocessor must hold, which is 128 registers a thread */
};

struct PatchJob {
	DirectJob direct;
	Patch patch;
	uint32_t taps, chunks; /* chunks of the input's channels */
	uint32_t buffers;      /* for patches */
};

/* Shared memory, in bytes: a row of zeros, the stages of weights, the patches. Rows are an odd number of pieces, see async.h. */
template <int COLUMNS, int CHUNK>
struct Layout {
	static constexpr uint32_t row = (CHUNK / PIECE_CELLS + 1) * PIECE_BYTES;
	static constexpr uint32_t weight_row = (COLUMNS / PIECE_CELLS + 1) * PIECE_BYTES;
	static constexpr uint32_t stage = CHUNK * weight_row, weights = row, patches = weights + STAGES * stage;
};

/* What a block computes. */
struct PatchTile {
	uint32_t first_row, first_column;
	uint32_t first_pixel; /* of its rows, the least */
	SharedPlace memory;
};

__device__ static PatchTile
tile_of(const PatchJob &job, uint32_t columns, const void *memory)
{
	const uint32_t first_row = blockIdx.x * TENSOR_ROWS;

	return PatchTile{ first_row, blockIdx.y * columns, first_pixel_of(job.direct, first_row), shared_place(memory) };
}

/* Where a patch has its pixel `at`. Rows of windows are two pixels apart: even ones together, lest they share banks. */
__device__ static uint32_t
patch_place(const PatchJob &job, uint32_t at)
{
	return job.direct.is_windowed ? at / 2 + at % 2 * ((job.patch.pixels + 1) / 2) : at;
}

/* ---- what is copied ahead ---- */

struct Supply {
	uint32_t tap, chunk;
	uint32_t weight;       /* index of this thread's first piece of the next tap's weights */
	uint32_t weight_place; /* of that piece in a stage, in bytes */
	uint32_t weight_bytes; /* of a piece: none beyond the columns */
	bool has_weights;      /* is among the threads that copy them */
	uint32_t stage, patch; /* the next, in bytes from the first of them */
};

/* A pass of the block over the weights takes so many rows. */
template <int COLUMNS> constexpr int pass_rows = COLUMNS == 32 ? 32 : 16;

template <int COLUMNS, int CHUNK>
__device__ static Supply
supply_of(const PatchJob &job, const PatchTile &tile)
{
	constexpr uint32_t pieces = COLUMNS / PIECE_CELLS;
	const uint32_t row = threadIdx.x / pieces, piece = threadIdx.x % pieces, column = tile.first_column + piece * PIECE_CELLS;
	Supply supply = {};

	supply.weight = row * job.direct.shape.out_c + column;
	supply.weight_place = row * Layout<COLUMNS, CHUNK>::weight_row + piece * PIECE_BYTES;
	supply.weight_bytes = column < job.direct.shape.out_c ? PIECE_BYTES : 0;
	supply.has_weights = row < pass_rows<COLUMNS> && row < CHUNK;
	return supply;
}

/* CHUNK rows of the weights, COLUMNS of them; zeros once there are no more chunks. */
template <int COLUMNS, int CHUNK, typename Cell>
__device__ static void
copy_weights(const PatchJob &job, const PatchTile &tile, const Supply &supply, const Cell *weight)
{
	using Place = Layout<COLUMNS, CHUNK>;
	constexpr bool have_all = pass_rows<COLUMNS> * COLUMNS / PIECE_CELLS == TENSOR_THREADS && CHUNK >= pass_rows<COLUMNS>;
	const SharedPlace to = tile.memory + Place::weights + supply.stage + supply.weight_place;
	const uint32_t bytes = supply.chunk < job.chunks ? supply.weight_bytes : 0;

#pragma unroll
	for (uint32_t row = 0; row < CHUNK; row += pass_rows<COLUMNS>)
		if (have_all || supply.has_weights)
			copy_piece(to + row * Place::weight_row, weight + (supply.weight + row * job.direct.shape.out_c), bytes);
}

/* A chunk of the channels of every pixel; before the first picture and after the last there are zeros. */
template <int CHUNK, typename Cell>
__device__ static void
copy_patch(const PatchJob &job, const PatchTile &tile, uint32_t chunk, const Cell *x, SharedPlace to)
{
	constexpr uint32_t pieces = CHUNK / PIECE_CELLS, row = (pieces + 1) * PIECE_BYTES;
	const uint32_t piece = threadIdx.x % pieces, channel = chunk * CHUNK + piece * PIECE_CELLS;

	for (uint32_t i = threadIdx.x / pieces; i < job.patch.pixels; i += TENSOR_THREADS / pieces) {
		const uint32_t pixel = tile.first_pixel - job.patch.halo + i; /* before the first they wrap */

		copy_piece(to + patch_place(job, i) * row + piece * PIECE_BYTES, x + (pixel * job.direct.shape.in_c + channel),
			   pixel < job.direct.pixels ? PIECE_BYTES : 0);
	}
}

/* From stage to stage, and from patch to patch. */
__device__ static uint32_t
round_on(uint32_t at, uint32_t size, uint32_t count)
{
	return at + size == size * count ? 0 : at + size;
}

/* With a chunk's first tap comes its patch. */
template <int COLUMNS, int CHUNK, typename Cell>
__device__ static void
supply_patch(const PatchJob &job, const PatchTile &tile, const Cell *x, const Supply &supply)
{
	if (!supply.tap && supply.chunk < job.chunks)
		copy_patch<CHUNK>(job, tile, supply.chunk, x, tile.memory + Layout<COLUMNS, CHUNK>::patches + supply.patch);
}

/* The next tap's weights, which end its group. Without a branch, so that it stands among products. */
template <int COLUMNS, int CHUNK, typename Cell>
__device__ static void
supply_weights(const PatchJob &job, const PatchTile &tile, const Cell *weight, Supply *supply)
{
	using Place = Layout<COLUMNS, CHUNK>;
	const uint32_t tap_size = job.direct.shape.in_c * job.direct.shape.out_c;
	const bool is_last = supply->tap + 1 == job.taps;

	copy_weights<COLUMNS, CHUNK>(job, tile, *supply, weight);
	copy_commit();
	supply->stage = round_on(supply->stage, Place::stage, STAGES);
	supply->weight += tap_size + (is_last ? CHUNK * job.direct.shape.out_c - job.taps * tap_size : 0);
	supply->tap = is_last ? 0 : supply->tap + 1;
	supply->chunk += is_last;
	supply->patch = is_last ? round_on(supply->patch, job.patch.pixels * Place::row, job.buffers) : supply->patch;
}

/* ---- what is multiplied ---- */

/* The row of the tile whose address a lane brings. */
struct PatchRow {
	uint32_t origin[2]; /* in a patch, in bytes: the row under tap 0, and the one after it */
	uint32_t inside;    /* bit t: tap t is inside of the picture */
};

template <int CHUNK>
__device__ static PatchRow
patch_row(const PatchJob &job, const PatchTile &tile, int m)
{
	constexpr uint32_t size = Layout<32, CHUNK>::row;
	const uint32_t at = threadIdx.x / 32 * 32 + static_cast<uint32_t>(m) * 16 + threadIdx.x % 16;
	const uint32_t pixel = pixel_at<WINDOW_STEP>(job.direct, tile.first_row + at), in_patch = pixel - tile.first_pixel;
	const uint32_t half = threadIdx.x % 32 / 16 * PIECE_BYTES;
	PatchRow row = {};

	row.inside = taps_inside(job.direct, job.patch, pixel);
	row.origin[0] = patch_place(job, in_patch) * size + half;
	row.origin[1] = patch_place(job, in_patch + 1) * size + half;
	return row;
}

/* The tap that is multiplied: the same for all threads. */
struct Tap {
	uint32_t at, column;
	uint32_t shift;	       /* pixels from tap 0 */
	uint32_t stage, patch; /* in bytes from the first */
};

template <int COLUMNS, int CHUNK>
__device__ static void
tap_next(const PatchJob &job, Tap *tap)
{
	using Place = Layout<COLUMNS, CHUNK>;
	const bool ends_row = tap->column + 1 == job.direct.shape.kernel_w, is_last = tap->at + 1 == job.taps;

	tap->stage = round_on(tap->stage, Place::stage, STAGES);
	tap->shift = is_last ? 0 : tap->shift + 1 + (ends_row ? job.direct.shape.in_w - job.direct.shape.kernel_w : 0);
	tap->column = ends_row ? 0 : tap->column + 1;
	tap->at = is_last ? 0 : tap->at + 1;
	tap->patch = is_last ? round_on(tap->patch, job.patch.pixels * Place::row, job.buffers) : tap->patch;
}

/* A lane's row of a patch under a tap. Even shifts go by pairs of pixels from one origin, odd ones from the other. */
template <int COLUMNS, int CHUNK>
__device__ static SharedPlace
row_under(const PatchJob &job, const PatchTile &tile, const PatchRow &row, const Tap &tap)
{
	using Place = Layout<COLUMNS, CHUNK>;
	const uint32_t pairs = tap.shift / 2, rows = job.direct.is_windowed ? pairs : 2 * pairs;
	const uint32_t there = Place::patches + tap.patch + rows * Place::row + (tap.shift % 2 ? row.origin[1] : row.origin[0]);

	return tile.memory + (row.inside >> tap.at & 1 ? there : threadIdx.x % 32 / 16 * PIECE_BYTES);
}

/* What a lane's addresses for a tap are: known a tap before, so that products need not wait for them. */
struct TapPlaces {
	SharedPlace rows[2], columns;
};

template <int COLUMNS, int CHUNK>
__device__ static TapPlaces
places_of(const PatchJob &job, const PatchTile &tile, const PatchRow *rows, const Tap &tap)
{
	using Place = Layout<COLUMNS, CHUNK>;

	return TapPlaces{ { row_under<COLUMNS, CHUNK>(job, tile, rows[0], tap), row_under<COLUMNS, CHUNK>(job, tile, rows[1], tap) },
			  tile.memory + Place::weights + tap.stage + threadIdx.x % 16 * Place::weight_row +
				  threadIdx.x % 32 / 16 * PIECE_BYTES };
}

template <int COLUMNS, int CHUNK, typename Cell>
__device__ static void
multiply_tap(const TapPlaces &places, TensorSums<COLUMNS> &sums)
{
	using Place = Layout<COLUMNS, CHUNK>;

#pragma unroll
	for (uint32_t k = 0; k < CHUNK / 16; k++) {
		uint32_t a[2][4], b[4];

#pragma unroll
		for (int m = 0; m < 2; m++)
			load_fragments(places.rows[m] + 2 * k * PIECE_BYTES, a[m]);
#pragma unroll
		for (uint32_t pair = 0; pair < COLUMNS / 16; pair++) {
			load_turned_fragments(places.columns + 16 * k * Place::weight_row + 2 * pair * PIECE_BYTES, b);
#pragma unroll
			for (int m = 0; m < 2; m++) {
				multiply_fragments<Cell>(sums.at[m][2 * pair], a[m], b);
				multiply_fragments<Cell>(sums.at[m][2 * pair + 1], a[m], b + 2);
			}
		}
	}
}

/* Blocks: tiles of pixels by tiles of channels. */
template <int COLUMNS, int CHUNK, typename Cell>
__global__ static void __launch_bounds__(TENSOR_THREADS, PATCH_BLOCKS)
patch_forward_kernel(PatchJob job, const Cell *x, const Cell *weight, Cell *y, float2 *moments, Winners<Cell> winners)
{
	if (!has_tensor_cores())
		return;
	SHARED_DYNAMIC(unsigned char, memory);
	const PatchTile tile = tile_of(job, COLUMNS, memory);
	const PatchRow rows[2] = { patch_row<CHUNK>(job, tile, 0), patch_row<CHUNK>(job, tile, 1) };
	Supply supply = supply_of<COLUMNS, CHUNK>(job, tile);
	TensorSums<COLUMNS> sums;
	Tap tap = {};

	tensor_clear(sums);
	if (threadIdx.x < Layout<COLUMNS, CHUNK>::row)
		memory[threadIdx.x] = 0;
	for (int i = 0; i < STAGES - 1; i++) {
		supply_patch<COLUMNS, CHUNK>(job, tile, x, supply);
		supply_weights<COLUMNS, CHUNK>(job, tile, weight, &supply);
	}
	TapPlaces places = places_of<COLUMNS, CHUNK>(job, tile, rows, tap);
	for (uint32_t step = 0; step < job.taps * job.chunks; step++) {
		copy_wait<STAGES - 2>();
		__syncthreads();
		supply_patch<COLUMNS, CHUNK>(job, tile, x, supply);
		multiply_tap<COLUMNS, CHUNK, Cell>(places, sums);
		supply_weights<COLUMNS, CHUNK>(job, tile, weight, &supply);
		tap_next<COLUMNS, CHUNK>(job, &tap);
		places = places_of<COLUMNS, CHUNK>(job, tile, rows, tap);
	}
	store_all(job.direct, tile.first_row, tile.first_column, sums, y, moments, winners);
}

/* ---- queue ---- */

/* A patch is copied two taps before its first, where others may still be read. */
static PatchJob
patch_job(const DirectJob &direct, uint32_t chunk)
{
	const uint32_t taps = direct.shape.kernel_h * direct.shape.kernel_w, chunks = direct.shape.in_c / chunk;

	return PatchJob{ direct, patch_of(direct), taps, chunks, chunks == 1 ? 1u : taps > 1 ? 2u : 3u };
}

template <int COLUMNS, int CHUNK, typename Cell>
static bool
queue_patch(Work &work, const DirectJob &direct, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	    const Winners<Cell> &winners)
{
	using Place = Layout<COLUMNS, CHUNK>;
	const PatchJob job = patch_job(direct, CHUNK);
	const uint64_t bytes = Place::patches + static_cast<uint64_t>(job.buffers) * job.patch.pixels * Place::row;

	if (bytes > SHARED_MOST)
		return false;
	work_note(work, cudaFuncSetAttribute(patch_forward_kernel<COLUMNS, CHUNK, Cell>,
					     cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_MOST));
	QUEUE(work, tensor_grid<COLUMNS>(work, direct, bytes), (patch_forward_kernel<COLUMNS, CHUNK, Cell>), job, x, weight, y, moments, winners);
	return true;
}

static bool
has_pieces(const Convolution &shape, const void *x, const void *weight)
{
	return shape.in_c % 16 == 0 && shape.out_c % PIECE_CELLS == 0 && is_on_16_bytes(x) && is_on_16_bytes(weight);
}

/* Chunks of 32 channels where they fit, else of 16. */
template <int COLUMNS, typename Cell>
static bool
queue_columns(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	      const Winners<Cell> &winners)
{
	return (job.shape.in_c % 32 == 0 && queue_patch<COLUMNS, 32>(work, job, x, weight, y, moments, winners)) ||
	       queue_patch<COLUMNS, 16>(work, job, x, weight, y, moments, winners);
}

/* Tiles as wide as wastes least. */
template <typename Cell>
bool
patch_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	      const Winners<Cell> &winners)
{
	const uint32_t out_c = job.shape.out_c;

	if (!has_patch(job.shape) || !has_pieces(job.shape, x, weight))
		return false;
	if (out_c <= 32)
		return queue_columns<32>(work, job, x, weight, y, moments, winners);
	if (out_c % 48 == 0 && out_c % 64)
		return queue_columns<48>(work, job, x, weight, y, moments, winners);
	return queue_columns<64>(work, job, x, weight, y, moments, winners);
}

#define MAKE(Cell)                                                                                                     \
	template bool patch_forward<Cell>(Work &, const DirectJob &, const Cell *, const Cell *, Cell *, float2 *,     \
					  const Winners<Cell> &);
MAKE(Half)
MAKE(Brain)

template <>
bool
patch_forward<float>(Work &, const DirectJob &, const float *, const float *, float *, float2 *, const Winners<float> &)
{
	return false;
}
