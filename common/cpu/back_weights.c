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

/* The slices' sums of some floats, in a fixed tree; it is left where the first slice's are. */
static float *
reduce(const Backward *job, size_t begin, size_t floats)
{
	const size_t count = backward_slice_count(job->backend, job->stage);
	float *rows = backward_slice_gradient(job, 0) + begin;

	for (uint32_t gap = 1; gap < job->slices; gap *= 2)
		for (uint32_t i = 0; i + gap < job->slices; i += 2 * gap)
			job->backend->kernels->add(floats, rows + i * count, rows + (i + gap) * count);
	return rows;
}

static void
reduce_depthwise(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const size_t count = job->stage->weight->count, begin = task * UPDATE_FLOATS;
	const size_t floats = count - begin < UPDATE_FLOATS ? count - begin : UPDATE_FLOATS;

	(void)thread;
	memcpy(job->backend->gradient + job->stage->weight->offset + begin, reduce(job, begin, floats), floats * sizeof(float));
}

/* The gradient of the rows of a kernel's column. */
static void
unit_gradient(const Backward *job, const Unit *unit)
{
	const KernelTable *kernels = job->backend->kernels;
	const size_t floats = (size_t)unit->count * kernels->block, at = unit->block * slice_block(job->backend, job->stage) + unit->at;
	float *to = job->backend->gradient + unit->offset;
	const float *points[COLUMN_POINTS];

	if (!stage_has_columns(job->stage)) {
		for (uint32_t row = 0; row < unit->rows && job->slices > 1; row++, to += unit->row)
			memcpy(to, reduce(job, at + row * unit->row, floats), floats * sizeof *to);
		return;
	}
	for (uint32_t point = 0; point < COLUMN_POINTS; point++)
		points[point] = reduce(job, at + point * unit->row, floats);
	kernels->weight_rows(floats, points, (float *[3]){ to, to + unit->row, to + 2 * unit->row });
}

/* Some weights from their gradient's slices to the words of the next step, in the first-level cache. */
static void
weights_unit(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const Backend *backend = job->backend;
	const Unit unit = layout_unit(job->stage, backend->kernels->block, task);
	const size_t floats = (size_t)unit.count * backend->kernels->block;

	(void)thread;
	unit_gradient(job, &unit);
	if (!backend->is_stepping || !optimise_is_early(backend, job->stage))
		return;
	for (uint32_t row = 0; row < unit.rows; row++) {
		const size_t offset = unit.offset + row * unit.row;
		optimise_floats(backend, offset, floats, job->stage->weight->is_decayed, backend->gradient + offset);
	}
	layout_words(job->stage, backend->kernels, &unit, backend->vectors[VECTOR_PARAM], backend->words, backend->back);
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
	if (stage->kind == MAIN_DEPTHWISE && job->slices > 1)
		team_run(team, (stage->weight->count + UPDATE_FLOATS - 1) / UPDATE_FLOATS, reduce_depthwise, job);
	else if (stage->kind != MAIN_DENSE && stage->kind != MAIN_DEPTHWISE)
		team_run(team, layout_units(stage, job->backend->kernels->block), weights_unit, job);
}
