/* finish.c: from the result of a stage's main operation to its output. */
#include "cpu/engine.h"

#include <string.h>

/* z of row i: in place of the output where there is no pool */
static void
finish_rows(const KernelTable *kernels, const StageLayout *stage, const Affine *affine, const float *y, float *to,
	    size_t to_row)
{
	const size_t row = (size_t)stage->y.w * stage->y.lanes;

	if (affine && to_row == row) {
		kernels->affine(affine, y, to, (size_t)stage->y.h * stage->y.w, stage->y.lanes);
		return;
	}
	for (uint32_t i = 0; i < stage->y.h; i++)
		if (affine)
			kernels->affine(affine, y + i * row, to + i * to_row, stage->y.w, stage->y.lanes);
		else
			memcpy(to + i * to_row, y + i * row, row * sizeof *to);
}

void
stage_finish(const KernelTable *kernels, const StageLayout *stage, const Affine *affine, const float *y, float *out,
	     float *z)
{
	const Plane *plane = &stage->out;
	float *first = out + (size_t)plane->left * plane->lanes;

	if (!stage->has_pool) {
		finish_rows(kernels, stage, affine, y, first, plane_row(plane));
		return;
	}
	if (affine)
		finish_rows(kernels, stage, affine, y, z, (size_t)stage->y.w * stage->y.lanes);
	kernels->pool(&stage->pool, affine ? z : y, first, plane_row(plane));
}
