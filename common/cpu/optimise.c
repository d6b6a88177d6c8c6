/* optimise.c: one step of the optimiser, of the averages and of batch norm's running statistics. */
#include "cpu/engine.h"

#include <math.h>

/* Packed floats of the stages before this one. */
static size_t
packed_before(const NetLayout *layout, size_t stage)
{
	for (; stage < layout->stage_count; stage++) {
		const StageLayout *it = &layout->stages[stage];
		if (it->weight || it->gamma)
			return it->weight ? it->weight->offset : it->gamma->offset;
	}
	return layout->packed_count;
}

static Update
update_of(const Backend *backend, const Hyper *hyper)
{
	const BackendOptions *options = &backend->options;
	const double beta2 = 0.999, t = (double)hyper->step, decay = hyper->weight_decay;
	Update update = {
		.step = {
			.kind = options->optimizer == OPTIMIZER_SGD ? OPTIMISE_SGD : OPTIMISE_ADAM,
			.inverse_weight = backend->gradient_weight > 0 ? 1 / backend->gradient_weight : 0,
			.beta1 = (float)hyper->beta1, .beta2 = (float)beta2,
			.rate = (float)hyper->rate, .epsilon = 1e-7f, .keep = 1, .root_scale = 1,
			.ema_rate = (float)options->ema_rate,
		},
		.keep_decayed = 1,
		.frozen_stages = hyper->frozen,
		.frozen = packed_before(&backend->layout, hyper->frozen),
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

void
optimise_floats(const Backend *backend, size_t offset, size_t count, bool is_decayed, const float *gradient)
{
	const Update *update = &backend->update;
	OptimiserStep step = update->step;
	float *const *vectors = backend->vectors;

	if (is_decayed) {
		step.keep = update->keep_decayed;
		step.decay = update->decay_decayed;
	}
	if (offset < update->frozen)
		step.kind = OPTIMISE_FROZEN;
	backend->kernels->optimise(&step, count, gradient, vectors[VECTOR_PARAM] + offset, vectors[VECTOR_M] + offset,
				   vectors[VECTOR_V] + offset,
				   backend->options.ema_rate > 0 ? vectors[VECTOR_EMA] + offset : NULL);
}

bool
optimise_is_early(const Backend *backend, const StageLayout *stage)
{
	return stage->weight && stage->kind != MAIN_DEPTHWISE && !(backend->first && stage == backend->layout.stages);
}

static void
update_range(void *context, size_t task, int thread)
{
	const Backend *backend = context;
	const UpdateRange *range = &backend->update_ranges[task];

	(void)thread;
	if (backend->is_stepping && task >= backend->late_range_count && range->offset >= backend->update.frozen)
		return; /* early */
	optimise_floats(backend, range->offset, range->count, range->is_decayed, backend->gradient + range->offset);
}

/* ---- the weights as they are multiplied ---- */

/* Stages whose weights have changed, and the first unit of each among all of them. */
typedef struct Words {
	const Backend *backend;
	size_t count;
	const StageLayout **stages;
	size_t *begin;
} Words;

static void
words_unit(void *context, size_t task, int thread)
{
	const Words *job = context;
	const Backend *backend = job->backend;
	size_t s = job->count - 1;

	(void)thread;
	while (job->begin[s] > task)
		s--;
	const Unit unit = layout_unit(job->stages[s], backend->kernels->block, task - job->begin[s]);
	layout_words(job->stages[s], backend->kernels, &unit, backend->vectors[VECTOR_PARAM], backend->words, backend->back);
}

void
optimise_words(Backend *backend)
{
	Words job = { .backend = backend, .stages = backend->words_stages, .begin = backend->words_begin };
	size_t units = 0;

	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		const StageLayout *stage = &backend->layout.stages[s];
		uint64_t *version = &backend->stages[s].words_version;
		if (!stage->weight || stage->kind == MAIN_DEPTHWISE || *version == backend->version)
			continue;
		*version = backend->version;
		job.stages[job.count] = stage;
		job.begin[job.count++] = units;
		units += layout_units(stage, backend->kernels->block);
	}
	if (units)
		team_run(backend->team, units, words_unit, &job);
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

static bool
is_good(Backend *backend, const Hyper *hyper)
{
	if (!isfinite(backend->gradient_weight) && !backend->sums.bad_step)
		backend->sums.bad_step = hyper->step;
	return !backend->sums.bad_step;
}

void
optimise_begin(Backend *backend, const Hyper *hyper)
{
	backend->is_stepping = is_good(backend, hyper);
	if (backend->is_stepping)
		backend->update = update_of(backend, hyper);
}

/* Words of some were made when their weights were updated. */
static void
count_version(Backend *backend)
{
	backend->version++;
	for (size_t s = 0; backend->is_stepping && s < backend->layout.stage_count; s++)
		if (optimise_is_early(backend, &backend->layout.stages[s]))
			backend->stages[s].words_version = backend->version;
}

/* What a step leaves for its end is so little, as a rule, that nobody need be called for it. */
static void
update_ranges(Backend *backend)
{
	enum { ALONE_MOST = 16 };
	const bool has_frozen = backend->update.frozen && backend->options.ema_rate > 0; /* whose averages nobody else sees to */
	const size_t count = backend->is_stepping && !has_frozen ? backend->late_range_count : backend->update_range_count;

	if (count > ALONE_MOST) {
		team_run(backend->team, count, update_range, backend);
		return;
	}
	for (size_t i = 0; i < count; i++)
		update_range(backend, i, 0);
}

void
optimise_update(Backend *backend, const Hyper *hyper)
{
	if (is_good(backend, hyper)) {
		backend->update = update_of(backend, hyper);
		update_ranges(backend);
		update_statistics(backend);
		count_version(backend);
	}
	backend->is_stepping = false;
}
