/* loss.c: softmax cross-entropy over smoothed and mixed targets, and its gradient. */
#include "cpu/engine.h"
#include "cpu/tree.h"

#include <math.h>
#include <string.h>

typedef struct Loss {
	Backend *backend;
	const Batch *batch;
	const StageLayout *stage;
	const void *logits; /* [n][lanes] */
	void *dlogits;
} Loss;

typedef struct Exponentials {
	double largest, sum; /* of exp(logit - largest) */
	uint32_t first;	     /* index of the largest */
} Exponentials;

static Exponentials
exponentials(const float *logits, uint32_t classes)
{
	Exponentials e = { .largest = (double)logits[0] };

	for (uint32_t k = 1; k < classes; k++)
		if (!((double)logits[k] <= e.largest)) {
			e.largest = (double)logits[k];
			e.first = k;
		}
	for (uint32_t k = 0; k < classes; k++)
		e.sum += exp((double)logits[k] - e.largest);
	return e;
}

void
softmax(const float *logits, uint32_t classes, float *prob)
{
	const Exponentials e = exponentials(logits, classes);

	for (uint32_t k = 0; k < classes; k++)
		prob[k] = (float)(exp((double)logits[k] - e.largest) / e.sum);
}

/* how much of one image's target lies on class k, before smoothing */
static double
share_of_class(const Batch *batch, uint64_t image, int32_t k)
{
	const double lambda = batch->label_b ? (double)batch->lambda[image] : 1;
	double share = batch->label_a[image] == k ? lambda : 0;

	if (batch->label_b && batch->label_b[image] == k)
		share += 1 - lambda;
	return share;
}

static void
loss_image(const Loss *job, uint64_t image, size_t slice, const float *logits, float *dlogits)
{
	Backend *backend = job->backend;
	const Batch *batch = job->batch;
	const uint32_t classes = job->stage->channels;
	const double weight = batch->weight ? (double)batch->weight[image] : 1;
	const double smoothing = backend->options.label_smoothing;
	const Exponentials e = exponentials(logits, classes);
	double loss = 0;

	for (uint32_t k = 0; k < classes; k++) {
		const double target = (1 - smoothing) * share_of_class(batch, image, (int32_t)k) + smoothing / classes;
		const double shifted = (double)logits[k] - e.largest;
		if (target != 0)
			loss -= target * (shifted - log(e.sum));
		dlogits[k] = (float)(weight * (exp(shifted) / e.sum - target));
	}
	backend->slice_loss[slice] += weight * loss;
	backend->slice_weight[slice] += weight;
	backend->slice_correct[slice] += (int32_t)e.first == batch->label_a[image];
}

static void
loss_slice(void *context, size_t task, int thread)
{
	const Loss *job = context;
	Backend *backend = job->backend;
	const KernelTable *kernels = stage_kernels(backend->kernels, job->stage);
	const Slice slice = slice_of_images(job->batch->n, SLICES, (uint32_t)task);
	const uint32_t lanes = job->stage->out.lanes;
	Scratch *scratch = &backend->scratch[thread];

	backend->slice_loss[task] = backend->slice_weight[task] = backend->slice_correct[task] = 0;
	for (uint32_t image = slice.begin; image < slice.end; image++) {
		kernels->load(lanes, cells_at(job->logits, (size_t)image * lanes, kernels->cell), scratch->z);
		loss_image(job, image, task, scratch->z, scratch->dz);
		memset(scratch->dz + job->stage->channels, 0, (lanes - job->stage->channels) * sizeof *scratch->dz);
		kernels->store(&(Store){ .h = 1, .w = 1, .lanes = lanes, .from = { scratch->dz },
					 .to = { cells_at(job->dlogits, (size_t)image * lanes, kernels->cell) } });
	}
}

void
train_loss(Backend *backend, const Batch *batch)
{
	const size_t last = backend->layout.stage_count - 1;
	Loss job = {
		.backend = backend, .batch = batch, .stage = &backend->layout.stages[last],
		.logits = backend->stages[last].out, .dlogits = backend->dout[last],
	};

	team_run(backend->team, SLICES, loss_slice, &job);
	tree_add(backend->slice_loss, SLICES, 1);
	tree_add(backend->slice_weight, SLICES, 1);
	tree_add(backend->slice_correct, SLICES, 1);
	backend->sums.loss += backend->slice_loss[0];
	backend->sums.weight += backend->slice_weight[0];
	backend->sums.correct += backend->slice_correct[0];
	backend->sums.n += (double)batch->n;
	backend->gradient_weight = isfinite(backend->slice_loss[0]) ? (float)backend->slice_weight[0] : NAN;
}
