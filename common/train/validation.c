/* validation.c: validation data, predicted. */
#include "train/validation.h"

#include "metrics/scores.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

Status
validation_init(Validation *validation, const Kept *kept, uint64_t content, int32_t *map, uint32_t classes,
		char *const *names, uint32_t batch)
{
	*validation = (Validation){
		.kept = kept, .content = content, .classes = classes, .names = names, .map = map, .batch = batch,
		.pixels = reallocarray(NULL, batch, kept->picture_size),
		.labels = reallocarray(NULL, batch, sizeof *validation->labels),
		.prob = reallocarray(NULL, batch, classes * sizeof *validation->prob),
	};
	if (validation->pixels && validation->labels && validation->prob)
		return STATUS_OK;
	validation_release(validation);
	return fail_errno("memory for a batch of %u pictures; use a smaller --batch", batch);
}

uint32_t
validation_gather(Validation *validation, uint64_t first)
{
	uint64_t left = validation->kept->n - first;
	uint32_t n = left < validation->batch ? (uint32_t)left : validation->batch;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t row = first + i;

		kept_gather(validation->kept, &row, 1, validation->pixels + i * validation->kept->picture_size,
			    &validation->labels[i], NULL);
		if (validation->map)
			validation->labels[i] = validation->map[validation->labels[i]];
	}
	return n;
}

/* adds to *loss; a probability that vanished in fp32 counts as the smallest there is. @return are all finite? */
static bool
add_loss(const Validation *validation, uint32_t n, double *loss)
{
	static const double smallest = 0x1p-149;
	bool is_finite = true;

	for (uint32_t i = 0; i < n; i++) {
		const float *prob = validation->prob + (size_t)i * validation->classes;

		for (uint32_t c = 0; c < validation->classes; c++)
			is_finite = is_finite && isfinite(prob[c]);
		*loss -= log(fmax(prob[validation->labels[i]], smallest));
	}
	return is_finite;
}

static Status
predict(Validation *validation, const BackendTable *table, Backend *backend, Vector which, uint32_t n)
{
	Batch batch = { .n = n, .pixels = validation->pixels };

	return table->predict(backend, &batch, which, validation->prob);
}

/* @return 1 all is well; 0 a probability is not finite; or why it can't be known */
static Status
score_all(Validation *validation, const BackendTable *table, Backend *backend, Vector which, Scores *scores,
	  double *loss)
{
	for (uint64_t first = 0; first < validation->kept->n; first += validation->batch) {
		uint32_t n = validation_gather(validation, first);
		Status status = predict(validation, table, backend, which, n);

		if (status < 0)
			return status;
		if (!add_loss(validation, n, loss))
			return 0;
		status = scores_add(scores, validation->prob, validation->labels, n);
		if (status < 0)
			return status;
	}
	return 1;
}

static json_t *
all_scores(const Validation *validation, const Scores *scores)
{
	json_t *json = scores_json(scores, false);
	char content[17];

	snprintf(content, sizeof content, "%016" PRIx64, validation->content);
	json_object_set_new(json, "content", json_string(content));
	return json;
}

Status
validation_run(Validation *validation, const BackendTable *table, Backend *backend, Vector which, EpochScores *epoch,
	       json_t **json)
{
	Scores scores;
	double loss = 0;
	Status status = scores_init(&scores, validation->classes, validation->names);

	*json = NULL;
	epoch->val_loss = epoch->val_accuracy = epoch->val_f1_macro = epoch->val_balanced_accuracy = NAN;
	if (status < 0)
		return status;
	status = score_all(validation, table, backend, which, &scores, &loss);
	if (status > 0) {
		Summary summary = scores_summary(&scores);

		epoch->val_loss = loss / (double)validation->kept->n;
		epoch->val_accuracy = summary.accuracy;
		epoch->val_f1_macro = summary.f1.macro;
		epoch->val_balanced_accuracy = summary.balanced_accuracy;
		*json = all_scores(validation, &scores);
	}
	scores_release(&scores);
	return status < 0 ? status : STATUS_OK;
}

void
validation_release(Validation *validation)
{
	free(validation->map);
	free(validation->pixels);
	free(validation->labels);
	free(validation->prob);
	*validation = (Validation){ 0 };
}
