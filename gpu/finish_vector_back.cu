/* finish_vector_back.cu: the way back's second pass by bunches. */
#include "finish_vector.h"

#include "finish_bunch.h"

/* Bunches of a thread: of each y, dz and what is added. */
enum { RUN = 2 };

/* NormBack's of four channels; without one dy = dh, also where y is infinite. */
struct BackMap {
	bool has_norm;
	Four a, b, mean, shift;

	__device__ BackMap(const NormBack &norm, uint32_t channel)
		: has_norm(norm.a), a(four_of(norm.a, channel, 1)), b(four_of(norm.b, channel, 0)),
		  mean(four_of(norm.mean, channel, 0)), shift(four_of(norm.shift, channel, 0))
	{
	}
	__device__ float dy(float dh, float y, int i) const
	{
		return has_norm ? fmaf(a.of[i], dh, fmaf(b.of[i], y - mean.of[i], shift.of[i])) : dh;
	}
};

template <typename Cell, bool HAS_ADD>
__global__ static void
__launch_bounds__(BUNCH_THREADS, 3)
cells_back_kernel(BunchJob job, NormBack norm, const Cell *y, const Cell *dz, const Cell *add, Cell *dy, Cell *dadd)
{
	if (!has_arithmetic<Cell>())
		return;
	const uint32_t first = my_first();
	uint32_t pixel;
	const uint32_t channel = channel_of<Cell>(job, first, &pixel);
	Bunch<Cell> values[RUN], derivatives[RUN], adds[RUN] = {};

	load_run<Cell, RUN>(job, first, y, values);
	load_run<Cell, RUN>(job, first, dz, derivatives);
	if (HAS_ADD)
		load_run<Cell, RUN>(job, first, add, adds);
#pragma unroll
	for (uint32_t part = 0; part < Bunch<Cell>::PARTS; part++) {
		const Map map(job.map, channel + 4 * part);
		const BackMap back(norm, channel + 4 * part);

#pragma unroll
		for (int i = 0; i < RUN; i++) {
			const Four four = bunch_get(values[i], part), more = bunch_get(adds[i], part);
			Four dh = bunch_get(derivatives[i], part), result;

#pragma unroll
			for (int j = 0; j < 4; j++) {
				if (map.is_shut(four.of[j], j, more.of[j]))
					dh.of[j] = 0;
				result.of[j] = back.dy(dh.of[j], four.of[j], j);
			}
			bunch_put(derivatives[i], part, result);
			bunch_put(adds[i], part, dh);
		}
	}
	store_run<Cell, RUN>(job, first, derivatives, dy);
	if (HAS_ADD && dadd)
		store_run<Cell, RUN>(job, first, adds, dadd);
}

/* Of four channels: which element of the window won. */
struct Won {
	unsigned four;

	__device__ bool is(int i, unsigned element) const { return (four >> 8 * i & 0xff) == element; }
};

/* What each of four channels' windows got, where ReLU let its winner through. */
template <typename Cell>
__device__ static Four
passed(const Bunch<Cell> *values, const Won &won, const Map &map, Four dz)
{
	Four winner = bunch_get(values[0], 0);

#pragma unroll
	for (unsigned element = 1; element < 4; element++) {
		const Four four = bunch_get(values[element], 0);

#pragma unroll
		for (int i = 0; i < 4; i++)
			winner.of[i] = won.is(i, element) ? four.of[i] : winner.of[i];
	}
#pragma unroll
	for (int i = 0; i < 4; i++)
		dz.of[i] = map.is_shut(winner.of[i], i, 0) ? 0 : dz.of[i];
	return dz;
}

/* A thread a window: what it got goes to the element that won, batch norm's part to all four. */
template <typename Cell>
__global__ static void
__launch_bounds__(BUNCH_THREADS, 3)
windows_back_kernel(BunchJob job, NormBack norm, const Cell *y, const Cell *dz, const uint8_t *argmax, Cell *dy)
{
	const uint32_t at = my_first();
	uint32_t pixel;

	if (!has_arithmetic<Cell>() || at >= job.count)
		return;
	const uint32_t channel = channel_of<Cell>(job, at, &pixel);
	const uint32_t corner = corner_of<Cell>(job, pixel, channel);
	Bunch<Cell> values[4], derivative = bunch_load(dz + at * Bunch<Cell>::CELLS);
	Winning<Cell> winning;

	winning.load(argmax + at * Bunch<Cell>::CELLS);
#pragma unroll
	for (int i = 0; i < 4; i++)
		values[i] = bunch_load(y + corner + from_corner<Cell>(job, i));
#pragma unroll 1
	for (uint32_t part = 0; part < Bunch<Cell>::PARTS; part++) {
		const Won won = { part ? winning.fours[1] : winning.fours[0] };
		const Four dh = passed(values, won, Map(job.map, channel + 4 * part), bunch_get(derivative, 0));
		const BackMap back(norm, channel + 4 * part);

#pragma unroll
		for (unsigned element = 0; element < 4; element++) {
			Four four = bunch_get(values[element], 0);

#pragma unroll
			for (int i = 0; i < 4; i++)
				four.of[i] = back.dy(won.is(i, element) ? dh.of[i] : 0, four.of[i], i);
			bunch_turn(values[element], four);
		}
		bunch_turn(derivative, dh);
	}
#pragma unroll
	for (int i = 0; i < 4; i++)
		bunch_store(dy + corner + from_corner<Cell>(job, i), values[i]);
}

static bool
is_on_16_bytes(const NormBack &norm)
{
	return is_on_16_bytes(norm.a) && is_on_16_bytes(norm.b) && is_on_16_bytes(norm.mean) && is_on_16_bytes(norm.shift);
}

template <typename Cell>
bool
finish_vector_back(Work &work, const Finish &finish, const Cell *y, const Cell *dz, const void *argmax, const NormBack &norm,
		   Cell *dy, Cell *dadd)
{
	const Way way = way_of(finish, y, dz, argmax);
	const Cell *add = static_cast<const Cell *>(finish.add);
	Grid grid;

	if (way == WAY_GENERAL || !is_on_16_bytes(norm) || !is_on_16_bytes(dy) || !is_on_16_bytes(dadd) || (dadd && !add))
		return false;
	const BunchJob job = job_of<Cell>(work, finish, way == WAY_CELLS ? RUN : 1, &grid);
	if (way == WAY_WINDOWS)
		QUEUE(work, grid, windows_back_kernel<Cell>, job, norm, y, dz, static_cast<const uint8_t *>(argmax), dy);
	else if (add)
		QUEUE(work, grid, (cells_back_kernel<Cell, true>), job, norm, y, dz, add, dy, dadd);
	else
		QUEUE(work, grid, (cells_back_kernel<Cell, false>), job, norm, y, dz, add, dy, dadd);
	return true;
}

#define MAKE(Cell)                                                                                                     \
	template bool finish_vector_back<Cell>(Work &, const Finish &, const Cell *, const Cell *, const void *,       \
					       const NormBack &, Cell *, Cell *);
FOR_CELLS(MAKE)
