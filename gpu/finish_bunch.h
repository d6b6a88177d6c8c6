/* finish_bunch.h: what the kernels of finish_vector.cu, finish_vector_sums.cu and finish_vector_back.cu share: for which finishes they are, what a thread
 * works on, and a stage's arithmetic for four channels.
 *
 * Bound by bytes: whatever is read is asked for before anything is used, and a thread's bunches are of the same channels, so
 * that it reads vectors of channels once. These come in parts of four channels, to save registers. */
#ifndef FM_GPU_FINISH_BUNCH_H
#define FM_GPU_FINISH_BUNCH_H

#include "bunch.h"
#include "finish.h"

#include <algorithm>

/* blocks that keep a card busy; only what has more of them gives its threads more than one bunch */
#ifndef FM_BLOCKS_ENOUGH
#define FM_BLOCKS_ENOUGH 1024
#endif

enum { BUNCH_THREADS = 256 };

/* What Map is made from. */
struct MapVectors {
	bool has_relu;
	const float *scale, *shift; /* see Finish */
};

struct BunchJob {
	Divisor groups;	      /* bunches of a pixel of z */
	Divisor out_w;
	uint32_t count, step; /* bunches of z; from one to the next of a thread, whole pixels */
	MapVectors map;
};

/* ---- which kernel a finish is for ---- */

enum Way { WAY_GENERAL, WAY_CELLS, WAY_WINDOWS };

template <typename Cell>
inline Way
way_of(const Finish &finish, const Cell *y, const Cell *z, const void *argmax)
{
	const uint32_t c = finish.c.value;

	if (c % Bunch<Cell>::CELLS || c > BUNCH_THREADS * Bunch<Cell>::CELLS || finish.drop.is_on || !is_on_16_bytes(y) ||
	    !is_on_16_bytes(z) || !is_on_16_bytes(finish.scale) || !is_on_16_bytes(finish.shift))
		return WAY_GENERAL;
	if (finish.pool == POOL_NONE)
		return !finish.add || (finish.add_kind == add_kind_of<Cell>() && is_on_16_bytes(finish.add)) ? WAY_CELLS : WAY_GENERAL;
	if (finish.pool != POOL_MAX || finish.add || finish.kernel_h != 2 || finish.kernel_w != 2 || finish.stride != 2)
		return WAY_GENERAL;
	return finish.in_h == 2 * finish.out_h.value && finish.in_w == 2 * finish.out_w.value && is_on_16_bytes(argmax)
		       ? WAY_WINDOWS
		       : WAY_GENERAL;
}

/* run: bunches of z that a thread may take */
template <typename Cell>
inline BunchJob
job_of(const Work &work, const Finish &finish, uint32_t run, Grid *grid)
{
	const uint32_t groups = finish.c.value / Bunch<Cell>::CELLS, threads = BUNCH_THREADS / groups * groups;
	const uint32_t count = finish.n * finish.out_h.value * finish.out_w.value * groups;
	const uint32_t most = (count + threads - 1) / threads, least = (most + run - 1) / run;
	const uint32_t blocks = std::max(least, std::min<uint32_t>(most, FM_BLOCKS_ENOUGH));

	*grid = Grid{ dim3(blocks), dim3(threads), 0, work.stream };
	return BunchJob{ divisor_of(groups), finish.out_w, count, blocks * threads,
			 { finish.has_relu, finish.scale, finish.shift } };
}

/* ---- what a thread works on ---- */

__device__ inline uint32_t
my_first(void)
{
	return blockIdx.x * blockDim.x + threadIdx.x;
}

/* The first channel of bunch `at`, and its pixel. */
template <typename Cell>
__device__ inline uint32_t
channel_of(const BunchJob &job, uint32_t at, uint32_t *pixel)
{
	uint32_t group;

	*pixel = divide(at, job.groups, &group);
	return group * Bunch<Cell>::CELLS;
}

/* Index of bunch `number` of a thread's; past the end the last one, so that loads need no branch. */
template <typename Cell>
__device__ inline uint32_t
cells_at(const BunchJob &job, uint32_t first, uint32_t number)
{
	const uint32_t at = first + number * job.step;

	return (at < job.count ? at : job.count - 1) * Bunch<Cell>::CELLS;
}

template <typename Cell, int RUN>
__device__ inline void
load_run(const BunchJob &job, uint32_t first, const Cell *from, Bunch<Cell> *to)
{
#pragma unroll
	for (int i = 0; i < RUN; i++)
		to[i] = bunch_load(from + cells_at<Cell>(job, first, i));
}

template <typename Cell, int RUN>
__device__ inline void
store_run(const BunchJob &job, uint32_t first, const Bunch<Cell> *from, Cell *to)
{
#pragma unroll
	for (int i = 0; i < RUN; i++)
		if (first + i * job.step < job.count)
			bunch_store(to + cells_at<Cell>(job, first, i), from[i]);
}

/* The first of the four pixels of a window: index in y. */
template <typename Cell>
__device__ inline uint32_t
corner_of(const BunchJob &job, uint32_t pixel, uint32_t channel)
{
	uint32_t column;
	const uint32_t row = divide(pixel, job.out_w, &column);

	return 2 * (2 * row * job.out_w.value + column) * job.groups.value * Bunch<Cell>::CELLS + channel;
}

/* From there to its element, row by row. */
template <typename Cell>
__device__ inline uint32_t
from_corner(const BunchJob &job, uint32_t element)
{
	return (element / 2 * 2 * job.out_w.value + element % 2) * job.groups.value * Bunch<Cell>::CELLS;
}

/* A winner is a byte. */
template <typename Cell>
struct Winning {
	unsigned fours[2];

	__device__ void load(const uint8_t *from)
	{
		if (Bunch<Cell>::PARTS == 1) {
			fours[0] = *reinterpret_cast<const unsigned *>(from);
			return;
		}
		const uint2 both = __ldg(reinterpret_cast<const uint2 *>(from));
		fours[0] = both.x;
		fours[1] = both.y;
	}
	__device__ void store(uint8_t *to) const
	{
		if (Bunch<Cell>::PARTS == 1)
			*reinterpret_cast<unsigned *>(to) = fours[0];
		else
			*reinterpret_cast<uint2 *>(to) = make_uint2(fours[0], fours[1]);
	}
};

/* See window.h's affine and rectified. */
struct Map {
	bool has_relu;
	Four scale, shift;

	__device__ Map(const MapVectors &map, uint32_t channel)
		: has_relu(map.has_relu), scale(four_of(map.scale, channel, 1)), shift(four_of(map.shift, channel, 0))
	{
	}
	__device__ float affine(float y, int i, float add) const { return fmaf(y, scale.of[i], shift.of[i]) + add; }
	__device__ float rectified(float y, int i, float add) const
	{
		const float x = affine(y, i, add);

		return has_relu && x <= 0 ? 0 : x;
	}
	__device__ bool is_shut(float y, int i, float add) const { return has_relu && affine(y, i, add) <= 0; }
};

#endif
