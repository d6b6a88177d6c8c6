/* scores.c: count samples as they come, and divide at the end. */
#include "metrics/scores.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* scikit-learn's clip of a probability before its logarithm */
#define LOG_LOSS_LEAST 0x1p-52

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

/* What one row of probabilities says. */
typedef struct Row {
	uint32_t predicted;
	uint32_t rank;	/* classes ahead of the label: more probable, or as probable and of a lower index */
	double sum;	/* of the raw ones */
	double squares; /* of the raw ones but the label's */
} Row;

static Status
check_row(const float *prob, uint32_t classes, double sum)
{
	for (uint32_t i = 0; i < classes; i++)
		if (!(prob[i] >= 0 && prob[i] <= FLT_MAX))
			return fail(STATUS_INPUT, "prob of class %u is %g; expected a number that is not negative", i,
				    (double)prob[i]);
	return sum > 0 ? STATUS_OK : fail(STATUS_INPUT, "all prob are 0; expected a sum above 0");
}

/* A first pass that needs no label: the sum, the prediction (the lowest index on ties), whether all is well. */
static Status
read_row(Row *row, const float *prob, uint32_t classes)
{
	float least = prob[0];
	double sum = 0;

	row->predicted = 0;
	for (uint32_t i = 0; i < classes; i++) {
		sum += (double)prob[i];
		if (prob[i] > prob[row->predicted])
			row->predicted = i;
		least = prob[i] < least ? prob[i] : least;
	}
	row->sum = sum;
	/* NaN and infinity end up in the sum, which can't overflow by itself */
	bool is_well = least >= 0 && sum > 0 && sum < INFINITY;
	return is_well ? STATUS_OK : check_row(prob, classes, sum);
}

static void
compare_with_label(Row *row, const float *prob, uint32_t classes, uint32_t label)
{
	row->rank = 0;
	row->squares = 0;
	for (uint32_t i = 0; i < classes; i++) {
		row->rank += prob[i] > prob[label] || (prob[i] == prob[label] && i < label);
		row->squares += i == label ? 0 : (double)prob[i] * (double)prob[i];
	}
}

/* Which of the bins (i / 15, (i + 1) / 15] holds it. */
static int
bin_of(double prob)
{
	int bin = (int)(prob * SCORES_BINS);

	/* rounding may have put it one off */
	while (bin > 0 && prob <= (double)bin / SCORES_BINS)
		bin--;
	while (bin < SCORES_BINS - 1 && prob > (double)(bin + 1) / SCORES_BINS)
		bin++;
	return bin < SCORES_BINS ? bin : SCORES_BINS - 1;
}

static void
count_calibration(Scores *scores, const Row *row, const float *prob, uint32_t label)
{
	double of_label = (double)prob[label] / row->sum, of_predicted = (double)prob[row->predicted] / row->sum;
	double clipped = fmin(fmax(of_label, LOG_LOSS_LEAST), 1 - LOG_LOSS_LEAST);
	double brier = (1 - of_label) * (1 - of_label) + row->squares / row->sum / row->sum;
	Bin *bin = &scores->bins[(size_t)row->predicted * SCORES_BINS + (size_t)bin_of(of_predicted)];

	scores->log_loss -= log(clipped);
	scores->brier += scores->classes == 2 ? brier / 2 : brier;
	bin->count++;
	bin->correct += row->predicted == label;
	bin->prob += of_predicted;
}

static void
count_prediction(Scores *scores, const Row *row, uint32_t label)
{
	scores->support[label]++;
	scores->predicted[row->predicted]++;
	scores->hit[label] += row->predicted == label;
	scores->correct += row->predicted == label;
	for (uint32_t i = row->rank; i < SCORES_TOP_MOST; i++)
		scores->top[i]++;
	if (scores->matrix)
		scores->matrix[(size_t)label * scores->classes + row->predicted]++;
}

static Status
add_one(Scores *scores, const float *prob, int32_t label)
{
	Row row;

	if (label < -1 || label >= (int64_t)scores->classes)
		return fail(STATUS_INPUT, "label %d; expected -1 (unknown) … %u", label, scores->classes - 1);
	Status status = read_row(&row, prob, scores->classes);
	if (status < 0)
		return status;
	scores->samples++;
	if (label < 0) {
		scores->unlabelled++;
		return STATUS_OK;
	}
	compare_with_label(&row, prob, scores->classes, (uint32_t)label);
	count_prediction(scores, &row, (uint32_t)label);
	count_calibration(scores, &row, prob, (uint32_t)label);
	return samples_append(&scores->kept, prob, label, (int32_t)row.predicted);
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
