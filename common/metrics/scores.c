/* scores.c: count samples as they come, and divide at the end. */
#include "metrics/scores.h"

#include <stdlib.h>
#include <string.h>

static Status
copy_names(Scores *scores, char *const *names)
{
	scores->names = calloc(scores->classes, sizeof *scores->names);
	for (uint32_t i = 0; scores->names && i < scores->classes; i++)
		if (!(scores->names[i] = strdup(names[i])))
			return fail_errno("scores of %u classes", scores->classes);
	return scores->names ? STATUS_OK : fail_errno("scores of %u classes", scores->classes);
}

Status
scores_init(Scores *scores, uint32_t classes, char *const *names)
{
	*scores = (Scores){.classes = classes, .threads = 1};
	if (!classes)
		return fail(STATUS_INPUT, "no classes; scores need at least one");
	samples_init(&scores->kept, classes);
	scores->support = calloc(classes, sizeof *scores->support);
	scores->predicted = calloc(classes, sizeof *scores->predicted);
	scores->hit = calloc(classes, sizeof *scores->hit);
	scores->bins = calloc(classes, SCORES_BINS * sizeof *scores->bins);
	bool has_matrix = classes <= SCORES_MATRIX_MOST;
	scores->matrix = has_matrix ? calloc((size_t)classes * classes, sizeof *scores->matrix) : NULL;
	Status status = copy_names(scores, names);
	if (status >= 0 && (!scores->support || !scores->predicted || !scores->hit || !scores->bins ||
			    (has_matrix && !scores->matrix)))
		status = fail_errno("scores of %u classes", classes);
	if (status < 0)
		scores_release(scores);
	return status;
}

/* As far as it is about counts: no sample is kept. */
void
scores_count(Scores *scores, const Contribution *sample)
{
	bool is_right = sample->predicted == sample->label;
	Bin *bin = &scores->bins[(size_t)sample->predicted * SCORES_BINS + (size_t)sample->bin];

	scores->samples++;
	scores->support[sample->label]++;
	scores->predicted[sample->predicted]++;
	scores->hit[sample->label] += is_right;
	scores->correct += is_right;
	for (uint32_t i = sample->rank; i < SCORES_TOP_MOST; i++)
		scores->top[i]++;
	if (scores->matrix)
		scores->matrix[(size_t)sample->label * scores->classes + sample->predicted]++;
	scores->log_loss += sample->log_loss;
	scores->brier += sample->brier;
	bin->count++;
	bin->correct += is_right;
	bin->prob += sample->prob;
}

static Status
add_one(Scores *scores, const float *prob, int32_t label)
{
	Row row;

	if (label < -1 || label >= (int64_t)scores->classes)
		return fail(STATUS_INPUT, "label %d; expected -1 (unknown) … %u", label, scores->classes - 1);
	Status status = row_read(&row, prob, scores->classes);
	if (status < 0)
		return status;
	if (label < 0) {
		scores->samples++;
		scores->unlabelled++;
		return STATUS_OK;
	}
	Contribution sample = row_contribution(&row, prob, scores->classes, (uint32_t)label);
	status = samples_append(&scores->kept, prob, label, (int32_t)row.predicted);
	if (status >= 0)
		scores_count(scores, &sample);
	return status;
}

Status
scores_add(Scores *scores, const float *prob, const int32_t *label, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		Status status = add_one(scores, prob + i * scores->classes, label ? label[i] : -1);
		if (status < 0)
			return fail_in(status, "sample %llu", (unsigned long long)(scores->samples));
	}
	return STATUS_OK;
}

void
scores_release(Scores *scores)
{
	for (uint32_t i = 0; scores->names && i < scores->classes; i++)
		free(scores->names[i]);
	free(scores->names);
	free(scores->support);
	free(scores->predicted);
	free(scores->hit);
	free(scores->bins);
	free(scores->matrix);
	samples_release(&scores->kept);
	*scores = (Scores){0};
}
