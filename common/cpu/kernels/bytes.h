/* cpu/kernels/bytes.h: the kernels of prediction in bytes, and their table's common part.
 *
 * Activations are whole numbers of a step of their own stage's; what has another scale than 1 has it in the affine or in
 * Conv.scale. */
#ifndef FM_CPU_KERNELS_BYTES_H
#define FM_CPU_KERNELS_BYTES_H

#define KERNELS_INT8
#pragma GCC diagnostic ignored "-Wunused-function" /* what trains is not for bytes */
#include "cpu/kernels/conv.h"
#include "cpu/kernels/depthwise.h"
#include "cpu/kernels/pointwise.h"
#include "cpu/kernels/residual.h"

INLINE Bytes
bytes_max(Bytes a, Bytes b)
{
#if defined(__x86_64__)
	return (Bytes)_mm_max_epu8((__m128i)a, (__m128i)b);
#else
	Bytes m = (Bytes)(a > b);
	return (a & m) | (b & ~m);
#endif
}

/* The largest of a window of size x size pixels, 16 channels. */
INLINE Bytes
bytes_window(const uint8_t *y, size_t lanes, size_t row, const uint32_t size)
{
	Bytes largest = bytes_load(y);
	UNROLL_IF_FIXED(2)
	for (uint32_t ky = 0; ky < size; ky++)
		UNROLL_IF_FIXED(2)
		for (uint32_t kx = 0; kx < size; kx++)
			largest = bytes_max(largest, bytes_load(y + ky * row + kx * lanes));
	return largest;
}

INLINE void
bytes_pool(const Finish *job, int image, const uint32_t size)
{
	const size_t lanes = job->lanes, row = job->w * lanes;
	const uint8_t *from = job->y[image];
	uint8_t *to = job->out[image];
	for (uint32_t y = 0; y < job->h / size; y++)
		for (uint32_t x = 0; x < job->w / size; x++)
			for (size_t c = 0; c < lanes; c += sizeof(Bytes)) {
				Bytes a = bytes_window(from + y * size * row + x * size * lanes + c, lanes, row, size);
				memcpy(to + y * job->out_row + x * lanes + c, &a, sizeof a);
			}
}

static void
bytes_finish(const Finish *job)
{
	if (job->affine.scale) {
		finish(job);
		return;
	}
	for (int image = 0; image < 2 && job->y[image]; image++)
		if (job->pool->stride == 2)
			bytes_pool(job, image, 2);
		else
			bytes_pool(job, image, job->pool->stride);
}

/* Rows of whole numbers [c][block] to words of four. */
static void
bytes_pack(const float *weight, uint32_t c, void *words)
{
	int8_t *to = words;
	for (uint32_t i = 0; i < c; i += 4)
		for (uint32_t v = 0; v < BLOCK; v++)
			for (uint32_t j = i; j < i + 4; j++)
				*to++ = j < c ? (int8_t)weight[(size_t)j * BLOCK + v] : 0;
}

#define KERNELS_OF_BYTES                                                                                               \
	.block = BLOCK, .cell = sizeof(Cell), .conv = conv, .columns = columns_points, .depthwise = depthwise,         \
	.finish = bytes_finish, .store = store, .load = load,                                                          \
	.affine = affine, .relu = relu, .pool = pool, .add_scaled = add_scaled,                                                   \
	.pack = bytes_pack

#endif
