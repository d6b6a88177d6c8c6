/* finish.c: from the result of a stage's main operation to its output. */
#include "cpu/engine.h"

#include <math.h>
#include <string.h>

enum { DROP_UNITS = 256 }; /* drawn at once, a multiple of 4 */

/* out: [h][w][lanes] floats without halo; image counts within the batch */
static void
drop_units(const Ends *ends, uint32_t image, float *out)
{
	const StageLayout *stage = ends->stage;
	const Plane *plane = &stage->out;
	const double rate = stage->stage->dropout->rate;
	const uint32_t pixels = plane->h * plane->w, threshold = (uint32_t)floor(rate * 0x1p32), units = stage->channels * pixels;
	const uint64_t id = (uint64_t)ends->batch->ids[image];
	uint8_t *keep = ends->memory->keep + (size_t)image * pixels * plane->lanes, some[DROP_UNITS];

	for (uint32_t unit = 0; unit < units;) { /* in (c, h, w) order */
		const uint32_t count = units - unit < DROP_UNITS ? units - unit : DROP_UNITS;
		ends->kernels->draw(ends->memory->dropout_key, ends->batch->epoch, id, threshold, unit, count, some);
		for (uint32_t i = 0; i < count; i++, unit++)
			keep[(size_t)(unit % pixels) * plane->lanes + unit / pixels] = some[i];
	}
	ends->kernels->drop((size_t)pixels * plane->lanes, keep, (float)(1 / (1 - rate)), out);
}

void
ends_bare(const Plane *plane, size_t cell, const void *image, void *bare)
{
	const size_t row = (size_t)plane->w * plane->lanes, padded = plane_row(plane);

	for (uint32_t y = 0; y < plane->h; y++)
		memcpy(cells_at(bare, y * row, cell),
		       cells_at(image, y * padded + (size_t)plane->left * plane->lanes, cell), row * cell);
}

void
ends_add(const KernelTable *kernels, const NetLayout *layout, const StageLayout *stage, const void *other, Scratch *scratch,
	 float *z)
{
	const StageLayout *from = &layout->stages[stage->other];
	const KernelTable *its = stage_kernels(kernels, from);
	const Plane *plane = &from->out;
	const size_t row = (size_t)plane->w * plane->lanes, count = row * plane->h;

	for (uint32_t y = 0; y < plane->h; y++)
		its->load(row, cells_at(other, y * plane_row(plane) + (size_t)plane->left * plane->lanes, its->cell),
			  scratch->other + y * row);
	kernels->add(count, z, scratch->other);
	if (stage->is_relu)
		kernels->relu(count, z);
}

/* Sums, any pool, and dropout: by floats, in scratch memory. */
static void
finish_slowly(const Ends *ends)
{
	const StageLayout *stage = ends->stage;
	const KernelTable *kernels = stage_kernels(ends->kernels, stage);
	const uint32_t lanes = stage->y.lanes;
	const size_t pixels = (size_t)stage->y.h * stage->y.w;
	Scratch *scratch = ends->scratch;
	Store store = {
		.h = stage->out.h, .w = stage->out.w, .lanes = lanes, .to = { ends->out[0], ends->out[1] },
		.to_row = plane_row(&stage->out), .pairs = ends->out_pairs, .pairs_row = plane_row(&stage->out),
	};

	for (int i = 0; i < 2 && ends->y[i]; i++) {
		float *z = stage->has_pool ? scratch->z : scratch->out[i];
		kernels->load(pixels * lanes, ends->y[i], scratch->y[i]);
		kernels->affine(&ends->affine, scratch->y[i], z, pixels, lanes);
		if (stage->other >= 0)
			ends_add(ends->kernels, ends->layout, stage, ends->other[i], scratch, z);
		if (stage->has_pool)
			kernels->pool(&stage->pool, z, scratch->out[i]);
		if (stage->stage->dropout && ends->batch)
			drop_units(ends, ends->image + (uint32_t)i, scratch->out[i]);
		store.from[i] = scratch->out[i];
	}
	kernels->store(&store);
}

static void
finish_sum(const Ends *ends)
{
	const StageLayout *stage = ends->stage;
	const KernelTable *kernels = stage_kernels(ends->kernels, stage);
	const Plane *plane = &ends->layout->stages[stage->other].out;
	const size_t first = (size_t)plane->left * plane->lanes;

	kernels->finish_sum(&(Finish){
		.affine = ends->affine, .h = stage->y.h, .w = stage->y.w, .lanes = stage->y.lanes,
		.y = { ends->y[0], ends->y[1] }, .other_row = plane_row(plane),
		.other = { cells_at(ends->other[0], first, kernels->cell),
			   ends->y[1] ? cells_at(ends->other[1], first, kernels->cell) : NULL },
		.out = { ends->out[0], ends->out[1] }, .out_row = plane_row(&stage->out), .pairs = ends->out_pairs,
	});
}

void
ends_finish(const Ends *ends)
{
	const StageLayout *stage = ends->stage;

	if (!stage->is_fused) {
		finish_slowly(ends);
		return;
	}
	if (stage->other >= 0) {
		finish_sum(ends);
		return;
	}
	stage_kernels(ends->kernels, stage)->finish(&(Finish){
		.affine = ends->affine, .pool = stage->has_pool ? &stage->pool : NULL, .h = stage->y.h, .w = stage->y.w,
		.lanes = stage->y.lanes, .y = { ends->y[0], ends->y[1] }, .out = { ends->out[0], ends->out[1] },
		.out_row = plane_row(&stage->out), .best = { ends->best[0], ends->best[1] }, .pairs = ends->out_pairs,
	});
	for (uint32_t i = 0; i < 2 && ends->y[i] && stage->stage->dropout && ends->batch; i++)
		drop_units(ends, ends->image + i, ends->out[i]); /* flat, so floats */
}
