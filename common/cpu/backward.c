/* backward.c: training, backward, from the last stage to the first: the sums that batch norm's gradient needs, then dy,
 * then the gradient of the input and of the weights. */
#include "cpu/engine.h"
#include "cpu/tree.h"

#include <string.h>

typedef struct Backward {
	const struct Backward *before; /* whose sums are taken on the way, as soon as an image's gradient is there */
	Backend *backend;
	const Batch *batch;
	size_t s;
	const StageLayout *stage;
	StageMemory *memory;
	const KernelTable *kernels; /* of this stage's y and out */
	const void *y;
	void *dout;	 /* of this stage's output, without halo */
	void *din;	 /* NULL: the pixels need none */
	bool din_is_float;
	uint32_t n;
	uint32_t slices; /* of the weight gradient */
} Backward;

static size_t
out_count(const StageLayout *stage)
{
	return (size_t)stage->out.h * stage->out.w * stage->out.lanes;
}

static Affine
affine_of(const Backward *job)
{
	const StageChannels *channels = &job->memory->channels;

	return (Affine){ .scale = channels->scale, .shift = channels->shift, .is_relu = job->stage->is_relu };
}

static const void *
y_of(const Backward *job, uint32_t image)
{
	return cells_at(job->y, image * plane_image(&job->stage->y), job->kernels->cell);
}

static void *
dout_of(const Backward *job, uint32_t image)
{
	return cells_at(job->dout, image * out_count(job->stage), job->kernels->cell);
}

/* ---- stages that the fused kernels can't do: by floats, in scratch memory ---- */

static void
undo_dropout(const Backward *job, uint32_t image, float *dout)
{
	const size_t count = out_count(job->stage);
	const float scale = (float)(1 / (1 - job->stage->stage->dropout->rate));
	const uint8_t *keep = job->memory->keep + image * count;

	for (size_t i = 0; i < count; i++)
		dout[i] = keep[i] ? dout[i] * scale : 0;
}

/* y as floats to scratch->y[i]. @return the gradient at z, [y.h][y.w][lanes] */
static const float *
gradient_at_z(const Backward *job, uint32_t image, int i, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Affine affine = affine_of(job);
	const size_t pixels = (size_t)stage->y.h * stage->y.w;

	job->kernels->load(pixels * stage->y.lanes, y_of(job, image), scratch->y[i]);
	job->kernels->load(out_count(stage), dout_of(job, image), scratch->out[i]);
	if (stage->stage->dropout)
		undo_dropout(job, image, scratch->out[i]);
	if (!stage->has_pool)
		return scratch->out[i];
	job->kernels->affine(&affine, scratch->y[i], scratch->z, pixels, stage->y.lanes);
	job->kernels->pool_back(&stage->pool, scratch->z, scratch->out[i], scratch->dz);
	return scratch->dz;
}

/* dy of one or two images, as floats, in place of their y, then stored */
static void
back_slowly(const Backward *job, uint32_t image, uint32_t count, void *const dy[2], size_t dy_row, void *pairs,
	    Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const size_t row = (size_t)stage->y.w * stage->y.lanes;
	Store store = {
		.h = stage->y.h, .w = stage->y.w, .lanes = stage->y.lanes, .to = { dy[0], dy[1] }, .to_row = dy_row,
		.pairs = pairs, .pairs_row = row,
	};

	for (uint32_t i = 0; i < count; i++) {
		const float *dz = gradient_at_z(job, image + i, (int)i, scratch);
		job->kernels->floats->back(&(Back){
			.affine = affine_of(job), .coefficients = job->memory->channels.coefficients, .h = stage->y.h,
			.w = stage->y.w, .lanes = stage->y.lanes, .y = { scratch->y[i] }, .dout = { dz },
			.dy = { scratch->y[i] }, .dy_row = row,
		});
		store.from[i] = scratch->y[i];
	}
	job->kernels->store(&store);
}

/* ---- sums ---- */

static void
sums_image(const Backward *job, uint32_t image, double *sums, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Affine affine = affine_of(job);
	const uint32_t lanes = stage->y.lanes;
	const float *mean = job->memory->channels.mean;
	const size_t pixels = (size_t)stage->y.h * stage->y.w;

	if (!stage->is_fused) {
		const float *dz = gradient_at_z(job, image, 0, scratch);
		job->kernels->floats->sums(&affine, scratch->y[0], dz, mean, pixels, lanes, sums, sums + lanes);
		return;
	}
	if (stage->stage->dropout) /* flat, so floats */
		undo_dropout(job, image, dout_of(job, image));
	if (stage->has_pool) /* what doesn't reach the largest of a window is 0 */
		job->kernels->sums(&affine, cells_at(job->memory->best, image * out_count(stage), job->kernels->cell),
				   dout_of(job, image), mean, (size_t)stage->out.h * stage->out.w, lanes, sums, sums + lanes);
	else
		job->kernels->sums(&affine, y_of(job, image), dout_of(job, image), mean, pixels, lanes, sums, sums + lanes);
}

