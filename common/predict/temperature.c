/* temperature.c: apply one, and find the best. */
#include "predict/temperature.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

const char *
temperature_expect(const char *text)
{
	char *end;
	double value = strtod(text, &end);
	bool is_plain = *text >= '0' && *text <= '9' && end != text && !*end && text[1] != 'x' && text[1] != 'X';

	return is_plain && value >= TEMPERATURE_LEAST && value <= TEMPERATURE_MOST ? NULL : "a number from 0.05 to 20";
}

double
temperature_of(const char *text)
{
	return strtod(text, NULL);
}

/* ---- apply ---- */

void
temperature_apply(float *prob, uint32_t classes, double temperature)
{
	double sum = 0;

	for (uint32_t i = 0; i < classes; i++)
		sum += pow((double)prob[i], 1 / temperature);
	for (uint32_t i = 0; i < classes; i++)
		prob[i] = (float)(pow((double)prob[i], 1 / temperature) / sum);
}

/* where a view's row begins in [views, n, classes] */
static size_t
row_offset(const ViewPredictions *predictions, int view, uint64_t row)
{
	return ((size_t)view * predictions->n + row) * predictions->classes;
}

/* @param scratch  [classes]; @param sum  [classes]; @param mean  out, [classes] */
static void
mean_row(const ViewPredictions *predictions, uint64_t row, double temperature, float *scratch, double *sum, float *mean)
{
	uint32_t classes = predictions->classes;

	memset(sum, 0, classes * sizeof *sum);
	for (int view = 0; view < predictions->views; view++) {
		memcpy(scratch, predictions->prob + row_offset(predictions, view, row), classes * sizeof *scratch);
		if (temperature != 1)
			temperature_apply(scratch, classes, temperature);
		for (uint32_t c = 0; c < classes; c++)
			sum[c] += (double)scratch[c];
	}
	for (uint32_t c = 0; c < classes; c++)
		mean[c] = (float)(sum[c] / predictions->views);
}

Status
temperature_mean(const ViewPredictions *predictions, double temperature, float *prob)
{
	uint32_t classes = predictions->classes;
	float *scratch = calloc(classes, sizeof *scratch);
	double *sum = calloc(classes, sizeof *sum);
	Status status = scratch && sum ? STATUS_OK : fail_errno("memory for %u classes", classes);

	for (uint64_t row = 0; status >= 0 && row < predictions->n; row++)
		mean_row(predictions, row, temperature, scratch, sum, prob + row * classes);
	free(scratch);
	free(sum);
	return status;
}

/* ---- fit ---- */

/* The loss as a function of ln T. */
typedef struct Loss {
	const ViewPredictions *predictions;
	double *logits; /* [views, n, classes]: ln p, at most 0 */
} Loss;

/* exp(l / T) of the label, divided by the sum over classes; the row's largest is subtracted, so that the sum is not 0 */
static double
label_prob(const double *logits, uint32_t classes, uint32_t label, double temperature)
{
	double most = logits[0], sum = 0;

	for (uint32_t c = 1; c < classes; c++)
		most = fmax(most, logits[c]);
	for (uint32_t c = 0; c < classes; c++)
		sum += exp((logits[c] - most) / temperature);
	return exp((logits[label] - most) / temperature) / sum;
}

static double
loss_at(const Loss *loss, double log_temperature)
{
	static const double smallest = 0x1p-1022; /* keeps the loss finite where a probability vanished */
	const ViewPredictions *predictions = loss->predictions;
	double temperature = exp(log_temperature), sum = 0;

	for (uint64_t row = 0; row < predictions->n; row++) {
		double prob = 0;

		for (int view = 0; view < predictions->views; view++)
			prob += label_prob(loss->logits + row_offset(predictions, view, row), predictions->classes,
					   (uint32_t)predictions->label[row], temperature);
		sum -= log(fmax(prob / predictions->views, smallest));
	}
	return sum;
}

/* a vanished probability counts as the smallest there is in fp32, as in val_loss */
static Status
loss_open(Loss *loss, const ViewPredictions *predictions)
{
	size_t count = row_offset(predictions, predictions->views, 0);

	*loss = (Loss){ .predictions = predictions, .logits = calloc(count, sizeof *loss->logits) };
	if (!loss->logits)
		return fail_errno("memory for the logarithms of %zu probabilities", count);
	for (size_t i = 0; i < count; i++)
		loss->logits[i] = log(fmax((double)predictions->prob[i], 0x1p-149));
	return STATUS_OK;
}

enum { GRID = 17 }; /* points of ln T from LEAST to MOST */

static double
grid_point(int i)
{
	double low = log(TEMPERATURE_LEAST), high = log(TEMPERATURE_MOST);

	return low + (high - low) * i / (GRID - 1);
}

/* the grid's best point lies between its neighbours, and the best T with it */
static void
bracket(const Loss *loss, double *low, double *high)
{
	double least = INFINITY;
	int best = 0;

	for (int i = 0; i < GRID; i++) {
		double value = loss_at(loss, grid_point(i));

		if (value < least) {
			least = value;
			best = i;
		}
	}
	*low = grid_point(best > 0 ? best - 1 : 0);
	*high = grid_point(best < GRID - 1 ? best + 1 : best);
}

/* golden sections: Kiefer, "Sequential minimax search for a maximum", 1953 */
static double
narrow(const Loss *loss, double low, double high)
{
	const double ratio = (sqrt(5) - 1) / 2, wanted = 1e-6;
	double left = high - ratio * (high - low), right = low + ratio * (high - low);
	double left_loss = loss_at(loss, left), right_loss = loss_at(loss, right);

	while (high - low > wanted) {
		if (left_loss <= right_loss) {
			high = right;
			right = left;
			right_loss = left_loss;
			left = high - ratio * (high - low);
			left_loss = loss_at(loss, left);
		} else {
			low = left;
			left = right;
			left_loss = right_loss;
			right = low + ratio * (high - low);
			right_loss = loss_at(loss, right);
		}
	}
	return (low + high) / 2;
}

Status
temperature_fit(const ViewPredictions *predictions, double *temperature)
{
	Loss loss;
	double low, high;
	Status status = loss_open(&loss, predictions);

	if (status < 0)
		return status;
	bracket(&loss, &low, &high);
	*temperature = floor(exp(narrow(&loss, low, high)) * 10000 + 0.5) / 10000;
	free(loss.logits);
	return STATUS_OK;
}
