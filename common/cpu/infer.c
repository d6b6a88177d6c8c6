/* infer.c: prediction. Batch norm is folded into the weights before it, once a change of the weights; a few images at a
 * time go through all convolutions, so that what passes between them stays in the cache. Bytes go the same way as floats
 * and bf16, but that their sums get a scale at once, before a pool. */
#include "cpu/fold.h"
#include "cpu/observe.h"
#include "cpu/winograd.h"

#include <string.h>

/* Products of words, of one image: some 3 us of a core, where a run of the team costs 1. Sums of one image wait for each
 * other, so that this is less than a convolution's. */
enum { DENSE_SPLIT_WORK = 100000 };

typedef struct Infer {
	Backend *backend;
	const Batch *batch;
	float *prob;
	uint32_t images; /* that a task takes */
	Team *team;	 /* that shares a task, where there is but one; else NULL */
} Infer;

/* ---- one stage, a few images ---- */

/* Is the stage's pool done with its sums? A bias of every pixel's own doesn't commute with it. */
static bool
pools_sums(const Folded *folded, size_t s)
{
	if (folded->winograd[s])
		return winograd_can_pool(&folded->layout.stages[s]);
	return rows_can_pool(&folded->layout.stages[s]) && !(folded->map && folded->map[s]);
}

typedef struct Few {
	const Infer *job;
	size_t s;
	const StageLayout *stage;
	const KernelTable *kernels; /* of this stage's y and out */
	const void *in;		    /* cells */
	void *out, *out_cells;
	uint64_t image;
	uint32_t n;
	Scratch *scratch;
} Few;

/* A dense layer of few images: blocks of its outputs are shared. */
typedef struct Dense {
	const MainJob *job;
	const void *in;
	float *y;
	uint32_t n, parts;
} Dense;

static void
dense_task(void *context, size_t part, int thread)
{
	const Dense *dense = context;
	const uint64_t blocks = dense->job->stage->blocks;

	(void)thread;
	main_dense(dense->job, dense->in, dense->y, dense->n, (uint32_t)(blocks * part / dense->parts),
		   (uint32_t)(blocks * (part + 1) / dense->parts));
}

static void
infer_dense(const Few *few, const MainJob *main, float *y)
{
	const StageLayout *stage = few->stage;
	const uint32_t threads = main->team ? (uint32_t)team_threads(main->team) : 1;
	Dense dense = { .job = main, .in = few->in, .y = y, .n = few->n,
			.parts = stage->blocks < threads ? stage->blocks : threads };

	if (main->team && (size_t)stage->depth_words * stage->y.lanes >= DENSE_SPLIT_WORK)
		team_run(main->team, dense.parts, dense_task, &dense);
	else
		main_dense(main, few->in, y, few->n, 0, stage->blocks);
}

static void
infer_main(const Few *few, const MainJob *main, void *y, const Plane *plane)
{
	const StageLayout *stage = few->stage;
	const size_t cell = main->kernels->cell, y_image = plane_image(plane);
	const size_t y_cell = main->y_is_float ? sizeof(float) : few->kernels->cell;
	const bool is_pooled = pools_sums(&main->backend->folded, few->s);

	if (stage->kind == MAIN_CONV && main->backend->folded.winograd[few->s])
		main_winograd(main, few->in, y, plane, is_pooled, few->n, few->scratch);
	else if (stage->kind == MAIN_CONV)
		main_images(main, few->in, y, plane, few->n, few->scratch);
	if (stage->kind == MAIN_DENSE)
		infer_dense(few, main, y);
	for (uint32_t i = 0; i < few->n; i++) {
		void *here = cells_at(y, i * y_image, y_cell);
		if (stage->kind == MAIN_ROWS)
			main_rows(main, batch_pixels(main->backend, few->job->batch, few->image + i), here, plane,
				  is_pooled, few->scratch);
		const void *in = cells_at(few->in, i * plane_image(&stage->in), cell);
		if (stage->kind == MAIN_FLATTEN)
			main_flatten(main->kernels, stage, in, here, few->scratch);
		if (stage->kind == MAIN_DEPTHWISE) {
			Depthwise depthwise = main_depthwise(stage, cell, main->backend->folded.weight, in, here, plane);
			depthwise.bias = main->bias;
			depthwise.is_relu = main->is_relu;
			depthwise.zero = main->scale;
			depthwise.y_is_float = main->y_is_float;
			main->kernels->depthwise(&depthwise);
		}
	}
}