/* @return a slice's sums, zero */
static double *
begin_sums(const Backward *job, size_t slice)
{
	const uint32_t lanes = job->stage->y.lanes;
	double *sums = job->memory->channels.sums + slice * 2 * lanes;

	memset(sums, 0, 2 * lanes * sizeof *sums);
	return sums;
}

static void
sums_slice(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);
	double *sums = begin_sums(job, task);

	for (uint32_t image = slice.begin; image < slice.end; image++)
		sums_image(job, image, sums, &job->backend->scratch[thread]);
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
dy_pair(const Backward *job, uint32_t image, uint32_t count, Scratch *scratch)
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
		.affine = affine_of(job), .coefficients = memory->channels.coefficients,
		.pool = stage->has_pool ? &stage->pool : NULL, .h = stage->y.h, .w = stage->y.w, .lanes = stage->y.lanes,
		.dy_row = plane_row(&plane), .pairs = pairs,
	};

	if (!base && !pairs)
		return;
	for (uint32_t i = 0; i < count; i++) {
		back.y[i] = y_of(job, image + i);
		back.dout[i] = dout_of(job, image + i);
		back.best[i] = memory->best ? cells_at(memory->best, (image + i) * out_count(stage), job->kernels->cell) : NULL;
		back.dy[i] = base ? cells_at(base, (base_image + i) * image_cells + first, job->kernels->cell) : NULL;
	}
	if (stage->is_fused)
		job->kernels->back(&back);
	else
		back_slowly(job, image, count, back.dy, back.dy_row, pairs, scratch);
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
wgrad_conv(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const StageLayout *stage = job->stage;
	const uint32_t block = task % stage->blocks;
	const Slice slice = slice_of_images(job->n, job->slices, (uint32_t)(task / stage->blocks));
	float *to = slice_gradient(job, task / stage->blocks);

	(void)thread;
	if (slice.begin < slice.end)
		main_images_wgrad(job->backend, job->s, slice.begin, slice.end - slice.begin, block, to);
	else
		memset(to + block * stage->weight->block_stride, 0, stage->weight->block_stride * sizeof *to);
}

/* The first convolution's weights, from one or two images whose dy is in scratch memory. */
static void
wgrad_patches(const Backward *job, uint32_t image, uint32_t count, float *to, bool is_added, Scratch *scratch)
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

static void
wgrad_dense(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const void *in = job->s ? job->memory[-1].out_cells : job->backend->input;

	main_dense_wgrad(job->backend, job->s, in, job->n, (uint32_t)task, &job->backend->scratch[thread]);
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
back_weights(Backward *job)
{
	const StageLayout *stage = job->stage;
	Team *team = job->backend->team;

	if (stage->kind == MAIN_DENSE)
		team_run(team, (stage->depth + CHANNEL_ALIGN - 1) / CHANNEL_ALIGN, wgrad_dense, job);
	else if (stage->kind == MAIN_CONV)
		team_run(team, (size_t)job->slices * stage->blocks, wgrad_conv, job);
	if (stage->kind != MAIN_DENSE && job->slices > 1)
		team_run(team, (stage->weight->count + UPDATE_FLOATS - 1) / UPDATE_FLOATS, wgrad_reduce, job);
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
	double *sums = job->before ? begin_sums(job->before, task) : NULL;
	float *patches = stage->kind == MAIN_PATCHES ? slice_gradient(job, task) : NULL;

	if (patches && slice.begin == slice.end)
		memset(patches, 0, stage->weight->count * sizeof *patches);
	for (uint32_t image = slice.begin; image < slice.end; image += 2) {
		const uint32_t count = slice.end - image < 2 ? 1 : 2;
		dy_pair(job, image, count, scratch);
		if (stage->kind == MAIN_CONV)
			back_conv(job, image, count, scratch);
		if (patches)
			wgrad_patches(job, image, count, patches, image > slice.begin, scratch);
		if (stage->kind == MAIN_DENSE)
			dense_cells(job, image, count);
		for (uint32_t i = image; stage->kind == MAIN_FLATTEN && job->din && i < image + count; i++)
			main_unflatten(kernels, stage, (const float *)job->memory->dy + i * plane_image(&stage->y),
				       cells_at(job->din, i * plane_image(&stage->in), kernels->cell), scratch);
		for (uint32_t i = image; sums && i < image + count; i++)
			sums_image(job->before, i, sums, scratch);
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
		team_run(backend->team, SLICES, sums_slice, &job);
	take_sums(&job);
	job.before = takes_sums ? &before : NULL;
	team_run(backend->team, SLICES, back_slice, &job);
	if (stage->kind == MAIN_DENSE && s)
		team_run(backend->team, stage->back_blocks < SLICES ? stage->back_blocks : SLICES, back_dense, &job);
	if (stage->weight)
		back_weights(&job);
	return takes_sums;
}

void
train_backward(Backend *backend, const Batch *batch)
{
	bool has_sums = false;

	for (size_t s = backend->layout.stage_count; s--;)
		has_sums = backward_stage(backend, batch, s, has_sums);
}
