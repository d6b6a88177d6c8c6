/* forward.c: training, forward: each stage's main operation with the batch's moments, then its affine, pool, dropout. */
#include "cpu/engine.h"
#include "cpu/tree.h"

#include <math.h>
#include <string.h>

enum { DENSE_IMAGES = 64 }; /* that a task takes */

typedef struct Forward {
	const struct Forward *before; /* its stage, to be finished image by image on the way; NULL: it is finished */
	Backend *backend;
	const Batch *batch;
	size_t s;
	const StageLayout *stage;
	StageMemory *memory;
	const KernelTable *kernels; /* of this stage's y and out */
	const void *in;		    /* as cells */
	void *y;
	uint32_t n;
} Forward;

static MainJob
main_job(const Forward *job)
{
	return (MainJob){
		.backend = job->backend, .kernels = job->backend->kernels, .stage = job->stage, .words = job->backend->words,
		.asks_ahead = true,
	};
}

static void *
y_of(const Forward *job, uint32_t image)
{
	return cells_at(job->y, image * plane_image(&job->stage->y), job->kernels->cell);
}

static bool
is_first(const Forward *job)
{
	return job->s == 0 && job->backend->first;
}

/* ---- main ---- */

/* What finishing the next images of the stage before will read, from where this one begins. */
static void
ask_ahead(const Forward *job, uint32_t next, Ahead *ahead)
{
	const Forward *before = job->before;
	const uint32_t left = job->n > next ? job->n - next : 0;

	if (before && left && !is_first(before))
		ahead_add(ahead, y_of(before, next),
			  (left < 2 ? left : 2) * plane_image(&before->stage->y) * before->kernels->cell);
}

static void
forward_pair(const Forward *job, uint32_t image, uint32_t count, double *sums, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const uint32_t lanes = stage->y.lanes;
	const bool is_conv = stage->kind == MAIN_CONV || stage->kind == MAIN_PATCHES;
	const float *param = job->backend->vectors[VECTOR_PARAM];
	MainJob main = main_job(job);
	const size_t in_image = plane_image(&stage->in), cell = job->backend->kernels->cell;

	if (stage->kind == MAIN_CONV)
		ask_ahead(job, image + 2, main.ahead);
	if (stage->stage->bn && is_conv) {
		main.sum = sums;
		main.square = sums + lanes;
	}
	if (stage->kind == MAIN_CONV)
		main_images(&main, cells_at(job->in, image * in_image, cell), y_of(job, image), &stage->y, count,
			    scratch);
	for (uint32_t i = image; i < image + count; i++) {
		if (stage->kind == MAIN_PATCHES)
			main_patches(&main, batch_pixels(job->backend, job->batch, i), y_of(job, i), &stage->y, scratch);
		const void *in = cells_at(job->in, i * in_image, cell);
		if (stage->kind == MAIN_FLATTEN)
			main_flatten(job->backend->kernels, stage, in, y_of(job, i), scratch);
		if (stage->kind == MAIN_DEPTHWISE) {
			const Depthwise depthwise = main_depthwise(stage, cell, param, in, y_of(job, i), &stage->y);
			job->kernels->depthwise(&depthwise);
		}
	}
	if (stage->stage->bn && !is_conv)
		job->kernels->moments(y_of(job, image), (size_t)count * stage->y.h * stage->y.w, lanes, sums, sums + lanes);
}

static uint32_t
dense_chunks(uint32_t n)
{
	return (n + DENSE_IMAGES - 1) / DENSE_IMAGES;
}

static void
forward_dense(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const StageLayout *stage = job->stage;
	const uint32_t block = task % stage->blocks;
	const Slice slice = slice_of(job->n, dense_chunks(job->n), (uint32_t)(task / stage->blocks));
	const MainJob main = main_job(job);

	(void)thread;
	main_dense(&main, cells_at(job->in, slice.begin * plane_image(&stage->in), job->backend->kernels->cell),
		   y_of(job, slice.begin), slice.end - slice.begin, block, block + 1);
}

