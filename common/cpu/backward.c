/* backward.c: training, backward, from the last stage to the first: the sums that batch norm's gradient needs, then dy,
 * then the gradient of the input and of the weights. */
#include "cpu/engine.h"
#include "cpu/tree.h"

#include <string.h>

typedef struct Backward {
	Backend *backend;
	const Batch *batch;
	const StageLayout *stage;
	StageMemory *memory;
	const float *in;
	const float *y;
	float *dout;	/* of this stage's output; dropout is undone in place */
	float *din;	/* NULL: the pixels need none */
	uint32_t n;
	uint32_t slices; /* of the weight gradient */
} Backward;

/* ---- gradients through dropout and pool ---- */

static void
undo_dropout(const Backward *job, uint32_t image)
{
	const Plane *plane = &job->stage->out;
	const size_t floats = (size_t)plane->h * plane->w * plane->lanes;
	const float scale = (float)(1 / (1 - job->stage->stage->dropout->rate));
	const uint8_t *keep = job->memory->keep + image * floats;
	float *dout = job->dout + image * floats;

	for (size_t i = 0; i < floats; i++)
		dout[i] = keep[i] ? dout[i] * scale : 0;
}

/* The gradient at z, [y.h][y.w][lanes]. */
static const float *
gradient_at_z(const Backward *job, const Affine *affine, uint32_t image, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const KernelTable *kernels = job->backend->kernels;
	const float *dout = job->dout + (size_t)image * stage->out.h * stage->out.w * stage->out.lanes;

	if (!stage->has_pool)
		return dout;
	kernels->affine(affine, job->y + image * plane_image(&stage->y), scratch->z, (size_t)stage->y.h * stage->y.w,
			stage->y.lanes);
	kernels->pool_back(&stage->pool, scratch->z, dout, scratch->dz);
	return scratch->dz;
}

/* ---- sums ---- */

static void
sums_slice(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;
	const StageChannels *channels = &job->memory->channels;
	const Slice slice = slice_of(job->n, SLICES, (uint32_t)task);
	const Affine affine = stage_affine(stage, channels);
	const uint32_t lanes = stage->y.lanes;
	double *sums = channels->sums + task * 2 * lanes;

	memset(sums, 0, 2 * lanes * sizeof *sums);
	for (uint32_t image = slice.begin; image < slice.end; image++) {
		if (stage->stage->dropout)
			undo_dropout(job, image);
		const float *dz = gradient_at_z(job, &affine, image, &job->backend->scratch[thread]);
		job->backend->kernels->affine_sums(&affine, job->y + image * plane_image(&stage->y), dz, channels->mean,
						   (size_t)stage->y.h * stage->y.w, lanes, sums, sums + lanes);
	}
}

/* dgamma, dbeta or dbias, and dy = a d + b y + c; a bias before batch norm changes nothing, so its gradient is 0. */
static void
take_sums(const Backward *job)
{
	const StageLayout *stage = job->stage;
	StageChannels *channels = &job->memory->channels;
	const uint32_t lanes = stage->y.lanes;
	float *gradient = job->backend->gradient, *a = channels->coefficients, *b = a + lanes, *c = b + lanes;
	const double count = (double)job->n * stage->y.h * stage->y.w;

	tree_add(channels->sums, SLICES, 2 * lanes);
	for (uint32_t i = 0; i < stage->channels; i++) {
		const double first = channels->sums[i], second = channels->sums[lanes + i];
		a[i] = channels->scale[i];
		if (stage->stage->bn) {
			const double inverse = channels->deviation_inverse[i];
			const double slope = -(double)a[i] * inverse * inverse * second / count;
			b[i] = (float)slope;
			c[i] = (float)(-(double)a[i] * first / count - slope * (double)channels->mean[i]);
			gradient[stage->gamma->offset + i] = (float)(second * inverse);
			gradient[stage->beta->offset + i] = (float)first;
		}
		if (stage->bias)
			gradient[stage->bias->offset + i] = stage->stage->bn ? 0 : (float)first;
	}
}

/* ---- dy, and the input's gradient ---- */

