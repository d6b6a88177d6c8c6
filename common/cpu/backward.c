/* backward.c: training, backward, from the last stage to the first: the sums that batch norm's gradient needs, then dy,
 * then the gradient of the input and of the weights. */
#include "cpu/backward.h"
#include "cpu/tree.h"

#include <string.h>

/* ---- dy, and the input's gradient ---- */

/* dy of one or two images, as floats, in place of their y, then stored */
static void
backward_slowly(const Backward *job, uint32_t image, uint32_t count, void *const dy[2], size_t dy_row, void *pairs,
	    Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const size_t row = (size_t)stage->y.w * stage->y.lanes;
	Store store = {
		.h = stage->y.h, .w = stage->y.w, .lanes = stage->y.lanes, .to = { dy[0], dy[1] }, .to_row = dy_row,
		.pairs = pairs, .pairs_row = row,
	};

	for (uint32_t i = 0; i < count; i++) {
		const float *dz = backward_at_z(job, image + i, (int)i, scratch);
		job->kernels->floats->back(&(Back){
			.affine = backward_affine(job), .coefficients = job->memory->channels.coefficients, .h = stage->y.h,
			.w = stage->y.w, .lanes = stage->y.lanes, .y = { scratch->y[i] }, .dout = { dz },
			.dy = { scratch->y[i] }, .dy_row = row,
		});
		store.from[i] = scratch->y[i];
	}
	job->kernels->store(&store);
}

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

/* How dy of a stage lies. */
static Plane
dy_plane(const StageLayout *stage)
{
	return stage->dilation == 1 ? stage->dy : stage->y;
}

static void
back_conv(const Backward *job, uint32_t image, uint32_t count, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Plane plane = dy_plane(stage), in = plane_bare(&stage->in);
	const size_t cell = job->kernels->cell;

	if (stage->dilation == 1) {
		main_images_back(job->backend, stage, cells_at(job->memory->dy, image * plane_image(&plane), cell),
				 cells_at(job->din, image * plane_image(&in), cell), count);
		return;
	}
	for (uint32_t i = image; i < image + count; i++)
		main_images_back(job->backend, stage,
				 dilate(stage, cells_at(job->memory->dy, i * plane_image(&plane), cell), cell,
					scratch->dilated),
				 cells_at(job->din, i * plane_image(&in), cell), 1);
}

/* dy where it is wanted: of the weights alone there are only pairs */
static void
backward_dy(const Backward *job, uint32_t image, uint32_t count, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	StageMemory *memory = job->memory;
	const Plane plane = dy_plane(stage);
	void *base = stage->kind == MAIN_NONE ? job->din : memory->dy;
	const size_t image_cells = plane_image(&plane), first = (size_t)plane.left * plane.lanes;
	const bool has_pairs = memory->dy_pairs && !stage->is_flat;
	void *pairs = has_pairs ? cells_at(memory->dy_pairs, image / 2 * plane_image(&stage->y), sizeof(float)) : NULL;

	if (stage->kind == MAIN_PATCHES) { /* wanted for the weights alone, at once */
		pairs = job->backend->layout.per_word == 2 ? scratch->dy : NULL;
		base = pairs ? NULL : cells_at(scratch->dy, 0, 1);
	}
	const uint32_t base_image = stage->kind == MAIN_PATCHES ? 0 : image;
	Back back = {
		.affine = backward_affine(job), .coefficients = memory->channels.coefficients,
		.pool = stage->has_pool ? &stage->pool : NULL, .h = stage->y.h, .w = stage->y.w, .lanes = stage->y.lanes,
		.dy_row = plane_row(&plane), .pairs = pairs,
	};

	if (!base && !pairs)
		return;
	for (uint32_t i = 0; i < count; i++) {
		back.y[i] = backward_y(job, image + i);
		back.dout[i] = backward_dout(job, image + i);
		back.best[i] = memory->best ? cells_at(memory->best, (image + i) * backward_out_count(stage), job->kernels->cell) : NULL;
		back.dy[i] = base ? cells_at(base, (base_image + i) * image_cells + first, job->kernels->cell) : NULL;
	}
	if (stage->is_fused)
		job->kernels->back(&back);
	else
		backward_slowly(job, image, count, back.dy, back.dy_row, pairs, scratch);
}

