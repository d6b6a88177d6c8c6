/* infer.c: prediction. Batch norm is folded into the weights before it, once a change of the weights; a few images at a
 * time go through all convolutions, so that what passes between them stays in the cache. */
#include "cpu/engine.h"

#include <math.h>

typedef struct Infer {
	Backend *backend;
	const Batch *batch;
	float *prob;
} Infer;

/* ---- folding ---- */

/* Where there are weights, batch norm's scale goes into them. */
static void
fold_channels(Folded *folded, size_t s, const float *param, const float *bn, float *weight_scale)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const Layer *layer = stage->stage->bn;

	for (uint32_t c = 0; c < stage->channels; c++) {
		const double bias = stage->bias ? (double)param[stage->bias->offset + c] : 0;
		double scale = 1, shift = bias;
		if (layer) {
			scale = (double)param[stage->gamma->offset + c] /
				sqrt((double)bn[layer->variance + c] + BN_EPSILON);
			shift = (double)param[stage->beta->offset + c] + (bias - (double)bn[layer->mean + c]) * scale;
		}
		folded->shift[s][c] = (float)shift;
		folded->scale[s][c] = stage->weight ? 1 : (float)scale;
		weight_scale[c] = (float)scale;
	}
}

static void
fold_depthwise(Folded *folded, const StageLayout *stage, const float *param, const float *scale)
{
	const float *from = param + stage->weight->offset;
	float *to = folded->weight + stage->weight->offset;
	const uint32_t lanes = stage->y.lanes;

	for (size_t i = 0; i < stage->weight->count; i++)
		to[i] = i % lanes < stage->channels ? from[i] * scale[i % lanes] : 0;
}

static void
fold_weights(Folded *folded, size_t s, const float *param, const float *scale)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const uint32_t block = folded->layout.block;
	const size_t rows = stage->weight->block_stride / block;
	const float *from = param + stage->weight->offset;
	float *to = folded->weight + stage->weight->offset;

	for (uint32_t first = 0; first < stage->channels; first += block)
		for (size_t row = 0; row < rows; row++, from += block, to += block)
			for (uint32_t i = 0; i < block && first + i < stage->channels; i++)
				to[i] = from[i] * scale[first + i];
	for (size_t part = 0; part < layout_words_parts(stage); part++)
		layout_words(stage, folded->kernels, part, folded->weight, folded->words);
}

static void
fold(Backend *backend, Vector which)
{
	Folded *folded = &backend->folded;
	const float *param = backend->vectors[which];
	const float *bn = backend->vectors[which == VECTOR_EMA	  ? VECTOR_EMA_BN
					   : which == VECTOR_BEST ? VECTOR_BEST_BN
								  : VECTOR_BN];

	if (folded->version == backend->version && folded->vector == which)
		return;
	for (size_t s = 0; s < folded->layout.stage_count; s++) {
		float *scale = backend->scratch[0].z; /* as long as any image, so as any stage's channels */
		fold_channels(folded, s, param, bn, scale);
		if (folded->layout.stages[s].kind == MAIN_DEPTHWISE)
			fold_depthwise(folded, &folded->layout.stages[s], param, scale);
		else if (folded->layout.stages[s].weight)
			fold_weights(folded, s, param, scale);
	}
	folded->version = backend->version;
	folded->vector = which;
}

/* ---- one stage, a few images ---- */

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

static void
infer_main(const Few *few, const MainJob *main, void *y, const Plane *plane)
{
	const StageLayout *stage = few->stage;
	const size_t cell = main->kernels->cell, y_image = plane_image(plane);

	if (stage->kind == MAIN_CONV)
		main_images(main, few->in, y, plane, few->n);
	if (stage->kind == MAIN_DENSE)
		main_dense(main, few->in, y, few->n, 0, stage->blocks);
	for (uint32_t i = 0; i < few->n; i++) {
		void *here = cells_at(y, i * y_image, few->kernels->cell);
		if (stage->kind == MAIN_ROWS)
			main_rows(main, batch_pixels(main->backend, few->job->batch, few->image + i), here, plane,
				  rows_can_pool(stage), few->scratch);
		const void *in = cells_at(few->in, i * plane_image(&stage->in), cell);
		if (stage->kind == MAIN_FLATTEN)
			main_flatten(main->kernels, stage, in, here, few->scratch);
		if (stage->kind == MAIN_DEPTHWISE) {
			const Depthwise depthwise =
				main_depthwise(stage, cell, main->backend->folded.weight, in, here, plane);
			main->kernels->depthwise(&depthwise);
		}
	}
}

