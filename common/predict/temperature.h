/* predict/temperature.h: probabilities made as sure as they deserve: the softmax of logits / T.
 *
 * Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017, arXiv 1706.04599. */
#ifndef FM_PREDICT_TEMPERATURE_H
#define FM_PREDICT_TEMPERATURE_H

#include "status.h"

#include <stdint.h>

#define TEMPERATURE_LEAST 0.05 /* what is searched; 1 changes nothing, above it probabilities become less sure */
#define TEMPERATURE_MOST 20.0

/**
 * p^(1/T), divided by its sum: the softmax of logits / T, without the logits.
 *
 * @param prob  in and out, [classes]
 */
void temperature_apply(float *prob, uint32_t classes, double temperature);

/** For an option table: a number from LEAST to MOST. @return NULL if the text is one, else what was expected */
const char *temperature_expect(const char *text);

/** The number that temperature_expect found fine. */
double temperature_of(const char *text);

/** Predictions whose temperature is sought. */
typedef struct ViewPredictions {
	int views;		/* whose probabilities are averaged, each after its temperature */
	uint64_t n;
	uint32_t classes;
	const float *prob;	/* [views, n, classes], each row a softmax */
	const int32_t *label;	/* [n], 0 … classes - 1 */
} ViewPredictions;

/** What fm-predict gives at this temperature. @param prob  out, [n, classes]. @return STATUS_OK, or STATUS_IO (memory) */
MUST_CHECK Status temperature_mean(const ViewPredictions *predictions, double temperature, float *prob);

/**
 * Find the temperature at which the mean of -ln(probability of the label) is smallest: in ln T, on a grid and then by
 * golden sections. One thread, so that it is the same for any number of them.
 *
 * @param temperature  out: between LEAST and MOST, rounded to four places
 * @return STATUS_OK, or STATUS_IO (memory)
 */
MUST_CHECK Status temperature_fit(const ViewPredictions *predictions, double *temperature);

#endif