/* ---- batch norm's scale and shift ---- */

/* from the sums of slice 0 */
static void
take_statistics(const Forward *job)
{
	const StageLayout *stage = job->stage;
	StageChannels *channels = &job->memory->channels;
	const uint32_t lanes = stage->y.lanes;
	const float *param = job->backend->vectors[VECTOR_PARAM];
	const double count = (double)job->n * stage->y.h * stage->y.w;

	for (uint32_t c = 0; c < stage->channels; c++) {
		const double mean = channels->sums[c] / count;
		const double variance = fmax(channels->sums[lanes + c] / count - mean * mean, 0);
		const double inverse = 1 / sqrt(variance + BN_EPSILON);
		const float gamma = param[stage->gamma->offset + c], beta = param[stage->beta->offset + c];
		channels->mean[c] = (float)mean;
		channels->scale[c] = (float)((double)gamma * inverse);
		channels->shift[c] = (float)((double)beta - mean * (double)gamma * inverse);
		channels->deviation_inverse[c] = inverse;
		channels->mean_batch[c] = mean + (stage->bias ? (double)param[stage->bias->offset + c] : 0);
		channels->variance_batch[c] = count > 1 ? variance * count / (count - 1) : variance;
	}
}

static void
take_bias(const Forward *job)
{
	const StageLayout *stage = job->stage;
	StageChannels *channels = &job->memory->channels;
	const float *param = job->backend->vectors[VECTOR_PARAM];

	for (uint32_t c = 0; c < stage->channels; c++) {
		channels->scale[c] = 1;
		channels->shift[c] = stage->bias ? param[stage->bias->offset + c] : 0;
	}
}

/* ---- affine, sum, pool, dropout ---- */

/* Some images without halo, for who wants them so. */
static void
bare_images(const Forward *job, uint32_t image, uint32_t count)
{
	const Plane *plane = &job->stage->out, bare = plane_bare(plane);
	const size_t cell = job->backend->kernels->cell;

	for (uint32_t i = image; job->memory->bare && i < image + count; i++)
		ends_bare(plane, cell, cells_at(job->memory->out_cells, i * plane_image(plane), cell),
			  cells_at(job->memory->bare, i * plane_image(&bare), cell));
}

static const void *
other_image(const Forward *job, uint32_t image)
{
	const StageLayout *other = &job->backend->layout.stages[job->stage->other];
	const size_t cell = stage_kernels(job->backend->kernels, other)->cell;

	return cells_at(job->backend->stages[job->stage->other].out, image * plane_image(&other->out), cell);
}

static void
finish_pair(const Forward *job, uint32_t image, uint32_t count, int thread)
{
	const StageLayout *stage = job->stage;
	const StageChannels *channels = &job->memory->channels;
	StageMemory *memory = job->memory;
	const size_t out = plane_image(&stage->out), cell = job->kernels->cell;
	const size_t first = (size_t)stage->out.left * stage->out.lanes;
	const size_t best = (size_t)stage->out.h * stage->out.w * stage->out.lanes;
	Ends ends = {
		.backend = job->backend, .kernels = job->backend->kernels, .layout = &job->backend->layout, .stage = stage,
		.affine = { .scale = channels->scale, .shift = channels->shift, .is_relu = stage_has_early_relu(stage) },
		.batch = job->batch, .memory = memory, .image = image, .scratch = &job->backend->scratch[thread],
		.out_pairs = memory->out_pairs ? cells_at(memory->out_pairs, image / 2 * out + first, sizeof(float)) : NULL,
	};

	if (is_first(job)) {
		first_forward(job->backend, job->batch, image, count, thread);
		bare_images(job, image, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		ends.y[i] = y_of(job, image + i);
		ends.out[i] = cells_at(memory->out, (image + i) * out + first, cell);
		ends.best[i] = memory->best ? cells_at(memory->best, (image + i) * best, cell) : NULL;
		ends.other[i] = stage->other >= 0 ? other_image(job, image + i) : NULL;
	}
	ends_finish(&ends);
	for (uint32_t i = 0; i < count && memory->out_cells != memory->out; i++)
		job->backend->kernels->store(&(Store){
			.h = 1, .w = 1, .lanes = stage->out.lanes, .from = { ends.out[i] },
			.to = { cells_at(memory->out_cells, (image + i) * out, job->backend->kernels->cell) },
		});
	bare_images(job, image, count);
}

static void
finish_slice(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);

	for (uint32_t image = slice.begin; image < slice.end; image += 2)
		finish_pair(job, image, slice.end - image < 2 ? 1 : 2, thread);
}