static void
infer_finish(const Few *few, const void *y)
{
	const StageLayout *stage = few->stage;
	const Folded *folded = &few->job->backend->folded;
	const size_t cell = few->kernels->cell, first = (size_t)stage->out.left * stage->out.lanes;
	Ends ends = {
		.backend = few->job->backend, .kernels = folded->kernels, .layout = &folded->layout, .stage = stage,
		.affine = { .scale = folded->scale[few->s], .shift = folded->shift[few->s],
			    .is_relu = stage->is_relu && stage->other < 0 },
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

static void
infer_stage(const Few *few)
{
	const Backend *backend = few->job->backend;
	const Folded *folded = &backend->folded;
	const StageLayout *stage = few->stage;
	const bool is_direct = stage->taps && stage->other < 0 && (!stage->has_pool || rows_can_pool(stage));
	const MainJob main = {
		.backend = backend, .kernels = folded->kernels, .stage = stage, .words = folded->words,
		.bias = is_direct ? folded->shift[few->s] : NULL, .is_relu = is_direct && stage->is_relu,
	};

	infer_main(few, &main, is_direct ? few->out : few->scratch->infer_y, is_direct ? &stage->out : &stage->y);
	if (!is_direct)
		infer_finish(few, stage->kind == MAIN_NONE ? few->in : few->scratch->infer_y);
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

static void
infer_input(const Infer *job, uint64_t image, uint32_t n, Scratch *scratch)
{
	const Folded *folded = &job->backend->folded;
	const StageLayout *stage = folded->layout.stages;

	for (uint32_t i = 0; scratch->infer_in && i < n; i++)
		input_image(job->backend, folded->kernels, stage, batch_pixels(job->backend, job->batch, image + i),
			    cells_at(scratch->infer_in, i * plane_image(&stage->in), folded->kernels->cell),
			    scratch->input[0]);
}

static void
infer_task(void *context, size_t task, int thread)
{
	const Infer *job = context;
	const Folded *folded = &job->backend->folded;
	const NetLayout *layout = &folded->layout;
	const uint64_t begin = task * INFER_IMAGES, n = job->batch->n;
	const uint64_t end = begin + INFER_IMAGES < n ? begin + INFER_IMAGES : n;
	const size_t flat = first_flat(layout), last = layout->stage_count - 1;
	const StageLayout *stage = &layout->stages[last];
	const KernelTable *kernels = stage_kernels(folded->kernels, stage);
	Scratch *scratch = &job->backend->scratch[thread];

	if (flat == 0)
		infer_input(job, begin, (uint32_t)(end - begin), scratch);
	for (uint64_t image = begin; flat && image < end; image += INFER_PAIR) {
		const uint32_t count = end - image < INFER_PAIR ? (uint32_t)(end - image) : INFER_PAIR;
		infer_input(job, image, count, scratch);
		infer_stages(job, 0, flat, begin, image, count, scratch);
	}
	infer_stages(job, flat, last + 1, begin, begin, (uint32_t)(end - begin), scratch);
	for (uint64_t image = begin; image < end; image++) {
		kernels->load(stage->out.lanes,
			      cells_at(scratch->infer[last], (image - begin) * stage->out.lanes, kernels->cell), scratch->z);
		softmax(scratch->z, job->backend->net->classes, job->prob + image * job->backend->net->classes);
	}
}

void
infer_predict(Backend *backend, const Batch *batch, Vector which, float *prob)
{
	Infer job = { .backend = backend, .batch = batch, .prob = prob };

	fold(backend, which);
	team_run(backend->team, (batch->n + INFER_IMAGES - 1) / INFER_IMAGES, infer_task, &job);
}
