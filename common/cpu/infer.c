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

static void
fold_channels(Backend *backend, size_t s, const float *param, const float *bn)
{
	const StageLayout *stage = &backend->layout.stages[s];
	const Layer *layer = stage->stage->bn;

	for (uint32_t c = 0; c < stage->channels; c++) {
		const double bias = stage->bias ? (double)param[stage->bias->offset + c] : 0;
		double scale = 1, shift = bias;
		if (layer) {
			scale = (double)param[stage->gamma->offset + c] /
				sqrt((double)bn[layer->variance + c] + BN_EPSILON);
			shift = (double)param[stage->beta->offset + c] + (bias - (double)bn[layer->mean + c]) * scale;
		}
		backend->infer_scale[s][c] = (float)scale;
		backend->infer_shift[s][c] = (float)shift;
	}
}

static void
fold_weights(const Backend *backend, size_t s, const float *param)
{
	const StageLayout *stage = &backend->layout.stages[s];
	const uint32_t block = backend->kernels->block;
	const size_t rows = stage->weight->block_stride / block;
	const float *from = param + stage->weight->offset;
	float *to = backend->folded + stage->weight->offset;

	for (uint32_t first = 0; first < stage->channels; first += block)
		for (size_t row = 0; row < rows; row++, from += block, to += block)
			for (uint32_t i = 0; i < block && first + i < stage->channels; i++)
				to[i] = from[i] * backend->infer_scale[s][first + i];
}

static void
fold(Backend *backend, Vector which)
{
	const float *param = backend->vectors[which];
	const float *bn = backend->vectors[which == VECTOR_EMA ? VECTOR_EMA_BN : which == VECTOR_BEST ? VECTOR_BEST_BN : VECTOR_BN];

	if (backend->folded_version == backend->version && backend->folded_vector == which)
		return;
	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		fold_channels(backend, s, param, bn);
		if (backend->layout.stages[s].weight)
			fold_weights(backend, s, param);
	}
	backend->folded_version = backend->version;
	backend->folded_vector = which;
}

/* ---- one stage, a few images ---- */

static void
infer_main(const MainJob *main, const float *in, float *y, const Plane *plane, const Infer *job, uint64_t image,
	   uint32_t n, Scratch *scratch)
{
	const StageLayout *stage = main->stage;

	if (stage->kind == MAIN_CONV)
		main_images(main, in, y, plane, n);
	if (stage->kind == MAIN_DENSE)
		main_dense(main, in, y, n, 0, blocks_of_stage(main->backend, stage));
	for (uint32_t i = 0; i < n; i++) {
		if (stage->kind == MAIN_PATCHES)
			main_patches(main, batch_pixels(main->backend, job->batch, image + i),
				     y + i * plane_image(plane), plane, scratch);
		if (stage->kind == MAIN_FLATTEN)
			main_flatten(stage, in + i * plane_image(&stage->in), y + i * plane_image(plane));
	}
}

static void
infer_stage(const Infer *job, size_t s, const float *in, float *out, uint64_t image, uint32_t n, Scratch *scratch)
{
	Backend *backend = job->backend;
	const StageLayout *stage = &backend->layout.stages[s];
	const Affine affine = {
		.scale = backend->infer_scale[s], .shift = backend->infer_shift[s], .is_relu = stage->is_relu,
	};
	const MainJob main = {
		.backend = backend, .stage = stage, .bias = affine.shift, .is_relu = stage->is_relu,
		.weight = stage->weight ? backend->folded + stage->weight->offset : NULL,
	};
	const bool is_direct = stage->weight && !stage->has_pool;
	const float *y = stage->kind == MAIN_NONE ? in : scratch->infer_y;

	if (is_direct) {
		infer_main(&main, in, out, &stage->out, job, image, n, scratch);
		return;
	}
	infer_main(&main, in, scratch->infer_y, &stage->y, job, image, n, scratch);
	for (uint32_t i = 0; i < n; i++)
		stage_finish(backend->kernels, stage, stage->weight ? NULL : &affine, y + i * plane_image(&stage->y),
			     out + i * plane_image(&stage->out), scratch->z);
}

/* ---- all stages ---- */

static void
infer_stages(const Infer *job, size_t first, size_t end, uint64_t begin, uint64_t image, uint32_t n, Scratch *scratch)
{
	const StageLayout *stages = job->backend->layout.stages;
	const size_t flat = infer_first_flat(&job->backend->layout);

	for (size_t s = first; s < end; s++) {
		const float *in = s ? scratch->infer[s - 1] : scratch->infer_in;
		float *out = scratch->infer[s];
		if (s + 1 == flat) /* here images are gathered for the flat stages */
			out += (image - begin) * plane_image(&stages[s].out);
		infer_stage(job, s, in, out, image, n, scratch);
	}
}

static void
infer_input(const Infer *job, uint64_t image, uint32_t n, Scratch *scratch)
{
	const StageLayout *stage = job->backend->layout.stages;

	for (uint32_t i = 0; scratch->infer_in && i < n; i++)
		input_image(job->backend, stage, batch_pixels(job->backend, job->batch, image + i),
			    scratch->infer_in + i * plane_image(&stage->in));
}

static void
infer_task(void *context, size_t task, int thread)
{
	const Infer *job = context;
	const NetLayout *layout = &job->backend->layout;
	const uint64_t begin = task * INFER_IMAGES, n = job->batch->n;
	const uint64_t end = begin + INFER_IMAGES < n ? begin + INFER_IMAGES : n;
	const size_t flat = infer_first_flat(layout), last = layout->stage_count - 1;
	Scratch *scratch = &job->backend->scratch[thread];

	if (flat == 0)
		infer_input(job, begin, (uint32_t)(end - begin), scratch);
	for (uint64_t image = begin; flat && image < end; image += INFER_PAIR) {
		const uint32_t count = end - image < INFER_PAIR ? (uint32_t)(end - image) : INFER_PAIR;
		infer_input(job, image, count, scratch);
		infer_stages(job, 0, flat, begin, image, count, scratch);
	}
	infer_stages(job, flat, last + 1, begin, begin, (uint32_t)(end - begin), scratch);
	for (uint64_t image = begin; image < end; image++)
		softmax(scratch->infer[last] + (image - begin) * layout->stages[last].out.lanes, job->backend->net->classes,
			job->prob + image * job->backend->net->classes);
}

void
infer_predict(Backend *backend, const Batch *batch, Vector which, float *prob)
{
	Infer job = { .backend = backend, .batch = batch, .prob = prob };

	fold(backend, which);
	team_run(backend->team, (batch->n + INFER_IMAGES - 1) / INFER_IMAGES, infer_task, &job);
}
