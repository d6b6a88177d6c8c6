/* back_input.c: training, backward: the gradient of a stage's input, from dy. */
#include "cpu/backward.h"

#include <string.h>

/* Gradients of outputs have no halo. */
static size_t
in_count(const StageLayout *stage)
{
	return (size_t)stage->in.h * stage->in.w * stage->in.lanes;
}

/* Of the cells that the input's gradient is made of. */
static const KernelTable *
din_kernels(const Backward *job)
{
	return stage_kernels(job->backend->kernels, &job->backend->layout.stages[job->stage->from]);
}

Plane
backward_dy_plane(const StageLayout *stage)
{
	return stage->dilation == 1 ? stage->dy : stage->y;
}

/* ---- one or two images ---- */

/* Zeros between the pixels of a strided convolution's dy, so that the way back has stride 1. */
static const void *
dilate(const StageLayout *stage, const void *dy, size_t cell, void *dilated)
{
	const Plane *plane = &stage->dy;
	const size_t lanes = stage->y.lanes;

	memset(dilated, 0, plane_image(plane) * cell); /* other stages leave theirs */
	for (uint32_t y = 0; y < stage->y.h; y++)
		for (uint32_t x = 0; x < stage->y.w; x++) {
			const size_t to = y * stage->dilation * plane_row(plane) +
					  (plane->left + (size_t)x * stage->dilation) * lanes;
			memcpy(cells_at(dilated, to, cell), cells_at(dy, ((size_t)y * stage->y.w + x) * lanes, cell),
			       lanes * cell);
		}
	return dilated;
}

static void
back_conv(const Backward *job, uint32_t image, uint32_t count, void *din, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Plane plane = backward_dy_plane(stage);
	const size_t cell = job->kernels->cell, in = in_count(stage), first = image - job->dy_first;

	if (stage->dilation == 1) {
		main_images_back(job->backend, stage, cells_at(job->dy, first * plane_image(&plane), cell), din, count,
				 job->ahead, scratch);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		main_images_back(job->backend, stage,
				 dilate(stage, cells_at(job->dy, (first + i) * plane_image(&plane), cell), cell,
					scratch->dilated),
				 cells_at(din, i * in, cell), 1, job->ahead, scratch);
}

static void
back_depthwise(const Backward *job, uint32_t image, uint32_t count, void *din)
{
	const StageLayout *stage = job->stage;
	const Plane in = plane_bare(&stage->in);
	const size_t cell = job->kernels->cell;

	for (uint32_t i = 0; i < count; i++) {
		Depthwise depthwise = main_depthwise(stage, cell, job->backend->vectors[VECTOR_PARAM], NULL,
						     cells_at(job->memory->dy, (image + i) * plane_image(&stage->y), cell),
						     &stage->y);
		depthwise.x = plane_grid(&in, cells_at(din, i * in_count(stage), cell), cell, cell);
		job->kernels->depthwise_back(&depthwise);
	}
}

static void
back_flatten(const Backward *job, uint32_t image, uint32_t count, void *din, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const KernelTable *kernels = job->backend->kernels;

	for (uint32_t i = 0; i < count; i++)
		main_unflatten(kernels, stage, (const float *)job->memory->dy + (image + i) * plane_image(&stage->y),
			       cells_at(din, i * in_count(stage), kernels->cell), scratch);
}

void
backward_input(const Backward *job, uint32_t image, uint32_t count, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const KernelTable *kernels;
	const size_t in = in_count(stage);
	void *din, *to;

	if (!job->din || stage->kind == MAIN_DENSE) /* whose comes for all images at once */
		return;
	kernels = din_kernels(job);
	din = cells_at(job->din, image * in, kernels->cell);
	to = stage->adds_from ? scratch->din : din;
	if (stage->kind == MAIN_CONV)
		back_conv(job, image, count, to, scratch);
	else if (stage->kind == MAIN_DEPTHWISE)
		back_depthwise(job, image, count, to);
	else if (stage->kind == MAIN_FLATTEN)
		back_flatten(job, image, count, to, scratch);
	if (stage->adds_from)
		kernels->add_cells(count * in, din, to);
}

/* ---- a dense layer, all images ---- */

static void
back_dense(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const uint32_t blocks = job->stage->back_blocks;
	const Slice slice = slice_of(blocks, blocks < SLICES ? blocks : SLICES, (uint32_t)task);

	(void)thread;
	main_dense_back(job->backend, job->stage, job->memory->dy_cells,
			job->stage->adds_from ? job->backend->din : job->din, job->din_is_float, job->n, slice.begin, slice.end);
}

static void
add_dense(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);
	const KernelTable *kernels = din_kernels(job);
	const size_t in = in_count(job->stage), begin = slice.begin * in;

	(void)thread;
	kernels->add_cells((slice.end - slice.begin) * in, cells_at(job->din, begin, kernels->cell),
			   cells_at(job->backend->din, begin, kernels->cell));
}

void
backward_dense(Backward *job)
{
	const StageLayout *stage = job->stage;
	Team *team = job->backend->team;

	team_run(team, stage->back_blocks < SLICES ? stage->back_blocks : SLICES, back_dense, job);
	if (stage->adds_from)
		team_run(team, SLICES, add_dense, job);
}
