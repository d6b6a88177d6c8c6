/* convolution.cu: write windows out and add them up again. */
#include "convolution.h"

#include "product.h"
#include "taps.h"

/* At most this many elements of windows at a time: what follows from the shape alone, so that sums have one order. */
#ifndef FM_WINDOW_ROOM
#define FM_WINDOW_ROOM (32 << 20)
#endif
static const uint64_t window_room = FM_WINDOW_ROOM;

uint64_t
convolution_window_size(const Convolution &shape)
{
	if (shape.kernel_h == 1 && shape.kernel_w == 1 && shape.stride == 1)
		return 0;
	return static_cast<uint64_t>(shape.out_h) * shape.out_w * shape.kernel_h * shape.kernel_w * shape.in_c;
}

static uint32_t
samples_at_once(const Convolution &shape, uint32_t n)
{
	const uint64_t size = convolution_window_size(shape), fit = size ? window_room / size : n;

	return fit >= n ? n : fit ? static_cast<uint32_t>(fit) : 1;
}

uint64_t
convolution_window_room(const Convolution &shape, uint32_t n)
{
	return convolution_window_size(shape) * samples_at_once(shape, n);
}

/* windows[sample, out.y, out.x][kernel.y, kernel.x, channel]: a thread an element */
template <typename Cell>
__global__ static void
write_out_kernel(Taps taps, Divisor window, uint32_t count, const Cell *x, Cell *windows)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t element, channel, kernel_x, out_x, out_y;

	if (at >= count)
		return;
	const uint32_t pixel = divide(at, window, &element);
	const uint32_t kernel_y = divide(divide(element, taps.in_c, &channel), taps.kernel_w, &kernel_x);
	const uint32_t sample = divide(divide(pixel, taps.out_w, &out_x), taps.out_h, &out_y);
	const Cell *from = input_under(taps.shape, x, sample, out_y, out_x, kernel_y, kernel_x, channel);
	windows[at] = from ? *from : narrow<Cell>(0);
}

/* dx[sample, y, x, channel] = the sum of its place in every window, in the kernel's order */
template <typename Cell>
__global__ static void
add_up_kernel(Taps taps, uint32_t window, uint32_t count, const Cell *windows, Cell *dx)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t channel, x, y;
	float sum = 0;

	if (at >= count)
		return;
	const uint32_t sample = divide(divide(divide(at, taps.in_c, &channel), taps.in_w, &x), taps.in_h, &y);
	outputs_over(taps, sample, y, x, [&](size_t pixel, uint32_t tap) {
		sum += widen(windows[pixel * window + tap * taps.in_c.value + channel]);
	});
	dx[at] = narrow<Cell>(sum);
}

/* A chunk of samples. */
struct Chunk {
	uint32_t first, n;
};

static bool
next_chunk(const Convolution &shape, uint32_t n, Chunk *chunk)
{
	const uint32_t most = samples_at_once(shape, n);

	chunk->first += chunk->n;
	chunk->n = n - chunk->first < most ? n - chunk->first : most;
	return chunk->n != 0;
}

static size_t
in_size(const Convolution &shape)
{
	return static_cast<size_t>(shape.in_h) * shape.in_w * shape.in_c;
}

static size_t
out_size(const Convolution &shape)
{
	return static_cast<size_t>(shape.out_h) * shape.out_w * shape.out_c;
}

/* The chunk's windows, or x itself where it is them. */
template <typename Cell>
static const Cell *
write_out(Work &work, const Convolution &shape, const Chunk &chunk, const Cell *x, Cell *windows)
{
	const uint32_t count = static_cast<uint32_t>(convolution_window_size(shape) * chunk.n);

	x += chunk.first * in_size(shape);
	if (!count)
		return x;
	QUEUE(work, grid_for(work, count), write_out_kernel<Cell>, taps_of(shape),
	      divisor_of(shape.kernel_h * shape.kernel_w * shape.in_c), count, x, windows);
	return windows;
}

template <typename Cell, typename Out>
void
convolution_forward(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *weight, Cell *windows,
		    Out *y)
{
	const uint32_t pixels = shape.out_h * shape.out_w, window = shape.kernel_h * shape.kernel_w * shape.in_c;

	for (Chunk chunk = { 0, 0 }; next_chunk(shape, n, &chunk);)
		product_forward(work, chunk.n * pixels, shape.out_c, window, write_out(work, shape, chunk, x, windows), weight,
				y + chunk.first * out_size(shape));
}

template <typename Cell>
void
convolution_input(Work &work, const Convolution &shape, uint32_t n, const Cell *dy, const Cell *weight, Cell *windows,
		  Cell *dx)
{
	const uint32_t pixels = shape.out_h * shape.out_w, window = shape.kernel_h * shape.kernel_w * shape.in_c;
	const bool is_written_out = convolution_window_size(shape) != 0;

	for (Chunk chunk = { 0, 0 }; next_chunk(shape, n, &chunk);) {
		Cell *to = dx + chunk.first * in_size(shape);
		const uint32_t count = static_cast<uint32_t>(chunk.n * in_size(shape));

		product_input(work, chunk.n * pixels, shape.out_c, window, dy + chunk.first * out_size(shape), weight,
			      is_written_out ? windows : to);
		if (is_written_out)
			QUEUE(work, grid_for(work, count), add_up_kernel<Cell>, taps_of(shape), window, count, windows, to);
	}
}

template <typename Cell>
void
convolution_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, Cell *windows,
		   float alpha, float *dw)
{
	const uint32_t pixels = shape.out_h * shape.out_w, window = shape.kernel_h * shape.kernel_w * shape.in_c;

	for (Chunk chunk = { 0, 0 }; next_chunk(shape, n, &chunk);)
		product_weight(work, chunk.n * pixels, shape.out_c, window, write_out(work, shape, chunk, x, windows),
			       dy + chunk.first * out_size(shape), alpha, chunk.first != 0, dw);
}

#define MAKE(Cell)                                                                                                     \
	template void convolution_input<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *,       \
					      Cell *, Cell *);                                                        \
	template void convolution_weight<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *,      \
					       Cell *, float, float *);
FOR_CELLS(MAKE)

#define MAKE_FORWARD(Cell, Out)                                                                                        \
	template void convolution_forward<Cell, Out>(Work &, const Convolution &, uint32_t, const Cell *,              \
						     const Cell *, Cell *, Out *);
FOR_CELL_PAIRS(MAKE_FORWARD)
