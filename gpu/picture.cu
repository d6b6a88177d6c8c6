/* picture.cu: one thread a pixel: place it in its source, interpolate all channels, tone, erase, normalise. */
#include "picture.h"

#include "cell.h"
#include "divide.h"

#include "pixel/transform.h"

enum { PIXEL_BITS = 20, PIXEL = 1 << PIXEL_BITS, OUTSIDE = -1 };

struct PictureJob {
	Record record;
	uint32_t pixels; /* n h w */
	Divisor h, w;
	uint32_t c;
	bool is_held, is_moved;
	Normal normal;
};

/* scipy's reflect: mirrors stand on the outer edges of the pixels */
__device__ static int64_t
reflect(int64_t at, int64_t size)
{
	const int64_t period = 2 * size * PIXEL, last = (size - 1) * PIXEL;

	at = (at % period + period) % period;
	if (at >= size * PIXEL)
		at = period - PIXEL - at;
	return at < 0 ? 0 : at > last ? last : at;
}

/* scipy's wrap: the period is one pixel short */
__device__ static int64_t
wrap(int64_t at, int64_t size)
{
	const int64_t period = (size - 1) * PIXEL;

	if (size == 1)
		return 0;
	return at < 0 ? at + period * (-at / period + 1) : at % period;
}

__device__ static int64_t
bring_inside(int64_t at, int64_t size, uint8_t fill)
{
	const int64_t last = (size - 1) * PIXEL;

	if (at >= 0 && at <= last)
		return at;
	if (fill == FILL_CONSTANT)
		return OUTSIDE;
	if (fill == FILL_REFLECT)
		return reflect(at, size);
	if (fill == FILL_WRAP)
		return wrap(at, size);
	return at < 0 ? 0 : last;
}

/* a x + b y + c, wrapping in 32 bits */
__device__ static int32_t
coordinate(const int32_t *row, uint32_t x, uint32_t y)
{
	return static_cast<int32_t>(static_cast<uint32_t>(row[0]) * x + static_cast<uint32_t>(row[1]) * y +
				    static_cast<uint32_t>(row[2]));
}

/* Where an output pixel reads: the four neighbours, and the weights of the right and lower ones in 2^-11. */
struct Source {
	const uint8_t *pixel;
	size_t right_step, below_step; /* 0 where there is no neighbour */
	uint32_t right, below;
	bool is_outside;
};

__device__ static Source
source_of(const PictureJob &job, const uint8_t *picture, const int32_t *affine, uint8_t fill, uint32_t x, uint32_t y)
{
	const int64_t from_x = bring_inside(coordinate(affine, x, y), job.w.value, fill);
	const int64_t from_y = bring_inside(coordinate(affine + 3, x, y), job.h.value, fill);
	Source source = { picture, 0, 0, 0, 0, from_x == OUTSIDE || from_y == OUTSIDE };

	if (source.is_outside)
		return source;
	const uint32_t at_x = static_cast<uint32_t>((from_x + 256) >> 9), at_y = static_cast<uint32_t>((from_y + 256) >> 9);
	source.right = at_x & 2047;
	source.below = at_y & 2047;
	source.right_step = source.right ? job.c : 0;
	source.below_step = source.below ? static_cast<size_t>(job.w.value) * job.c : 0;
	source.pixel += (static_cast<size_t>(at_y >> 11) * job.w.value + (at_x >> 11)) * job.c;
	return source;
}

__device__ static uint32_t
interpolate(const Source &source, uint32_t channel)
{
	const uint8_t *p = source.pixel + channel;
	const uint32_t left = 2048 - source.right, above = 2048 - source.below;

	return (above * (left * p[0] + source.right * p[source.right_step]) +
		source.below * (left * p[source.below_step] + source.right * p[source.below_step + source.right_step]) +
		(1u << 21)) >> 22;
}

__device__ static uint32_t
toned(uint32_t level, const int32_t *tone)
{
	const int64_t changed = (static_cast<int64_t>(level) * tone[0] + tone[1] + (1 << 15)) >> 16;

	return static_cast<uint32_t>(changed < 0 ? 0 : changed > 255 ? 255 : changed);
}

__device__ static bool
is_erased(const int32_t *box, uint32_t x, uint32_t y)
{
	const int64_t row = static_cast<int64_t>(y) - box[0], column = static_cast<int64_t>(x) - box[1];

	return row >= 0 && row < box[2] && column >= 0 && column < box[3];
}

__device__ static const uint8_t *
picture_of(const PictureJob &job, uint32_t sample)
{
	const size_t size = static_cast<size_t>(job.h.value) * job.w.value * job.c;

	return job.is_held ? job.record.head->held + static_cast<size_t>(job.record.row[sample]) * size
			   : job.record.pixels + sample * size;
}

template <typename Cell>
__global__ static void
fill_kernel(PictureJob job, Cell *to)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t x, y;

	if (at >= job.pixels)
		return;
	const uint32_t sample = divide(divide(at, job.w, &x), job.h, &y);
	const uint8_t *picture = picture_of(job, sample);
	to += static_cast<size_t>(at) * job.c;
	if (!job.is_moved) {
		picture += (static_cast<size_t>(y) * job.w.value + x) * job.c;
		for (uint32_t k = 0; k < job.c; k++)
			to[k] = narrow<Cell>(static_cast<float>(picture[k]) * job.normal.scale[k] + job.normal.shift[k]);
		return;
	}
	const Record &record = job.record;
	const Source source = source_of(job, picture, record.affine + 6 * sample, record.head->fill, x, y);
	const bool erased = is_erased(record.erase + 5 * sample, x, y);
	for (uint32_t k = 0; k < job.c; k++) {
		const uint32_t level = toned(source.is_outside ? record.head->fill_value : interpolate(source, k),
					     record.tone + 2 * sample);
		const uint32_t final = erased ? static_cast<uint8_t>(record.erase[5 * sample + 4]) : level;

		to[k] = narrow<Cell>(static_cast<float>(final) * job.normal.scale[k] + job.normal.shift[k]);
	}
}

template <typename Cell>
void
picture_fill(Work &work, const Record &record, uint32_t n, Shape shape, const Normal &normal, bool is_held, bool is_moved,
	     Cell *x)
{
	const PictureJob job = { record, n * shape.h * shape.w, divisor_of(shape.h), divisor_of(shape.w), shape.c,
				 is_held, is_moved, normal };

	QUEUE(work, grid_for(work, job.pixels), fill_kernel<Cell>, job, x);
}

#define MAKE(Cell)                                                                                                     \
	template void picture_fill<Cell>(Work &, const Record &, uint32_t, Shape, const Normal &, bool, bool, Cell *);
FOR_CELLS(MAKE)