/* ---- stage by stage ---- */

static void
forward_slice(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const StageLayout *stage = job->stage;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);
	const uint32_t lanes = stage->y.lanes;
	double *sums = job->memory->channels.sums + task * 2 * lanes;

	memset(sums, 0, 2 * lanes * sizeof *sums);
	for (uint32_t image = slice.begin; image < slice.end; image += 2) {
		const uint32_t count = slice.end - image < 2 ? 1 : 2;
		if (job->before)
			finish_pair(job->before, image, count, thread);
		forward_pair(job, image, count, sums, &job->backend->scratch[thread]);
	}
}

static Forward
job_of(Backend *backend, const Batch *batch, size_t s)
{
	const StageLayout *stage = &backend->layout.stages[s];

	return (Forward){
		.backend = backend, .batch = batch, .s = s, .stage = stage, .memory = &backend->stages[s],
		.kernels = stage_kernels(backend->kernels, stage), .in = stage_input(backend, stage),
		.y = stage_y(backend, stage), .n = (uint32_t)batch->n,
	};
}

/* Does the next stage begin image by image where this one left off? */
static bool
is_finished_by_next(const NetLayout *layout, size_t s)
{
	return s + 1 < layout->stage_count && layout->stages[s + 1].from == (int)s && layout->stages[s + 1].kind != MAIN_DENSE;
}

/* A stage begins image by image where the one before left off, in the cache, if it reads that; a dense layer wants all
 * images at once. */
static void
forward_stage(Backend *backend, const Batch *batch, size_t s)
{
	const Forward before = job_of(backend, batch, s ? s - 1 : 0);
	Forward job = job_of(backend, batch, s);

	if (job.stage->kind == MAIN_DENSE) {
		team_run(backend->team, (size_t)job.stage->blocks * dense_chunks(job.n), forward_dense, &job);
	} else if (s && is_finished_by_next(&backend->layout, s - 1)) {
		job.before = &before;
	}
	if (is_first(&job))
		first_moments(backend, batch);
	else if (job.stage->kind != MAIN_DENSE || job.stage->stage->bn)
		team_run(backend->team, SLICES, forward_slice, &job);
	if (job.stage->stage->bn && !is_first(&job))
		tree_add(job.memory->channels.sums, SLICES, 2 * job.stage->y.lanes);
	if (job.stage->stage->bn)
		take_statistics(&job);
	else
		take_bias(&job);
	if (!is_finished_by_next(&backend->layout, s))
		team_run(backend->team, SLICES, finish_slice, &job);
}

static void
make_input(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const Backend *backend = job->backend;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);

	for (uint32_t image = slice.begin; image < slice.end; image++)
		input_image(backend, backend->kernels, job->stage, batch_pixels(backend, job->batch, image),
			    cells_at(backend->input, image * plane_image(&job->stage->in), backend->kernels->cell),
			    backend->scratch[thread].input[0]);
}

void
train_forward(Backend *backend, const Batch *batch)
{
	Forward job = { .backend = backend, .batch = batch, .stage = backend->layout.stages, .n = (uint32_t)batch->n };

	optimise_words(backend);
	if (backend->input)
		team_run(backend->team, SLICES, make_input, &job);
	for (size_t s = 0; s < backend->layout.stage_count; s++)
		forward_stage(backend, batch, s);
}
