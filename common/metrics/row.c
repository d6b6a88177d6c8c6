/* row.c */
#include "metrics/row.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

/* scikit-learn's clip of a probability before its logarithm */
#define LOG_LOSS_LEAST 0x1p-52

static Status
explain_row(const float *prob, uint32_t classes)
{
	for (uint32_t i = 0; i < classes; i++)
		if (!(prob[i] >= 0 && prob[i] <= FLT_MAX))
			return fail(STATUS_INPUT, "prob of class %u is %g; expected a finite number that is not negative", i,
				    (double)prob[i]);
	return fail(STATUS_INPUT, "all prob are 0; expected a sum above 0");
}

Status
row_read(Row *row, const float *prob, uint32_t classes)
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
	/* NaN and infinity end up in the sum, which finite floats can't make overflow */
	bool is_well = least >= 0 && sum > 0 && sum < INFINITY;
	return is_well ? STATUS_OK : explain_row(prob, classes);
}

/* Which of the bins (i / 15, (i + 1) / 15] holds it. */
static int
bin_of(double prob)
{
	int bin = (int)(prob * CALIBRATION_BINS);

	/* rounding may have put it one off */
	while (bin > 0 && prob <= (double)bin / CALIBRATION_BINS)
		bin--;
	while (bin < CALIBRATION_BINS - 1 && prob > (double)(bin + 1) / CALIBRATION_BINS)
		bin++;
	return bin < CALIBRATION_BINS ? bin : CALIBRATION_BINS - 1;
}

Contribution
row_contribution(const Row *row, const float *prob, uint32_t classes, uint32_t label)
{
	double of_label = (double)prob[label] / row->sum, squares = 0;
	Contribution sample = {
		.label = label,
		.predicted = row->predicted,
		.prob = (double)prob[row->predicted] / row->sum,
	};

	for (uint32_t i = 0; i < classes; i++) {
		sample.rank += prob[i] > prob[label] || (prob[i] == prob[label] && i < label);
		squares += i == label ? 0 : (double)prob[i] * (double)prob[i];
	}
	sample.bin = bin_of(sample.prob);
	sample.log_loss = -log(fmin(fmax(of_label, LOG_LOSS_LEAST), 1 - LOG_LOSS_LEAST));
	sample.brier = (1 - of_label) * (1 - of_label) + squares / row->sum / row->sum;
	if (classes == 2)
		sample.brier /= 2;
	return sample;
}
