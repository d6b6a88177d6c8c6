/* optimise.c: one step of the optimiser, of the averages and of batch norm's running statistics. */
#include "cpu/engine.h"

#include <math.h>

typedef struct Update {
	Backend *backend;
	OptimiserStep step;
	float keep_decayed, decay_decayed; /* of the ranges that decay applies to */
} Update;

static Update
update_of(Backend *backend, const Hyper *hyper)
{
	const BackendOptions *options = &backend->options;
	const double beta2 = 0.999, t = (double)hyper->step, decay = hyper->weight_decay;
	Update update = {
		.backend = backend,
		.step = {
			.kind = options->optimizer == OPTIMIZER_SGD ? OPTIMISE_SGD : OPTIMISE_ADAM,
			.inverse_weight = backend->gradient_weight > 0 ? 1 / backend->gradient_weight : 0,
			.beta1 = (float)hyper->beta1, .beta2 = (float)beta2,
			.rate = (float)hyper->rate, .epsilon = 1e-7f, .keep = 1, .root_scale = 1,
			.ema_rate = (float)options->ema_rate,
		},
		.keep_decayed = 1,
	};

	if (update.step.kind == OPTIMISE_ADAM) {
		update.step.rate = (float)(hyper->rate / (1 - pow(hyper->beta1, t)));
		update.step.root_scale = (float)(1 / sqrt(1 - pow(beta2, t)));
	}
	if (options->optimizer == OPTIMIZER_ADAMW)
		update.keep_decayed = (float)(1 - hyper->rate * decay);
	if (options->optimizer == OPTIMIZER_SGD)
		update.decay_decayed = (float)decay;
	return update;
}

static void
update_range(void *context, size_t task, int thread)
{
	const Update *update = context;
	const Backend *backend = update->backend;
	const UpdateRange *range = &backend->update_ranges[task];
	OptimiserStep step = update->step;
	float *const *vectors = backend->vectors;

	(void)thread;
	if (range->is_decayed) {
		step.keep = update->keep_decayed;
		step.decay = update->decay_decayed;
	}
	backend->kernels->optimise(&step, range->count, backend->gradient + range->offset,
				   vectors[VECTOR_PARAM] + range->offset, vectors[VECTOR_M] + range->offset,
				   vectors[VECTOR_V] + range->offset,
				   backend->options.ema_rate > 0 ? vectors[VECTOR_EMA] + range->offset : NULL);
}

/* ---- the weights as they are multiplied ---- */

typedef struct Words {
	const Backend *backend;
	const StageLayout *stage;
	size_t parts; /* of the forward words; those of the way back follow */
} Words;

static void
words_part(void *context, size_t task, int thread)
{
	const Words *job = context;
	const Backend *backend = job->backend;
	const float *param = backend->vectors[VECTOR_PARAM];

	(void)thread;
	if (task < job->parts)
		layout_words(job->stage, backend->kernels, task, param, backend->words);
	else
		layout_back(job->stage, backend->kernels, task - job->parts, param, backend->back);
}

void
optimise_words(Backend *backend)
{
	if (backend->words_version == backend->version)
		return;
	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		Words job = { .backend = backend, .stage = &backend->layout.stages[s] };
		if (!job.stage->weight)
			continue;
		job.parts = layout_words_parts(job.stage);
		team_run(backend->team, job.parts + (job.stage->has_back ? layout_back_parts(job.stage) : 0), words_part,
			 &job);
	}
	backend->words_version = backend->version;
}

/* ---- statistics and averages ---- */

static void
update_statistics(Backend *backend)
{
	float *bn = backend->vectors[VECTOR_BN], *ema = backend->vectors[VECTOR_EMA_BN];

	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		const StageLayout *stage = &backend->layout.stages[s];
		const StageChannels *channels = &backend->stages[s].channels;
		const Layer *layer = stage->stage->bn;
		for (uint32_t c = 0; layer && c < stage->channels; c++) {
			float *mean = &bn[layer->mean + c], *variance = &bn[layer->variance + c];
			*mean = (float)(BN_KEEP * (double)*mean + (1 - BN_KEEP) * channels->mean_batch[c]);
			*variance = (float)(BN_KEEP * (double)*variance + (1 - BN_KEEP) * channels->variance_batch[c]);
		}
	}
	for (size_t i = 0; backend->options.ema_rate > 0 && i < backend->net->bn_count; i++)
		ema[i] = (float)(backend->options.ema_rate * (double)ema[i] +
				 (1 - backend->options.ema_rate) * (double)bn[i]);
}

void
optimise_update(Backend *backend, const Hyper *hyper)
{
	Update update;

	if (!isfinite(backend->gradient_weight) && !backend->sums.bad_step)
		backend->sums.bad_step = hyper->step;
	if (backend->sums.bad_step)
		return;
	update = update_of(backend, hyper);
	team_run(backend->team, backend->update_range_count, update_range, &update);
	update_statistics(backend);
	backend->version++;
}
