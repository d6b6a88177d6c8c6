/* flatten.cu: a flatten is rare, so a thread an element. */
#include "flatten.h"

#include "cell.h"
#include "divide.h"

struct FlattenJob {
	uint32_t count;
	Divisor c, w, h;
};

template <typename Cell>
__global__ static void
flatten_kernel(FlattenJob job, bool is_back, const Cell *from, Cell *to)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t channel, x, y;

	if (at >= job.count)
		return;
	const uint32_t sample = divide(divide(divide(at, job.c, &channel), job.w, &x), job.h, &y);
	const size_t flat = (static_cast<size_t>(sample * job.c.value + channel) * job.h.value + y) * job.w.value + x;
	to[is_back ? at : flat] = from[is_back ? flat : at];
}

template <typename Cell>
static void
queue(Work &work, uint32_t n, Shape shape, bool is_back, const Cell *from, Cell *to)
{
	const FlattenJob job = { n * shape.h * shape.w * shape.c, divisor_of(shape.c), divisor_of(shape.w),
				 divisor_of(shape.h) };

	QUEUE(work, grid_for(work, job.count), flatten_kernel<Cell>, job, is_back, from, to);
}

template <typename Cell>
void
flatten_forward(Work &work, uint32_t n, Shape shape, const Cell *x, Cell *flat)
{
	queue(work, n, shape, false, x, flat);
}

template <typename Cell>
void
flatten_back(Work &work, uint32_t n, Shape shape, const Cell *flat, Cell *x)
{
	queue(work, n, shape, true, flat, x);
}

#define MAKE(Cell)                                                                                                     \
	template void flatten_forward<Cell>(Work &, uint32_t, Shape, const Cell *, Cell *);                            \
	template void flatten_back<Cell>(Work &, uint32_t, Shape, const Cell *, Cell *);
FOR_CELLS(MAKE)
