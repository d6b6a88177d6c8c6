/* cpu/kernels/residual.h: the sum of two branches, together with the batch norm before and the ReLU after it. Bound by memory:
 * each activation is read once and written once. */
#ifndef FM_CPU_KERNELS_RESIDUAL_H
#define FM_CPU_KERNELS_RESIDUAL_H

#include "cpu/kernels.h"
#include "cpu/kernels/pointwise.h"
#include "cpu/kernels/simd.h"

/* One row of one or two images, one vector of channels. */
INLINE void
finish_sum_row(const Finish job, uint32_t y, uint32_t c, const int images)
{
	const Coefficients with = coefficients_at(&job.affine, c);
	const size_t lanes = job.lanes, row = job.w * lanes;
	for (uint32_t x = 0; x < job.w; x++) {
		const size_t at = x * lanes + c;
		Vec z[2] = {vec_zero(), vec_zero()};
		UNROLL_IF_FIXED(2)
		for (int i = 0; i < images; i++) {
			const Cell *from = (const Cell *)job.y[i] + y * row + at;
			const Cell *other = (const Cell *)job.other[i] + y * job.other_row + at;
			fetch_ahead(from, row, lanes, c, 1);
			fetch_ahead(other, job.other_row, lanes, c, 1);
			z[i] = vec_fma(cells_load(from), with.scale, with.shift) + cells_load(other);
			z[i] = vec_max(with.least, z[i]);
			cells_store((Cell *)job.out[i] + y * job.out_row + at, z[i]);
		}
		if (job.pairs)
			vec_store((float *)job.pairs + y * job.out_row + at, vec_pair(z[0], z[1]));
	}
}

static void
finish_sum(const Finish *job)
{
	for (uint32_t y = 0; y < job->h; y++)
		for (uint32_t c = 0; c < job->lanes; c += LANES)
			if (job->y[1])
				finish_sum_row(*job, y, c, 2);
			else
				finish_sum_row(*job, y, c, 1);
}

INLINE void
sum_back_row(const Cell *out, Cell *dout, Cell *other, size_t count)
{
	for (size_t i = 0; i < count; i += LANES) {
		Vec d = cells_load(dout + i);
		if (out) {
			d = vec_where_greater(cells_load(out + i), vec_zero(), d);
			cells_store(dout + i, d);
		}
		if (other)
			cells_store(other + i, cells_load(other + i) + d);
	}
}

static void
sum_back(const SumBack *job)
{
	const size_t row = (size_t)job->w * job->lanes;
	for (uint32_t y = 0; y < job->h; y++) {
		const Cell *out = job->out ? (const Cell *)job->out + y * job->out_row : NULL;
		sum_back_row(out, (Cell *)job->dout + y * row, job->other ? (Cell *)job->other + y * row : NULL, row);
	}
}

static void
add_scaled(size_t count, float step, float *to, const float *from)
{
	for (size_t i = 0; i < count; i += LANES)
		vec_store(to + i, vec_load(to + i) + vec_load(from + i) * vec_set(step));
}

#endif