/* rows of dz to rows of dy, wherever those lie */
static void
dy_image(const Backward *job, const Affine *affine, uint32_t image, const float *dz, float *dy, size_t dy_row)
{
	const StageLayout *stage = job->stage;
	const size_t row = (size_t)stage->y.w * stage->y.lanes;
	const float *y = job->y + image * plane_image(&stage->y);

	for (uint32_t i = 0; i < stage->y.h; i++)
		job->backend->kernels->affine_back(affine, y + i * row, dz + i * row, job->memory->channels.coefficients,
						   dy + i * dy_row, stage->y.w, stage->y.lanes);
}

/* zeros between the pixels of a strided convolution's dy, so that the way back has stride 1 */
static const float *
dilate(const StageLayout *stage, const float *dy, float *dilated)
{
	const Plane *plane = &stage->dy;
	const size_t pixel = stage->y.lanes;

	memset(dilated, 0, plane_image(plane) * sizeof *dilated); /* other stages leave theirs */
	for (uint32_t y = 0; y < stage->y.h; y++)
		for (uint32_t x = 0; x < stage->y.w; x++)
			memcpy(dilated + y * stage->dilation * plane_row(plane) +
				       (plane->left + (size_t)x * stage->dilation) * pixel,
			       dy + ((size_t)y * stage->y.w + x) * pixel, pixel * sizeof *dy);
	return dilated;
}

static void
back_conv(const Backward *job, uint32_t image, int thread)
{
	const StageLayout *stage = job->stage;
	Scratch *scratch = &job->backend->scratch[thread];
	float *din = job->din + image * (size_t)stage->in.h * stage->in.w * stage->in.lanes;

	const float *dy = job->memory->dy;

	if (stage->dilation > 1)
		dy = dilate(stage, dy + image * plane_image(&stage->y), scratch->dilated);
	else
		dy += image * plane_image(&stage->dy);
	main_images_back(job->backend, stage, dy, din, 1);
}

static void
back_slice(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;
	const Slice slice = slice_of(job->n, SLICES, (uint32_t)task);
	const Affine affine = stage_affine(stage, &job->memory->channels);
	const Plane plane = stage->kind == MAIN_CONV && stage->dilation == 1 ? stage->dy : stage->y;
	Scratch *scratch = &job->backend->scratch[thread];

	for (uint32_t image = slice.begin; image < slice.end; image++) {
		const float *dz = gradient_at_z(job, &affine, image, scratch);
		float *dy = stage->kind == MAIN_NONE ? job->din : job->memory->dy;
		if (!dy)
			continue;
		dy += image * plane_image(&plane) + (size_t)plane.left * plane.lanes;
		dy_image(job, &affine, image, dz, dy, plane_row(&plane));
		if (stage->kind == MAIN_FLATTEN && job->din)
			main_unflatten(stage, dy, job->din + image * plane_image(&stage->in));
		if (stage->kind == MAIN_CONV)
			back_conv(job, image, thread);
	}
}

static void
back_dense(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const uint32_t lanes = (uint32_t)plane_image(&job->stage->in), block = job->backend->kernels->block;
	const uint32_t blocks = (lanes + block - 1) / block;
	const Slice slice = slice_of(blocks, blocks < SLICES ? blocks : SLICES, (uint32_t)task);

	(void)thread;
	main_dense_back(job->backend, job->stage, job->memory->dy, job->din, job->n, slice.begin, slice.end);
}

/* ---- the weights' gradient ---- */

static float *
slice_gradient(const Backward *job, size_t slice)
{
	const StageLayout *stage = job->stage;

	if (job->slices == 1)
		return job->backend->gradient + stage->weight->offset;
	return job->backend->partial + slice * stage->weight->count;
}

static void
wgrad_slice(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;
	const uint32_t blocks = stage->kind == MAIN_CONV ? blocks_of_stage(job->backend, stage) : 1;
	const Slice slice = slice_of(job->n, job->slices, (uint32_t)(task / blocks));
	const Plane *plane = stage->dilation == 1 ? &stage->dy : &stage->y;
	const size_t block_floats = stage->weight->block_stride;
	float *to = slice_gradient(job, task / blocks);

	if (slice.begin == slice.end)
		memset(to + task % blocks * block_floats, 0,
		       (stage->kind == MAIN_CONV ? block_floats : stage->weight->count) * sizeof *to);
	else if (stage->kind == MAIN_CONV)
		main_images_wgrad(job->backend, stage, job->in + slice.begin * plane_image(&stage->in),
				  job->memory->dy + slice.begin * plane_image(plane), slice.end - slice.begin,
				  (uint32_t)(task % blocks), to);
	else
		for (uint32_t image = slice.begin; image < slice.end; image++)
			main_patches_wgrad(job->backend, stage, batch_pixels(job->backend, job->batch, image),
					   job->memory->dy + image * plane_image(&stage->y), &job->backend->scratch[thread],
					   to, image > slice.begin);
}