/* From y to the output: batch norm or a bias, unless the sums had it, and a pool. */
static void
infer_finish(const Few *few, const void *y)
{
	const StageLayout *stage = few->stage;
	const Folded *folded = &few->job->backend->folded;
	const size_t cell = few->kernels->cell, first = (size_t)stage->out.left * stage->out.lanes;
	const bool is_done = folded->quantities && stage->weight;
	Ends ends = {
		.backend = few->job->backend, .kernels = folded->kernels, .layout = &folded->layout, .stage = stage,
		.affine = { .scale = is_done ? NULL : folded->scale[few->s], .shift = folded->shift[few->s],
			    .is_relu = stage_has_early_relu(stage) },
		.scratch = few->scratch,
	};
	const StageLayout *other = stage->other < 0 ? NULL : &folded->layout.stages[stage->other];

	for (uint32_t i = 0; i < few->n; i++) {
		ends.y[0] = cells_at(y, i * plane_image(&stage->y), cell);
		ends.out[0] = cells_at(few->out, i * plane_image(&stage->out) + first, cell);
		if (other)
			ends.other[0] = cells_at(few->scratch->infer[stage->other], i * plane_image(&other->out),
						 stage_kernels(folded->kernels, other)->cell);
		ends_finish(&ends);
	}
}

/* The image that is added, in its own steps. @return floats without halo */
static const float *
load_other(const Few *few, uint32_t i)
{
	const Folded *folded = &few->job->backend->folded;
	const StageLayout *other = &folded->layout.stages[few->stage->other];
	const KernelTable *kernels = stage_kernels(folded->kernels, other);
	const Plane *plane = &other->out;
	const size_t row = (size_t)plane->w * plane->lanes;

	for (uint32_t y = 0; y < plane->h; y++) {
		const size_t at = i * plane_image(plane) + y * plane_row(plane) + (size_t)plane->left * plane->lanes;
		kernels->load(row, cells_at(few->scratch->infer[few->stage->other], at, kernels->cell),
			      few->scratch->other + y * row);
	}
	return few->scratch->other;
}

/* Numbers that are not rounded to bytes before a sum and a pool. y: floats where they are sums of products, else what the
 * stage reads */
static void
infer_floats(const Few *few, const void *y)
{
	const StageLayout *stage = few->stage;
	const Folded *folded = &few->job->backend->folded;
	const size_t count = plane_image(&stage->y), pixels = (size_t)stage->y.h * stage->y.w;
	const Affine affine = { .scale = folded->scale[few->s], .shift = folded->shift[few->s] };
	const size_t first = (size_t)stage->out.left * stage->out.lanes;

	for (uint32_t i = 0; i < few->n; i++) {
		float *here = stage->weight ? (float *)(uintptr_t)y + i * count : few->scratch->y[0];
		if (!stage->weight) {
			few->kernels->load(count, cells_at(y, i * count, few->kernels->cell), here);
			few->kernels->affine(&affine, here, here, pixels, stage->y.lanes);
		}
		if (stage->other >= 0)
			few->kernels->add_scaled(pixels * stage->y.lanes, quantise_added_step(folded, few->s), here,
						 load_other(few, i));
		if (stage->other >= 0 && stage->is_relu)
			few->kernels->relu(pixels * stage->y.lanes, here);
		if (stage->has_pool)
			few->kernels->pool(&stage->pool, here, few->scratch->out[0]);
		few->kernels->store(&(Store){
			.h = stage->out.h, .w = stage->out.w, .lanes = stage->out.lanes,
			.from = { stage->has_pool ? few->scratch->out[0] : here },
			.to = { cells_at(few->out, i * plane_image(&stage->out) + first, few->kernels->cell) },
			.to_row = plane_row(&stage->out),
		});
	}
}

