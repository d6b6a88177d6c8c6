/* metrics/row.h: what one sample's probabilities say, and what they add to the scores. */
#ifndef FM_METRICS_ROW_H
#define FM_METRICS_ROW_H

#include "status.h"

#include <stdint.h>

enum { CALIBRATION_BINS = 15 }; /* equal, closed on the right */

/** A row by itself. */
typedef struct Row {
	uint32_t predicted; /* the lowest index on ties */
	double sum;	    /* of the raw probabilities */
} Row;

/** What a labelled sample adds. */
typedef struct Contribution {
	uint32_t label, predicted;
	uint32_t rank; /* classes ahead of the label: more probable, or as probable and of a lower index */
	int bin;       /* of calibration */
	double log_loss, brier;
	double prob;   /* of the prediction, divided by the sum */
} Contribution;

/** @return STATUS_OK; STATUS_INPUT for a row that is negative, not finite or sums to 0 */
MUST_CHECK Status row_read(Row *row, const float *prob, uint32_t classes);

/** @param label  0 … classes - 1 */
Contribution row_contribution(const Row *row, const float *prob, uint32_t classes, uint32_t label);

#endif