static void
wgrad_reduce(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const size_t count = job->stage->weight->count, begin = task * UPDATE_FLOATS;
	const size_t floats = count - begin < UPDATE_FLOATS ? count - begin : UPDATE_FLOATS;
	float *rows = job->backend->partial + begin;

	(void)thread;
	for (uint32_t gap = 1; gap < job->slices; gap *= 2)
		for (uint32_t i = 0; i + gap < job->slices; i += 2 * gap)
			job->backend->kernels->add(floats, rows + i * count, rows + (i + gap) * count);
	memcpy(job->backend->gradient + job->stage->weight->offset + begin, rows, floats * sizeof *rows);
}

static void
wgrad_dense(void *context, size_t task, int thread)
{
	const Backward *job = context;

	main_dense_wgrad(job->backend, job->stage, job->in, job->memory->dy, job->n, (uint32_t)task,
			 &job->backend->scratch[thread], job->backend->gradient + job->stage->weight->offset);
}

static void
back_weights(Backward *job)
{
	const StageLayout *stage = job->stage;
	Team *team = job->backend->team;

	if (stage->kind == MAIN_DENSE) {
		team_run(team, (stage->c + CHANNEL_ALIGN - 1) / CHANNEL_ALIGN, wgrad_dense, job);
		return;
	}
	job->slices = wgrad_slices(job->backend, stage);
	team_run(team,
		 (size_t)job->slices * (stage->kind == MAIN_CONV ? blocks_of_stage(job->backend, stage) : 1),
		 wgrad_slice, job);
	if (job->slices > 1)
		team_run(team, (stage->weight->count + UPDATE_FLOATS - 1) / UPDATE_FLOATS, wgrad_reduce, job);
}

/* ---- stage by stage ---- */

static void
backward_stage(Backend *backend, const Batch *batch, size_t s)
{
	const StageLayout *stage = &backend->layout.stages[s];
	StageMemory *memory = &backend->stages[s];
	const float *in = s ? memory[-1].out : backend->input;
	Backward job = {
		.backend = backend, .batch = batch, .stage = stage, .memory = memory, .in = in,
		.y = memory->y ? memory->y : in, .dout = backend->dout[s % 2],
		.din = s ? backend->dout[(s + 1) % 2] : NULL, .n = (uint32_t)batch->n,
	};

	team_run(backend->team, SLICES, sums_slice, &job);
	take_sums(&job);
	team_run(backend->team, SLICES, back_slice, &job);
	if (stage->kind == MAIN_DENSE && s) {
		const uint32_t block = backend->kernels->block;
		const size_t blocks = (plane_image(&stage->in) + block - 1) / block;
		team_run(backend->team, blocks < SLICES ? blocks : SLICES, back_dense, &job);
	}
	if (stage->weight)
		back_weights(&job);
}

typedef struct Transpose {
	Backend *backend;
	const StageLayout *stage;
} Transpose;

static void
transpose_part(void *context, size_t task, int thread)
{
	const Transpose *job = context;

	(void)thread;
	layout_back(&job->backend->layout, job->stage, task, job->backend->vectors[VECTOR_PARAM], job->backend->back);
}

void
train_backward(Backend *backend, const Batch *batch)
{
	const NetLayout *layout = &backend->layout;

	for (size_t s = 1; s < layout->stage_count; s++) {
		Transpose job = { .backend = backend, .stage = &layout->stages[s] };
		if (job.stage->back_count)
			team_run(backend->team, layout_back_parts(job.stage, layout->block), transpose_part, &job);
	}
	for (size_t s = layout->stage_count; s--;)
		backward_stage(backend, batch, s);
}
