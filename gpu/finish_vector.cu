/* finish_vector.cu: forward by bunches; the way back is finish_vector_back.cu. */
#include "finish_vector.h"

#include "finish_bunch.h"

/* Bunches of a thread: with what is added, 8 loads on their way. */
enum { RUN = 4 };

template <typename Cell, bool HAS_ADD>
__global__ static void
__launch_bounds__(BUNCH_THREADS, 4)
cells_forward_kernel(BunchJob job, const Cell *y, const Cell *add, Cell *z)
{
	if (!has_arithmetic<Cell>())
		return;
	const uint32_t first = my_first();
	uint32_t pixel;
	const uint32_t channel = channel_of<Cell>(job, first, &pixel);
	Bunch<Cell> values[RUN], adds[RUN] = {};

	load_run<Cell, RUN>(job, first, y, values);
	if (HAS_ADD)
		load_run<Cell, RUN>(job, first, add, adds);
#pragma unroll
	for (uint32_t part = 0; part < Bunch<Cell>::PARTS; part++) {
		const Map map(job.map, channel + 4 * part);

#pragma unroll
		for (int i = 0; i < RUN; i++) {
			Four four = bunch_get(values[i], part);
			const Four more = bunch_get(adds[i], part);

#pragma unroll
			for (int j = 0; j < 4; j++)
				four.of[j] = map.rectified(four.of[j], j, more.of[j]);
			bunch_put(values[i], part, four);
		}
	}
	store_run<Cell, RUN>(job, first, values, z);
}

/* The largest of each of four channels' windows and which, as finish.cu's window_max has them. */
template <typename Cell>
__device__ static Four
largest(const Bunch<Cell> *values, uint32_t part, const Map &map, unsigned *winners)
{
	Four best = {};

	*winners = 0;
#pragma unroll
	for (unsigned element = 0; element < 4; element++) {
		const Four four = bunch_get(values[element], part);

#pragma unroll
		for (int i = 0; i < 4; i++) {
			const float value = map.rectified(four.of[i], i, 0);

			if (!element || value > best.of[i] || isnan(value)) {
				best.of[i] = value;
				*winners = (*winners & ~(0xffu << 8 * i)) | element << 8 * i;
			}
		}
	}
	return best;
}

template <typename Cell>
__global__ static void
__launch_bounds__(BUNCH_THREADS, 4)
windows_forward_kernel(BunchJob job, const Cell *y, Cell *z, uint8_t *argmax)
{
	const uint32_t at = my_first();
	uint32_t pixel;

	if (!has_arithmetic<Cell>() || at >= job.count)
		return;
	const uint32_t channel = channel_of<Cell>(job, at, &pixel);
	const uint32_t corner = corner_of<Cell>(job, pixel, channel);
	Bunch<Cell> values[4], best;
	Winning<Cell> winning;

#pragma unroll
	for (int i = 0; i < 4; i++)
		values[i] = bunch_load(y + corner + from_corner<Cell>(job, i));
#pragma unroll
	for (uint32_t part = 0; part < Bunch<Cell>::PARTS; part++)
		bunch_put(best, part, largest(values, part, Map(job.map, channel + 4 * part), &winning.fours[part]));
	const uint32_t cells = at * Bunch<Cell>::CELLS;
	bunch_store(z + cells, best);
	if (argmax)
		winning.store(argmax + cells);
}

template <typename Cell>
bool
finish_vector_forward(Work &work, const Finish &finish, const Cell *y, Cell *z, void *argmax)
{
	const Way way = way_of(finish, y, z, argmax);
	const Cell *add = static_cast<const Cell *>(finish.add);
	Grid grid;

	if (way == WAY_GENERAL)
		return false;
	const BunchJob job = job_of<Cell>(work, finish, way == WAY_CELLS ? RUN : 1, &grid);
	if (way == WAY_WINDOWS)
		QUEUE(work, grid, windows_forward_kernel<Cell>, job, y, z, static_cast<uint8_t *>(argmax));
	else if (add)
		QUEUE(work, grid, (cells_forward_kernel<Cell, true>), job, y, add, z);
	else
		QUEUE(work, grid, (cells_forward_kernel<Cell, false>), job, y, add, z);
	return true;
}

#define MAKE(Cell) template bool finish_vector_forward<Cell>(Work &, const Finish &, const Cell *, Cell *, void *);
FOR_CELLS(MAKE)
