/* forward.c: training, forward: each stage's main operation with the batch's moments, then its affine, pool, dropout. */
#include "cpu/engine.h"
#include "cpu/tree.h"

#include <math.h>
#include <string.h>

typedef struct Forward {
	Backend *backend;
	const Batch *batch;
	size_t s;
	const StageLayout *stage;
	StageMemory *memory;
	const float *in;
	float *y;
	uint32_t n;
} Forward;

static size_t
y_image(const StageLayout *stage)
{
	return plane_image(&stage->y);
}

/* ---- main ---- */

static void
forward_image(const Forward *job, const MainJob *main, uint32_t image, uint32_t count, int thread)
{
	const StageLayout *stage = job->stage;
	Scratch *scratch = &job->backend->scratch[thread];
	const float *in = job->in ? job->in + image * plane_image(&stage->in) : NULL;
	float *y = job->y + image * y_image(stage);

	if (stage->kind == MAIN_CONV)
		main_images(main, in, y, &stage->y, count);
	for (uint32_t i = 0; i < count; i++) {
		if (stage->kind == MAIN_PATCHES)
			main_patches(main, batch_pixels(job->backend, job->batch, image + i), y + i * y_image(stage),
				     &stage->y, scratch);
		if (stage->kind == MAIN_FLATTEN)
			main_flatten(stage, in + i * plane_image(&stage->in), y + i * y_image(stage));
	}
}

static void
forward_slice(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const StageLayout *stage = job->stage;
	const Slice slice = slice_of(job->n, SLICES, (uint32_t)task);
	const uint32_t lanes = stage->y.lanes;
	double *sums = job->memory->channels.sums + task * 2 * lanes;
	const MainJob main = {
		.backend = job->backend,
		.stage = stage,
		.weight = stage->weight ? job->backend->vectors[VECTOR_PARAM] + stage->weight->offset : NULL,
	};

	memset(sums, 0, 2 * lanes * sizeof *sums);
	for (uint32_t image = slice.begin; image < slice.end; image += 2) {
		const uint32_t count = slice.end - image < 2 ? 1 : 2;
		forward_image(job, &main, image, count, thread);
		if (stage->stage->bn)
			job->backend->kernels->moments(job->y + image * y_image(stage),
						       (size_t)count * stage->y.h * stage->y.w, lanes, sums,
						       sums + lanes);
	}
}

static void
forward_dense(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const StageLayout *stage = job->stage;
	const uint32_t blocks = blocks_of_stage(job->backend, stage), block = task % blocks;
	const Slice slice = slice_of(job->n, (job->n + 63) / 64, (uint32_t)(task / blocks));
	const MainJob main = {
		.backend = job->backend,
		.stage = stage,
		.weight = job->backend->vectors[VECTOR_PARAM] + stage->weight->offset,
	};

	(void)thread;
	main_dense(&main, job->in + slice.begin * plane_image(&stage->in), job->y + slice.begin * y_image(stage),
		   slice.end - slice.begin, block, block + 1);
}

/* ---- batch norm's scale and shift ---- */

static void
take_statistics(const Forward *job)
{
	const StageLayout *stage = job->stage;
	StageChannels *channels = &job->memory->channels;
	const uint32_t lanes = stage->y.lanes;
	const float *param = job->backend->vectors[VECTOR_PARAM];
	const double count = (double)job->n * stage->y.h * stage->y.w;

	tree_add(channels->sums, SLICES, 2 * lanes);
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

/* ---- affine, pool, dropout ---- */

static void
drop_units(const Forward *job, uint32_t image)
{
	const StageLayout *stage = job->stage;
	const Plane *plane = &stage->out;
	const double rate = stage->stage->dropout->rate;
	const uint64_t threshold = (uint64_t)floor(rate * 0x1p32);
	const float scale = (float)(1 / (1 - rate));
	float *out = job->memory->out + image * plane_image(plane) + (size_t)plane->left * plane->lanes;
	uint8_t *keep = job->memory->keep + (size_t)image * plane->h * plane->w * plane->lanes;
	RandomWords words = { { 0 } };
	uint32_t unit = 0;

	for (uint32_t c = 0; c < stage->channels; c++)
		for (uint32_t y = 0; y < plane->h; y++)
			for (uint32_t x = 0; x < plane->w; x++, unit++) {
				if (unit % 4 == 0)
					words = random_words(job->memory->dropout_key, unit / 4, job->batch->epoch,
							     (uint64_t)job->batch->ids[image]);
				const bool is_kept = words.x[unit % 4] >= threshold;
				keep[((size_t)y * plane->w + x) * plane->lanes + c] = is_kept;
				float *a = &out[y * plane_row(plane) + (size_t)x * plane->lanes + c];
				*a = is_kept ? *a * scale : 0;
			}
}

static void
finish_slice(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const StageLayout *stage = job->stage;
	const KernelTable *kernels = job->backend->kernels;
	const Slice slice = slice_of(job->n, SLICES, (uint32_t)task);
	const Affine affine = stage_affine(stage, &job->memory->channels);

	for (uint32_t image = slice.begin; image < slice.end; image++) {
		const float *y = job->y + image * y_image(stage);
		stage_finish(kernels, stage, &affine, y, job->memory->out + image * plane_image(&stage->out),
			     job->backend->scratch[thread].z);
		if (stage->stage->dropout)
			drop_units(job, image);
	}
}

static void
forward_stage(Backend *backend, const Batch *batch, size_t s)
{
	const StageLayout *stage = &backend->layout.stages[s];
	StageMemory *memory = &backend->stages[s];
	const float *in = s ? memory[-1].out : backend->input;
	Forward job = {
		.backend = backend, .batch = batch, .s = s, .stage = stage, .memory = memory, .in = in,
		.y = memory->y ? memory->y : (float *)(uintptr_t)in, .n = (uint32_t)batch->n,
	};

	if (stage->kind == MAIN_DENSE)
		team_run(backend->team, (size_t)blocks_of_stage(backend, stage) * ((batch->n + 63) / 64),
			 forward_dense, &job);
	team_run(backend->team, SLICES, forward_slice, &job);
	if (stage->stage->bn)
		take_statistics(&job);
	else
		take_bias(&job);
	team_run(backend->team, SLICES, finish_slice, &job);
}

static void
make_input(void *context, size_t task, int thread)
{
	const Forward *job = context;
	const Slice slice = slice_of(job->n, SLICES, (uint32_t)task);

	(void)thread;
	for (uint32_t image = slice.begin; image < slice.end; image++)
		input_image(job->backend, job->stage, batch_pixels(job->backend, job->batch, image),
			    job->backend->input + image * plane_image(&job->stage->in));
}

void
train_forward(Backend *backend, const Batch *batch)
{
	Forward job = { .backend = backend, .batch = batch, .stage = backend->layout.stages, .n = (uint32_t)batch->n };

	if (backend->input)
		team_run(backend->team, SLICES, make_input, &job);
	for (size_t s = 0; s < backend->layout.stage_count; s++)
		forward_stage(backend, batch, s);
}
