/* bootstrap.c */
#include "metrics/bootstrap.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *key;
	size_t offset; /* of a double in Summary */
} resampled[BOOTSTRAP_SCORES] = {
	{"accuracy", offsetof(Summary, accuracy)},
	{"balanced_accuracy", offsetof(Summary, balanced_accuracy)},
	{"precision.macro", offsetof(Summary, precision.macro)},
	{"precision.weighted", offsetof(Summary, precision.weighted)},
	{"recall.macro", offsetof(Summary, recall.macro)},
	{"recall.weighted", offsetof(Summary, recall.weighted)},
	{"f1.macro", offsetof(Summary, f1.macro)},
	{"f1.weighted", offsetof(Summary, f1.weighted)},
	{"mcc", offsetof(Summary, mcc)},
	{"kappa", offsetof(Summary, kappa)},
	{"log_loss", offsetof(Summary, log_loss)},
	{"brier", offsetof(Summary, brier)},
	{"ece", offsetof(Summary, ece)},
};

const char *
bootstrap_key(int which)
{
	return resampled[which].key;
}

/* What every sample adds, worked out once. @return malloced, NULL without memory */
static Contribution *
contributions(const Scores *scores)
{
	Contribution *samples = malloc((scores->kept.n + 1) * sizeof *samples), *sample = samples;
	float *prob = malloc(scores->classes * sizeof *prob);

	for (size_t i = 0; samples && prob && i < scores->kept.count; i++) {
		const SampleChunk *chunk = &scores->kept.chunks[i];
		for (uint64_t j = 0; j < chunk->n; j++) {
			Row row;
			for (uint32_t class = 0; class < scores->classes; class++)
				prob[class] = chunk->prob[class * scores->kept.rows + j];
			if (row_read(&row, prob, scores->classes) >= 0)
				*sample++ = row_contribution(&row, prob, scores->classes, (uint32_t)chunk->label[j]);
		}
	}
	if (!prob) {
		free(samples);
		return NULL;
	}
	free(prob);
	return samples;
}

/* Counts without a matrix, which no interval needs. */
static Status
replica_init(Scores *replica, const Scores *scores)
{
	Status status = scores_init(replica, scores->classes, scores->names);

	if (status >= 0) {
		free(replica->matrix);
		replica->matrix = NULL;
	}
	return status;
}

static void
replica_clear(Scores *replica)
{
	size_t bytes = replica->classes * sizeof *replica->support;

	replica->samples = replica->correct = 0;
	replica->log_loss = replica->brier = 0;
	memset(replica->support, 0, bytes);
	memset(replica->predicted, 0, bytes);
	memset(replica->hit, 0, bytes);
	memset(replica->bins, 0, (size_t)replica->classes * SCORES_BINS * sizeof *replica->bins);
}

static Summary
draw_replicate(Scores *replica, const Contribution *samples, Draws draws)
{
	replica_clear(replica);
	for (uint64_t i = 0; i < draws.n; i++)
		scores_count(replica, &samples[draws_next(&draws)]);
	return scores_summary(replica);
}

static Status
draw_all(const Scores *scores, const Contribution *samples, uint64_t seed, Summary *summaries, uint64_t replicates)
{
	bool is_short_of_memory = false;

#pragma omp parallel num_threads(scores->threads) reduction(|| : is_short_of_memory)
	{
		Scores replica;
		bool is_ready = replica_init(&replica, scores) >= 0;
#pragma omp for schedule(static)
		for (uint64_t i = 0; i < replicates; i++)
			if (is_ready)
				summaries[i] = draw_replicate(&replica, samples, draws_begin(seed, (uint32_t)i, scores->kept.n));
		if (is_ready)
			scores_release(&replica);
		is_short_of_memory = !is_ready;
	}
	return is_short_of_memory ? fail(STATUS_IO, "not enough memory for bootstrap replicates") : STATUS_OK;
}

static void
find_intervals(Bootstrap *bootstrap, const Summary *summaries, double *values)
{
	for (int i = 0; i < BOOTSTRAP_SCORES; i++) {
		for (uint64_t j = 0; j < bootstrap->replicates; j++)
			memcpy(&values[j], (const char *)&summaries[j] + resampled[i].offset, sizeof *values);
		bootstrap->intervals[i] = interval_of(values, bootstrap->replicates);
	}
}

Status
bootstrap_run(Bootstrap *bootstrap, const Scores *scores, uint64_t replicates, uint64_t seed)
{
	Contribution *samples = contributions(scores);
	Summary *summaries = malloc((replicates + 1) * sizeof *summaries);
	double *values = malloc((replicates + 1) * sizeof *values);

	*bootstrap = (Bootstrap){.replicates = replicates, .seed = seed};
	Status status = samples && summaries && values ? STATUS_OK : fail_errno("room for bootstrap replicates");
	if (status >= 0)
		status = draw_all(scores, samples, seed, summaries, replicates);
	if (status >= 0)
		find_intervals(bootstrap, summaries, values);
	free(samples);
	free(summaries);
	free(values);
	return status;
}

/* "f1.macro" goes to member "macro" of member "f1". */
static void
set_nested(json_t *object, const char *key, json_t *value)
{
	const char *dot = strchr(key, '.');
	char outer[32];

	if (!dot) {
		json_object_set_new(object, key, value);
		return;
	}
	snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
	if (!json_object_get(object, outer))
		json_object_set_new(object, outer, json_object());
	json_object_set_new(json_object_get(object, outer), dot + 1, value);
}

json_t *
bootstrap_json(const Bootstrap *bootstrap)
{
	char seed[24];
	snprintf(seed, sizeof seed, "%llu", (unsigned long long)bootstrap->seed);
	json_t *object = json_pack("{s:I,s:s}", "replicates", (json_int_t)bootstrap->replicates, "seed", seed);

	for (int i = 0; i < BOOTSTRAP_SCORES; i++)
		set_nested(object, resampled[i].key, interval_json(bootstrap->intervals[i]));
	return object;
}
