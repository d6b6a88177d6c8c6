/* finish_vector_sums.cu: the way back's first pass by bunches, of stages without a pool or of its winners. */
#include "finish_vector.h"

#include "finish_bunch.h"

/* Bunches that a thread has under way, of each y, dz and what is added; groups of channels that a block has at most. */
enum { RUN = 2, GROUPS_MOST = 32 };

/* Threads (group of channels, row) go through a tile's rows. */
struct SumsJob {
	uint32_t rows, tile_rows, groups; /* groups: of channels */
	MapVectors map;
	const float *mean, *inverse;
};

/* Of each channel of a bunch: dh, and dh (y - mean). */
template <typename Cell>
struct BunchSums {
	static constexpr uint32_t COUNT = 2 * Bunch<Cell>::CELLS;
	float of[COUNT];
};

/* The block's, sum after sum; groups apart from the next one's place, so that a warp's reads fall into different banks. */
struct BlockSums {
	float of[BunchSums<Half>::COUNT * (BUNCH_THREADS + GROUPS_MOST)];

	__device__ float &at(uint32_t sum, uint32_t row) { return of[sum * (BUNCH_THREADS + blockDim.x) + row * blockDim.x + threadIdx.x]; }
};

template <typename Cell, bool HAS_ADD>
__device__ static void
add_run(const Map &map, const Four &mean, uint32_t part, const Bunch<Cell> &y, const Bunch<Cell> &dz,
	const Bunch<Cell> &add, BunchSums<Cell> &sums)
{
	const Four value = bunch_get(y, part), dh = bunch_get(dz, part), more = bunch_get(add, part);

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		const float open = map.is_shut(value.of[i], i, HAS_ADD ? more.of[i] : 0) ? 0 : dh.of[i];

		sums.of[8 * part + 2 * i] += open;
		sums.of[8 * part + 2 * i + 1] += open * (value.of[i] - mean.of[i]);
	}
}

/* A thread's rows of the tile: every blockDim.y-th. */
template <typename Cell, bool HAS_ADD>
__device__ static BunchSums<Cell>
tile_sums(const SumsJob &job, uint32_t group, const Cell *y, const Cell *dz, const Cell *add)
{
	const uint32_t first = blockIdx.x * job.tile_rows, channel = group * Bunch<Cell>::CELLS;
	const uint32_t end = job.rows - first < job.tile_rows ? job.rows : first + job.tile_rows;
	BunchSums<Cell> sums = {};

	for (uint32_t row = first + threadIdx.y; row < end; row += RUN * blockDim.y) {
		Bunch<Cell> values[RUN] = {}, derivatives[RUN] = {}, adds[RUN] = {};

#pragma unroll
		for (uint32_t i = 0; i < RUN; i++) {
			const uint32_t its = row + i * blockDim.y;

			if (its >= end)
				continue; /* a derivative of 0 adds nothing */
			const uint32_t at = (its * job.groups + group) * Bunch<Cell>::CELLS;
			values[i] = bunch_load(y + at);
			derivatives[i] = bunch_load(dz + at);
			if (HAS_ADD)
				adds[i] = bunch_load(add + at);
		}
#pragma unroll
		for (uint32_t part = 0; part < Bunch<Cell>::PARTS; part++) {
			const Map map(job.map, channel + 4 * part);
			const Four mean = four_of(job.mean, channel + 4 * part, 0);

#pragma unroll
			for (uint32_t i = 0; i < RUN; i++)
				add_run<Cell, HAS_ADD>(map, mean, part, values[i], derivatives[i], adds[i], sums);
		}
	}
	return sums;
}

/* What rows first, first + by … have of a sum. */
__device__ static float
add_rows(BlockSums &block, uint32_t sum, uint32_t first, uint32_t by, uint32_t end)
{
	float total = 0;

	for (uint32_t row = first; row < end; row += by)
		total += block.at(sum, row);
	return total;
}

/*
 * The block's rows together, into row 0: a thread one sum over every parts-th of them, then one sum over the parts; or, where
 * there are fewer rows than sums, some sums over all rows.
 */
template <typename Cell>
__device__ static void
add_block(BlockSums &block)
{
	const uint32_t count = BunchSums<Cell>::COUNT, rows = blockDim.y, parts = rows < count ? 1 : rows / count;
	const uint32_t part = threadIdx.y / count;

	__syncthreads();
	if (parts > 1) {
		const uint32_t sum = threadIdx.y % count;

		if (part < parts) /* into its own first row, which no other part reads */
			block.at(sum, part) = add_rows(block, sum, part, parts, rows);
		__syncthreads();
	}
	const uint32_t end = parts > 1 ? parts : rows;
	for (uint32_t sum = threadIdx.y; sum < count; sum += rows)
		block.at(sum, 0) = add_rows(block, sum, 0, 1, end);
}

template <typename Cell, bool HAS_ADD>
__global__ static void
__launch_bounds__(BUNCH_THREADS, HAS_ADD ? 3 : 4)
cells_sums_kernel(SumsJob job, const Cell *y, const Cell *dz, const Cell *add, float2 *partial)
{
	if (!has_arithmetic<Cell>())
		return;
	SHARED(BlockSums, block);
	const uint32_t group = blockIdx.y * blockDim.x + threadIdx.x, count = BunchSums<Cell>::COUNT;
	const bool is_inside = group < job.groups;
	BunchSums<Cell> sums = {};

	if (is_inside)
		sums = tile_sums<Cell, HAS_ADD>(job, group, y, dz, add);
#pragma unroll
	for (uint32_t i = 0; i < count; i++)
		block.at(i, threadIdx.y) = sums.of[i];
	add_block<Cell>(block);
	/* each thread what it has added up itself */
	float *to = reinterpret_cast<float *>(partial) + (blockIdx.x * job.groups + group) * count;
	for (uint32_t sum = threadIdx.y; is_inside && sum < count; sum += blockDim.y) {
		const float inverse = job.inverse ? job.inverse[group * Bunch<Cell>::CELLS + sum / 2] : 0;

		to[sum] = block.at(sum, 0) * (sum % 2 ? inverse : 1);
	}
}

template <typename Cell>
bool
finish_vector_sums(Work &work, const Finish &finish, const Cell *y, const Cell *dz, const float *mean, const float *inverse,
		   float2 *partial)
{
	const uint32_t groups = finish.c.value / Bunch<Cell>::CELLS, rows = finish_rows(finish);
	const uint32_t columns = (groups + GROUPS_MOST - 1) / GROUPS_MOST, tile_rows = finish_sum_rows(rows);
	const Cell *add = static_cast<const Cell *>(finish.add);

	if (way_of(finish, y, dz, nullptr) != WAY_CELLS || !is_on_16_bytes(mean))
		return false;
	const uint32_t across = (groups + columns - 1) / columns, down = std::min<uint32_t>(BUNCH_THREADS / across, tile_rows);
	const Grid grid = { dim3(finish_tiles(rows), columns), dim3(across, down), 0, work.stream };
	const SumsJob job = { rows, tile_rows, groups, { finish.has_relu, finish.scale, finish.shift }, mean, inverse };
	if (add)
		QUEUE(work, grid, (cells_sums_kernel<Cell, true>), job, y, dz, add, partial);
	else
		QUEUE(work, grid, (cells_sums_kernel<Cell, false>), job, y, dz, add, partial);
	return true;
}

#define MAKE(Cell)                                                                                                     \
	template bool finish_vector_sums<Cell>(Work &, const Finish &, const Cell *, const Cell *, const float *,      \
					       const float *, float2 *);
FOR_CELLS(MAKE)