static void
infer_stage(const Few *few)
{
	const Backend *backend = few->job->backend;
	const Folded *folded = &backend->folded;
	const StageLayout *stage = few->stage;
	const bool is_bytes = folded->quantities && stage->weight;
	const bool has_whole_sums = stage->taps || stage->kind == MAIN_DEPTHWISE;
	const bool is_direct = has_whole_sums && stage->other < 0 && (!stage->has_pool || pools_sums(folded, few->s));
	const bool adds_bytes = folded->quantities && stage->other >= 0;
	const bool keeps_floats = adds_bytes || (is_bytes && stage->has_pool && !stage->is_fused);
	const bool is_whole = is_direct || is_bytes; /* bias, and ReLU unless something is added before, come with the sums */
	MainJob main = {
		.backend = backend, .kernels = folded->kernels, .stage = stage, .words = folded->words,
		.bias = is_whole ? folded->shift[few->s] : NULL, .is_relu = is_whole && !adds_bytes && stage->is_relu,
		.team = few->job->team, .scale = is_bytes ? folded->scale[few->s] : NULL, .y_is_float = is_bytes && keeps_floats,
	};

	if (is_bytes && folded->map[few->s]) {
		main.bias = folded->map[few->s];
		main.bias_pixel = stage->y.lanes;
	}
	infer_main(few, &main, is_direct ? few->out : few->scratch->infer_y, is_direct ? &stage->out : &stage->y);
	const void *y = stage->kind == MAIN_NONE ? few->in : few->scratch->infer_y;
	if (keeps_floats)
		infer_floats(few, y);
	else if (!is_direct)
		infer_finish(few, y);
	if (few->out_cells != few->out)
		folded->kernels->store(&(Store){
			.h = 1, .w = 1, .lanes = (uint32_t)plane_image(&stage->out) * few->n, .from = { few->out },
			.to = { few->out_cells },
		});
	const Plane bare = plane_bare(&stage->out);
	for (uint32_t i = 0; stage->has_bare && i < few->n; i++)
		ends_bare(&stage->out, folded->kernels->cell,
			  cells_at(few->out_cells, i * plane_image(&stage->out), folded->kernels->cell),
			  cells_at(few->scratch->infer_bare[few->s], i * plane_image(&bare), folded->kernels->cell));
	observe(backend, few->s, few->out, few->n, few->scratch);
}

/* ---- all stages ---- */

/* Where there is no main operation, a flat stage reads floats, not cells. */
static const void *
input_of(const NetLayout *layout, size_t s, const Scratch *scratch)
{
	const StageLayout *stage = &layout->stages[s];

	if (stage->from < 0)
		return scratch->infer_in;
	if (scratch->infer_bare[stage->from] && stage->kind != MAIN_CONV)
		return scratch->infer_bare[stage->from];
	return stage->kind == MAIN_NONE ? scratch->infer[stage->from] : scratch->infer_cells[stage->from];
}

static void
infer_stages(const Infer *job, size_t first, size_t end, uint64_t begin, uint64_t image, uint32_t n, Scratch *scratch)
{
	const Folded *folded = &job->backend->folded;
	const size_t flat = first_flat(&folded->layout);

	for (size_t s = first; s < end; s++) {
		Few few = {
			.job = job, .s = s, .stage = &folded->layout.stages[s], .in = input_of(&folded->layout, s, scratch),
			.out = scratch->infer[s], .out_cells = scratch->infer_cells[s], .image = image, .n = n,
			.scratch = scratch,
		};
		few.kernels = stage_kernels(folded->kernels, few.stage);
		if (s + 1 == flat) { /* here images are gathered for the flat stages */
			few.out = cells_at(few.out, (image - begin) * plane_image(&few.stage->out), few.kernels->cell);
			few.out_cells = few.out;
		}
		infer_stage(&few);
	}
}

