/* back_sums.c: training, backward: the sums that batch norm's gradient needs, and what they give. */
#include "cpu/backward.h"

#include <string.h>

/* ---- stages that the fused kernels can't do: by floats, in scratch memory ---- */

static void
undo_dropout(const Backward *job, uint32_t image, float *dout)
{
	const size_t count = backward_out_count(job->stage);
	const float scale = (float)(1 / (1 - job->stage->stage->dropout->rate));

	job->backend->kernels->drop(count, job->memory->keep + image * count, scale, dout);
}

/* z once more, as the forward pass made it: affine(y), the other image, ReLU */
static void
make_z(const Backward *job, uint32_t image, const float *y, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Affine affine = backward_affine(job);
	const NetLayout *layout = &job->backend->layout;

	job->kernels->affine(&affine, y, scratch->z, (size_t)stage->y.h * stage->y.w, stage->y.lanes);
	if (stage->other >= 0) {
		const StageLayout *other = &layout->stages[stage->other];
		const size_t cell = stage_kernels(job->backend->kernels, other)->cell;
		ends_add(job->backend->kernels, layout, stage,
			 cells_at(job->backend->stages[stage->other].out, image * plane_image(&other->out), cell), scratch,
			 scratch->z);
	}
}

const float *
backward_at_z(const Backward *job, uint32_t image, int i, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const size_t pixels = (size_t)stage->y.h * stage->y.w;
	const bool has_late_relu = stage->other >= 0 && stage->is_relu;
	float *dz = scratch->out[i];

	job->kernels->load(pixels * stage->y.lanes, backward_y(job, image), scratch->y[i]);
	job->kernels->load(backward_out_count(stage), backward_dout(job, image), scratch->out[i]);
	if (stage->stage->dropout)
		undo_dropout(job, image, scratch->out[i]);
	if (stage->has_pool || has_late_relu)
		make_z(job, image, scratch->y[i], scratch);
	if (stage->has_pool) {
		dz = scratch->dz;
		job->kernels->pool_back(&stage->pool, scratch->z, scratch->out[i], dz);
	}
	if (has_late_relu)
		job->kernels->relu_back(pixels * stage->y.lanes, scratch->z, dz);
	return dz;
}

/* ---- sums ---- */

/* The gradient of a fused sum, in place of that of the stage's output; the other that was summed has the same. */
static void
back_to_sum(const Backward *job, uint32_t image)
{
	const StageLayout *stage = job->stage;
	const Plane *out = &stage->out;
	const size_t cell = job->kernels->cell, at = image * backward_out_count(stage);
	const size_t first = image * plane_image(out) + (size_t)out->left * out->lanes;

	if (!stage->is_relu && stage->shares_gradient)
		return;
	job->kernels->sum_back(&(SumBack){
		.h = out->h, .w = out->w, .lanes = out->lanes, .out_row = plane_row(out),
		.out = stage->is_relu ? cells_at(job->memory->out, first, cell) : NULL,
		.dout = cells_at(job->dout, at, cell),
		.other = stage->shares_gradient ? NULL : cells_at(job->backend->dout[stage->other], at, cell),
	});
}

static void
sums_image(const Backward *job, uint32_t image, double *sums, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Affine affine = backward_affine(job);
	const uint32_t lanes = stage->y.lanes;
	const float *mean = job->memory->channels.mean;
	const size_t pixels = (size_t)stage->y.h * stage->y.w;

	if (!stage->is_fused) {
		const float *dz = backward_at_z(job, image, 0, scratch);
		job->kernels->floats->sums(&affine, scratch->y[0], dz, mean, pixels, lanes, sums, sums + lanes);
		return;
	}
	if (stage->other >= 0)
		back_to_sum(job, image);
	if (stage->stage->dropout) /* flat, so floats */
		undo_dropout(job, image, backward_dout(job, image));
	if (!stage->gamma && !stage->bias)
		return; /* nobody wants sums */
	if (stage->has_pool) /* what doesn't reach the largest of a window is 0 */
		job->kernels->sums(&affine, cells_at(job->memory->best, image * backward_out_count(stage), job->kernels->cell),
				   backward_dout(job, image), mean, (size_t)stage->out.h * stage->out.w, lanes, sums, sums + lanes);
	else
		job->kernels->sums(&affine, backward_y(job, image), backward_dout(job, image), mean, pixels, lanes, sums, sums + lanes);
}

static double *
slice_sums(const Backward *job, size_t slice)
{
	return job->memory->channels.sums + slice * 2 * job->stage->y.lanes;
}

void
backward_begin_sums(const Backward *job, size_t slice)
{
	if (backward_is_first(job))
		first_begin_slice(job->backend, slice);
	else
		memset(slice_sums(job, slice), 0, 2 * job->stage->y.lanes * sizeof(double));
}

/* of some images, whose gradient is there */
void
backward_add_sums(const Backward *job, uint32_t image, uint32_t count, size_t slice, int thread)
{
	if (backward_is_first(job))
		first_back(job->backend, job->batch, image, count, slice, thread);
	for (uint32_t i = image; i < image + count && !backward_is_first(job); i++)
		sums_image(job, i, slice_sums(job, slice), &job->backend->scratch[thread]);
}

void
backward_sums(void *context, size_t task, int thread)
{
	const Backward *job = context;
	const Slice slice = slice_of_images(job->n, SLICES, (uint32_t)task);

	backward_begin_sums(job, task);
	backward_add_sums(job, slice.begin, slice.end - slice.begin, task, thread);
}

/* dgamma, dbeta or dbias, and dy = a d + b y + c; a bias before batch norm changes nothing, so its gradient is 0. */
void
backward_take_sums(const Backward *job)
{
	const StageLayout *stage = job->stage;
	StageChannels *channels = &job->memory->channels;
	const uint32_t lanes = stage->y.lanes;
	float *gradient = job->backend->gradient, *a = channels->coefficients, *b = a + lanes, *c = b + lanes;
	const double count = (double)job->n * stage->y.h * stage->y.w;

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
