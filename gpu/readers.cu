/* readers.cu: at every residual, so by 16 bytes a thread. */
#include "readers.h"

#include "bunch.h"

template <typename Cell>
__device__ static void
pass_one(const Cell *from, bool is_added, Cell *to)
{
	*to = is_added ? narrow<Cell>(widen(*to) + widen(*from)) : *from;
}

template <typename Cell>
__device__ static void
pass_bunch(const Cell *from, bool is_added, Cell *to)
{
	/* not by __ldg: it is about to change */
	const uint4 words = is_added ? *reinterpret_cast<const uint4 *>(to) : make_uint4(0, 0, 0, 0);
	const Bunch<Cell> old = { { words.x, words.y, words.z, words.w } };
	Bunch<Cell> bunch = bunch_load(from);

#pragma unroll
	for (uint32_t part = 0; is_added && part < Bunch<Cell>::PARTS; part++) {
		const Four before = bunch_get(old, part);
		Four four = bunch_get(bunch, part);

#pragma unroll
		for (int i = 0; i < 4; i++)
			four.of[i] += before.of[i];
		bunch_put(bunch, part, four);
	}
	bunch_store(to, bunch);
}

/* A thread a bunch; behind these one a cell, for what is left, or for all where that isn't aligned. */
template <typename Cell>
__global__ static void
pass_kernel(uint32_t count, uint32_t bunches, const Cell *from, bool is_added, Cell *to)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x, single = bunches * (Bunch<Cell>::CELLS - 1) + at;

	if (at < bunches)
		pass_bunch(from + at * Bunch<Cell>::CELLS, is_added, to + at * Bunch<Cell>::CELLS);
	else if (single < count)
		pass_one(from + single, is_added, to + single);
}

template <typename Cell>
void
readers_pass(Work &work, uint32_t count, const Cell *from, bool is_added, Cell *to)
{
	const uint32_t bunches = is_on_16_bytes(from) && is_on_16_bytes(to) ? count / Bunch<Cell>::CELLS : 0;
	const uint32_t threads = count - bunches * (Bunch<Cell>::CELLS - 1);

	QUEUE(work, grid_for(work, threads), pass_kernel<Cell>, count, bunches, from, is_added, to);
}

#define MAKE(Cell) template void readers_pass<Cell>(Work &, uint32_t, const Cell *, bool, Cell *);
FOR_CELLS(MAKE)