/* A dense layer's dy as it is multiplied. */
static void
dense_cells(const Backward *job, uint32_t image, uint32_t count)
{
	const StageMemory *memory = job->memory;
	const uint32_t lanes = job->stage->y.lanes;
	const float *dy = (const float *)memory->dy + (size_t)image * lanes;
	const size_t cell = job->backend->kernels->cell;

	if (memory->dy_cells == memory->dy)
		return;
	job->backend->kernels->store(&(Store){
		.h = 1, .w = 1, .lanes = lanes, .from = { dy, count == 2 ? dy + lanes : NULL },
		.to = { cells_at(memory->dy_cells, (size_t)image * lanes, cell),
			count == 2 ? cells_at(memory->dy_cells, (size_t)(image + 1) * lanes, cell) : NULL },
		.pairs = cells_at(memory->dy_pairs, (size_t)image / 2 * lanes, sizeof(float)),
	});
}

static void
back_dense(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const uint32_t blocks = job->stage->back_blocks;
	const Slice slice = slice_of(blocks, blocks < SLICES ? blocks : SLICES, (uint32_t)task);

	(void)thread;
	main_dense_back(job->backend, job->stage, job->memory->dy_cells, job->din, job->din_is_float, job->n, slice.begin,
			slice.end);
}

/* ---- stage by stage ---- */

static void
back_slice(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);
	const KernelTable *kernels = job->backend->kernels;
	Scratch *scratch = &job->backend->scratch[thread];
	float *patches = stage->kind == MAIN_PATCHES ? backward_slice_gradient(job, task) : NULL;

	if (job->before)
		backward_begin_sums(job->before, task);
	if (patches && slice.begin == slice.end)
		memset(patches, 0, stage->weight->count * sizeof *patches);
	for (uint32_t image = slice.begin; image < slice.end; image += 2) {
		const uint32_t count = slice.end - image < 2 ? 1 : 2;
		backward_dy(job, image, count, scratch);
		if (stage->kind == MAIN_CONV)
			back_conv(job, image, count, scratch);
		if (patches)
			backward_patches(job, image, count, patches, image > slice.begin, scratch);
		if (stage->kind == MAIN_DENSE)
			dense_cells(job, image, count);
		for (uint32_t i = image; stage->kind == MAIN_FLATTEN && job->din && i < image + count; i++)
			main_unflatten(kernels, stage, (const float *)job->memory->dy + i * plane_image(&stage->y),
				       cells_at(job->din, i * plane_image(&stage->in), kernels->cell), scratch);
		if (job->before)
			backward_add_sums(job->before, image, count, task, thread);
	}
}

static Backward
job_of(Backend *backend, const Batch *batch, size_t s)
{
	const StageLayout *stage = &backend->layout.stages[s];
	StageMemory *memory = &backend->stages[s];
	Backward job = {
		.backend = backend, .batch = batch, .s = s, .stage = stage, .memory = memory,
		.kernels = stage_kernels(backend->kernels, stage), .dout = backend->dout[s % 2],
		.din = s ? backend->dout[(s + 1) % 2] : NULL, .din_is_float = s && stage[-1].is_flat,
		.n = (uint32_t)batch->n, .slices = stage->weight ? wgrad_slices(stage) : 0,
	};

	job.y = memory->y ? memory->y : s ? memory[-1].out : backend->input;
	return job;
}

/* @param has_sums  the stage after has taken this one's on its way. @return the same for the stage before */
static bool
backward_stage(Backend *backend, const Batch *batch, size_t s, bool has_sums)
{
	const Backward before = job_of(backend, batch, s ? s - 1 : 0);
	Backward job = job_of(backend, batch, s);
	const StageLayout *stage = job.stage;
	const bool takes_sums = s && stage->kind != MAIN_DENSE;

	if (!has_sums)
		team_run(backend->team, SLICES, backward_sums, &job);
	if (backward_is_first(&job)) {
		first_sums(backend);
		backward_take_sums(&job);
		first_gradient(backend);
		return false;
	}
	tree_add(job.memory->channels.sums, SLICES, 2 * stage->y.lanes);
	backward_take_sums(&job);
	job.before = takes_sums ? &before : NULL;
	team_run(backend->team, SLICES, back_slice, &job);
	if (stage->kind == MAIN_DENSE && s)
		team_run(backend->team, stage->back_blocks < SLICES ? stage->back_blocks : SLICES, back_dense, &job);
	if (stage->weight)
		backward_weights(&job);
	return takes_sums;
}

void
train_backward(Backend *backend, const Batch *batch)
{
	bool has_sums = false;

	for (size_t s = backend->layout.stage_count; s--;)
		has_sums = backward_stage(backend, batch, s, has_sums);
}
