/* back_weights.c: training, backward: the gradient of a stage's weights. */
#include "cpu/backward.h"
#include "cpu/columns.h"

#include <string.h>

/* Floats of a block of a slice's gradient. */
static size_t
slice_block(const Backend *backend, const StageLayout *stage)
{
	if (stage_has_columns(stage))
		return (size_t)COLUMN_TAPS * stage->depth * backend->kernels->block;
	return stage->weight->block_stride;
}

size_t
backward_slice_count(const Backend *backend, const StageLayout *stage)
{
	return stage_has_columns(stage) ? stage->blocks * slice_block(backend, stage) : stage->weight->count;
}

float *
backward_slice_gradient(const Backward *job, size_t slice)
{
	const StageLayout *stage = job->stage;

	if (job->slices == 1 && !stage_has_columns(stage))
		return job->backend->gradient + stage->weight->offset;
	return job->backend->partial + slice * backward_slice_count(job->backend, stage);
}

BackwardRoom
backward_room(const Backend *backend, const StageLayout *stage)
{
	enum { CHUNK_MOST = 8, CHUNK_BYTES = 256 << 10 }; /* leaves room for weights and input in a second-level cache */
	const uint32_t threads = (uint32_t)backend->threads, per_word = backend->layout.per_word;
	const size_t batch = backend->options.batch_most, bytes = plane_image(&stage->y) * sizeof(float) / per_word;
	BackwardRoom room = { .images = batch, .pair_images = batch };

	if (stage->kind != MAIN_CONV)
		return room;
	if (wgrad_slices(stage) >= 2 * threads)
		room.chunk = bytes * CHUNK_MOST <= CHUNK_BYTES ? CHUNK_MOST : bytes * 4 <= CHUNK_BYTES ? 4 : 2;
	room.thread_images = per_word == 2 ? 2 : room.chunk;
	if (room.thread_images)
		room.images = (size_t)threads * room.thread_images;
	if (room.chunk)
		room.pair_images = (size_t)threads * room.chunk;
	return room;
}

static void
wgrad_images(const Backward *job, uint32_t image, uint32_t count, Slice blocks, float *to, bool is_added, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Plane plane = backward_dy_plane(stage);
	const void *dy = job->backend->layout.per_word == 2
		? cells_at(job->dy_pairs, (image - job->pairs_first) / 2 * plane_image(&stage->y), sizeof(float))
		: cells_at(job->dy, (image - job->dy_first) * plane_image(&plane), sizeof(float));

	if (stage_has_columns(stage)) {
		const void *x = job->backend->stages[stage->from].out_pairs;
		columns_wgrad(job->backend, stage, cells_at(x, image / 2 * plane_image(&stage->in), sizeof(float)), dy, count,
			      blocks.begin, blocks.end, to, is_added, scratch);
		return;
	}
	for (uint32_t block = blocks.begin; block < blocks.end; block++)
		main_images_wgrad(job->backend, stage, image, count, block, dy, to, is_added);
}

void
backward_chunk(const Backward *job, uint32_t image, uint32_t count, size_t slice, bool is_added, int thread)
{
	wgrad_images(job, image, count, (Slice){ 0, job->stage->blocks }, backward_slice_gradient(job, slice), is_added,
		     &job->backend->scratch[thread]);
}

static void
wgrad_conv(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;
	const uint32_t block = task % stage->blocks;
	const Slice slice = slice_of_images(job->n, job->slices, (uint32_t)(task / stage->blocks));
	const size_t floats = slice_block(job->backend, stage);
	float *to = backward_slice_gradient(job, task / stage->blocks);

	if (slice.begin < slice.end)
		wgrad_images(job, slice.begin, slice.end - slice.begin, (Slice){ block, block + 1 }, to, false,
			     &job->backend->scratch[thread]);
	else
		memset(to + block * floats, 0, floats * sizeof *to);
}

/* The first convolution's weights, from one or two images whose dy is in scratch memory. */
void
backward_patches(const Backward *job, uint32_t image, uint32_t count, float *to, bool is_added, Scratch *scratch)
{
	const uint32_t step = job->backend->layout.per_word; /* images of a word */

	for (uint32_t i = 0; i < count; i += step) {
		const uint8_t *const pixels[2] = {
			batch_pixels(job->backend, job->batch, image + i),
			step == 2 && count == 2 ? batch_pixels(job->backend, job->batch, image + 1) : NULL,
		};
		main_patches_wgrad(job->backend, pixels, cells_at(scratch->dy, i * plane_image(&job->stage->y), sizeof(float)),
				   scratch, to, is_added || i);
	}
}

void
backward_depthwise(const Backward *job, uint32_t image, uint32_t count, float *to)
{
	const StageLayout *stage = job->stage;
	const size_t cell = job->kernels->cell;
	const void *in = stage_input(job->backend, stage);

	for (uint32_t i = image; i < image + count; i++) {
		Depthwise depthwise = main_depthwise(stage, cell, job->backend->vectors[VECTOR_PARAM],
						     cells_at(in, i * plane_image(&stage->in), cell),
						     cells_at(job->memory->dy, i * plane_image(&stage->y), cell), &stage->y);
		depthwise.dweight = to;
		job->kernels->depthwise_wgrad(&depthwise);
	}
}

static void
wgrad_dense(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const void *in = stage_input(job->backend, job->stage);

	main_dense_wgrad(job->backend, job->s, in, job->n, (uint32_t)task, &job->backend->scratch[thread]);
}

static void
wgrad_reduce(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const size_t count = backward_slice_count(job->backend, job->stage), begin = task * UPDATE_FLOATS;
	const size_t floats = count - begin < UPDATE_FLOATS ? count - begin : UPDATE_FLOATS;
	float *rows = job->backend->partial + begin;

	(void)thread;
	for (uint32_t gap = 1; gap < job->slices; gap *= 2)
		for (uint32_t i = 0; i + gap < job->slices; i += 2 * gap)
			job->backend->kernels->add(floats, rows + i * count, rows + (i + gap) * count);
	if (!stage_has_columns(job->stage))
		memcpy(job->backend->gradient + job->stage->weight->offset + begin, rows, floats * sizeof *rows);
}

static void
wgrad_columns(void *context, size_t block, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;

	(void)thread;
	columns_gradient(stage, job->backend->kernels->block, job->backend->partial + block * slice_block(job->backend, stage),
			 job->backend->gradient + stage->weight->offset + block * stage->weight->block_stride);
}

void
backward_weights(Backward *job)
{
	const StageLayout *stage = job->stage;
	Team *team = job->backend->team;

	if (stage->kind == MAIN_DENSE)
		team_run(team, (stage->depth + PANEL_LANES - 1) / PANEL_LANES, wgrad_dense, job);
	else if (stage->kind == MAIN_CONV && !job->room.chunk)
		team_run(team, (size_t)job->slices * stage->blocks, wgrad_conv, job);
	if (stage->kind != MAIN_DENSE && job->slices > 1)
		team_run(team, (backward_slice_count(job->backend, stage) + UPDATE_FLOATS - 1) / UPDATE_FLOATS, wgrad_reduce, job);
	if (stage_has_columns(stage))
		team_run(team, stage->blocks, wgrad_columns, job);
}