/* Pixels are bytes already. */
static void
infer_bytes(const StageLayout *stage, const uint8_t *pixels, uint8_t *to)
{
	const Shape *in = &stage->stage->in;

	for (size_t i = 0; i < (size_t)in->h * in->w; i++, pixels += in->c)
		memcpy(to + i * stage->in.lanes, pixels, in->c);
}

/* What the last stage has put out, as the numbers that softmax wants. */
static void
infer_logits(const Folded *folded, const void *out, float *logits)
{
	const size_t last = folded->layout.stage_count - 1;
	const StageLayout *stage = &folded->layout.stages[last];

	stage_kernels(folded->kernels, stage)->load(stage->out.lanes, out, logits);
	for (uint32_t k = 0; folded->quantities && k < folded->layout.net->classes; k++)
		logits[k] = (logits[k] - folded->quantities[last].zero) * folded->quantities[last].step;
}

static void
infer_input(const Infer *job, uint64_t image, uint32_t n, Scratch *scratch)
{
	const Folded *folded = &job->backend->folded;
	const StageLayout *stage = folded->layout.stages;

	for (uint32_t i = 0; scratch->infer_in && i < n; i++) {
		const uint8_t *pixels = batch_pixels(job->backend, job->batch, image + i);
		void *to = cells_at(scratch->infer_in, i * plane_image(&stage->in), folded->kernels->cell);
		if (folded->quantities)
			infer_bytes(stage, pixels, to);
		else
			input_image(job->backend, folded->kernels, stage, pixels, to, scratch->input[0]);
	}
}

static void
infer_task(void *context, size_t task, int thread)
{
	const Infer *job = context;
	const Folded *folded = &job->backend->folded;
	const NetLayout *layout = &folded->layout;
	const uint64_t begin = task * job->images, n = job->batch->n;
	const uint64_t end = begin + job->images < n ? begin + job->images : n;
	const size_t flat = first_flat(layout), last = layout->stage_count - 1;
	const StageLayout *stage = &layout->stages[last];
	const size_t cell = stage_kernels(folded->kernels, stage)->cell;
	Scratch *scratch = &job->backend->scratch[thread];

	if (flat == 0)
		infer_input(job, begin, (uint32_t)(end - begin), scratch);
	for (uint64_t image = begin; flat && image < end; image += folded->few) {
		const uint32_t count = end - image < folded->few ? (uint32_t)(end - image) : folded->few;
		infer_input(job, image, count, scratch);
		infer_stages(job, 0, flat, begin, image, count, scratch);
	}
	infer_stages(job, flat, last + 1, begin, begin, (uint32_t)(end - begin), scratch);
	for (uint64_t image = begin; image < end; image++) {
		infer_logits(folded, cells_at(scratch->infer[last], (image - begin) * stage->out.lanes, cell), scratch->z);
		softmax(scratch->z, job->backend->net->classes, job->prob + image * job->backend->net->classes);
	}
}

/* Whole pairs, and for small batches so few that every thread has some. */
static uint32_t
images_of_task(const Backend *backend, uint64_t n)
{
	const uint64_t share = (n + (uint64_t)backend->threads - 1) / (uint64_t)backend->threads;
	const uint64_t pairs = (share + INFER_PAIR - 1) / INFER_PAIR;

	return pairs * INFER_PAIR < INFER_IMAGES ? (uint32_t)(pairs * INFER_PAIR) : INFER_IMAGES;
}

void
infer_predict(Backend *backend, const Batch *batch, Vector which, float *prob)
{
	Infer job = { .backend = backend, .batch = batch, .prob = prob, .images = images_of_task(backend, batch->n) };

	fold(backend, which);
	if (batch->n <= INFER_PAIR) {
		job.team = backend->team;
		infer_task(&job, 0, 0);
	} else {
		team_run(backend->team, (batch->n + job.images - 1) / job.images, infer_task, &job);
	}
	observe_finish(backend);
}
