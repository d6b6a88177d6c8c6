/* backward.c: training, backward, from the last stage to the first: the sums that batch norm's gradient needs, then dy,
 * then the gradient of the input and of the weights. */
#include "cpu/backward.h"
#include "cpu/tree.h"

#include <string.h>

/* ---- dy ---- */

/* The gradient at z is also that of what was added. */
static void
hand_to_other(const Backward *job, uint32_t image, const float *dz, Scratch *scratch)
{
	const StageLayout *stage = job->stage, *other = &job->backend->layout.stages[stage->other];
	const KernelTable *kernels = stage_kernels(job->backend->kernels, other);
	const size_t count = backward_out_count(other);
	void *dout = cells_at(job->backend->dout[stage->other], image * count, kernels->cell);
	void *to = stage->adds_other ? scratch->din : dout;

	kernels->store(&(Store){ .h = 1, .w = 1, .lanes = (uint32_t)count, .from = { dz }, .to = { to } });
	if (stage->adds_other)
		kernels->add_cells(count, dout, to);
}

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
		if (stage->other >= 0)
			hand_to_other(job, image + i, dz, scratch);
		job->kernels->floats->back(&(Back){
			.affine = backward_affine(job), .coefficients = job->memory->channels.coefficients, .h = stage->y.h,
			.w = stage->y.w, .lanes = stage->y.lanes, .y = { scratch->y[i] }, .dout = { dz },
			.dy = { scratch->y[i] }, .dy_row = row,
		});
		store.from[i] = scratch->y[i];
	}
	job->kernels->store(&store);
}

/* dy where it is wanted: of the weights alone there are only pairs */
static void
backward_dy(const Backward *job, uint32_t image, uint32_t count, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	StageMemory *memory = job->memory;
	const Plane plane = backward_dy_plane(stage);
	void *base = job->dy;
	uint32_t base_image = image - job->dy_first;
	const size_t image_cells = plane_image(&plane), first = (size_t)plane.left * plane.lanes;
	const bool has_pairs = job->dy_pairs && !stage->is_flat;
	const size_t pair = (image - job->pairs_first) / 2;
	void *pairs = has_pairs ? cells_at(job->dy_pairs, pair * plane_image(&stage->y), sizeof(float)) : NULL;

	if (stage->kind == MAIN_PATCHES) { /* wanted for the weights alone, at once */
		pairs = job->backend->layout.per_word == 2 ? scratch->dy : NULL;
		base = pairs ? NULL : cells_at(scratch->dy, 0, 1);
		base_image = 0;
	}
	if (stage->kind == MAIN_NONE) { /* dy is the input's gradient */
		base = stage->adds_from ? scratch->din : job->din;
		base_image = stage->adds_from ? 0 : image;
	}
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

/* ---- stage by stage ---- */

/* The thread's own part of the room for cells, where it has one, for the images from `image` on. */
static void
take_dy_room(Backward *job, uint32_t image, int thread)
{
	const Plane plane = backward_dy_plane(job->stage);
	const size_t first = (size_t)thread * job->room.thread_images;

	if (!job->room.thread_images)
		return;
	job->dy = cells_at(job->memory->dy, first * plane_image(&plane), job->kernels->cell);
	job->dy_first = image;
}

/* What the sums of a stage read. */
static void
ahead_sums(Ahead *ahead, const Backward *job, uint32_t image, uint32_t count)
{
	const size_t cell = job->kernels->cell, out = backward_out_count(job->stage);

	if (backward_is_first(job))
		return;
	if (job->memory->best)
		ahead_add(ahead, cells_at(job->memory->best, image * out, cell), count * out * cell);
	else
		ahead_add(ahead, backward_y(job, image), count * plane_image(&job->stage->y) * cell);
}

/* What the weights' gradient of a chunk reads besides dy. */
static void
ahead_input(Ahead *ahead, const Backward *job, uint32_t image, uint32_t count)
{
	const StageMemory *from = &job->backend->stages[job->stage->from];
	const size_t in = plane_image(&job->stage->in);

	if (job->backend->layout.per_word == 2)
		ahead_add(ahead, cells_at(from->out_pairs, image / 2 * in, sizeof(float)), in * sizeof(float));
	else
		ahead_add(ahead, cells_at(from->out, image * in, sizeof(float)), count * in * sizeof(float));
}

/* What is asked for while the input's gradient of some images is made: what their weights' gradient and the sums of the
 * stage before will read, and then the next images. */
static void
ask_ahead(Backward *job, uint32_t image, uint32_t count)
{
	const StageLayout *stage = job->stage;
	const uint32_t next = image + 2, left = job->n > next ? job->n - next : 0, images = left < 2 ? left : 2;
	const size_t cell = job->kernels->cell;

	memset(job->ahead, 0, sizeof job->ahead);
	if (stage->kind != MAIN_CONV || !job->din)
		return;
	if (job->before)
		ahead_sums(job->ahead, job->before, image, count);
	if (job->room.chunk)
		ahead_input(job->ahead, job, image, count);
	if (!images)
		return;
	if (job->memory->best)
		ahead_sums(job->ahead, job, next, images);
	ahead_add(job->ahead, backward_dout(job, next), images * backward_out_count(stage) * cell);
	ahead_add(job->ahead, backward_y(job, next), images * plane_image(&stage->y) * cell);
}

/* Some images of a slice, two at a time. @param weights  of a stage that takes its weights' gradient in passing, or NULL */
static void
back_images(const Backward *all, Slice images, size_t slice, float *weights, int thread)
{
	Backward job = *all;
	Scratch *scratch = &job.backend->scratch[thread];

	for (uint32_t image = images.begin; image < images.end; image += 2) {
		const uint32_t count = images.end - image < 2 ? 1 : 2;
		if (job.room.thread_images == 2)
			take_dy_room(&job, image, thread);
		backward_dy(&job, image, count, scratch);
		ask_ahead(&job, image, count);
		backward_input(&job, image, count, scratch);
		if (job.stage->kind == MAIN_PATCHES)
			backward_patches(&job, image, count, weights, image > images.begin, scratch);
		if (job.stage->kind == MAIN_DEPTHWISE)
			backward_depthwise(&job, image, count, weights);
		if (job.stage->kind == MAIN_DENSE)
			dense_cells(&job, image, count);
		if (job.before)
			backward_add_sums(job.before, image, count, slice, thread);
	}
}

static void
back_slice(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);
	const bool is_depthwise = stage->kind == MAIN_DEPTHWISE;
	float *weights = stage->kind == MAIN_PATCHES || is_depthwise ? backward_slice_gradient(job, task) : NULL;

	if (job->before)
		backward_begin_sums(job->before, task);
	if (weights && (slice.begin == slice.end || is_depthwise))
		memset(weights, 0, stage->weight->count * sizeof *weights);
	back_images(job, slice, task, weights, thread);
}

/* A slice of the weights' gradient, which is some slices of other sums, chunk by chunk. */
static void
back_chunks(void *context, size_t task, int thread)
{
	Backward job = *(const Backward *)context;
	const size_t each = SLICES / job.slices, pairs = (size_t)thread * job.room.chunk / 2;
	bool is_added = false;

	if (job.dy_pairs)
		job.dy_pairs = cells_at(job.memory->dy_pairs, pairs * plane_image(&job.stage->y), sizeof(float));
	for (size_t slice = task * each; slice < (task + 1) * each; slice++) {
		const Slice images = slice_of_images(job.n, SLICES, (uint32_t)slice);
		if (job.before)
			backward_begin_sums(job.before, slice);
		for (uint32_t image = images.begin, end; image < images.end; image = end) {
			end = images.end - image < job.room.chunk ? images.end : image + job.room.chunk;
			job.pairs_first = image;
			take_dy_room(&job, image, thread);
			back_images(&job, (Slice){ image, end }, slice, NULL, thread);
			backward_chunk(&job, image, end - image, task, is_added, thread);
			is_added = true;
		}
	}
	if (!is_added)
		memset(backward_slice_gradient(&job, task), 0, backward_slice_count(job.backend, job.stage) * sizeof(float));
}

/* @param first  those before it are frozen: nobody wants their gradients */
static Backward
job_of(Backend *backend, const Batch *batch, size_t s, size_t first)
{
	const StageLayout *stage = &backend->layout.stages[s];
	const StageLayout *from = stage->from < (int)first ? NULL : &backend->layout.stages[stage->from];

	return (Backward){
		.backend = backend, .batch = batch, .s = s, .stage = stage, .memory = &backend->stages[s],
		.kernels = stage_kernels(backend->kernels, stage), .y = stage_y(backend, stage), .dout = backend->dout[s],
		.din = from ? backend->dout[stage->from] : NULL, .din_is_float = from && from->is_flat,
		.n = (uint32_t)batch->n, .slices = stage->weight ? wgrad_slices(stage) : 0,
		.room = backward_room(backend, stage), .dy = backend->stages[s].dy, .dy_pairs = backend->stages[s].dy_pairs,
	};
}

/* @param has_sums  the stage after has taken this one's on its way. @return the same for the stage before */
static bool
backward_stage(Backend *backend, const Batch *batch, size_t s, size_t first, bool has_sums)
{
	const Backward before = job_of(backend, batch, s ? s - 1 : 0, first);
	Backward job = job_of(backend, batch, s, first);
	const StageLayout *stage = job.stage;
	/* it is the last reader of that on the way back, so the gradient is complete */
	const bool takes_sums = s > first && stage->from == (int)s - 1 && stage->kind != MAIN_DENSE;

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
	if (job.room.chunk)
		team_run(backend->team, job.slices, back_chunks, &job);
	else
		team_run(backend->team, SLICES, back_slice, &job);
	if (stage->kind == MAIN_DENSE && job.din)
		backward_dense(&job);
	if (stage->weight)
		backward_weights(&job);
	return takes_sums;
}

void
train_backward(Backend *backend, const Batch *batch)
{
	const size_t first = backend->is_stepping ? backend->update.frozen_stages : 0;
	bool has_sums = false;

	for (size_t s = backend->layout.stage_count; s-- > first;)
		has_sums = backward_stage(backend, batch, s, first, has_sums);
}
