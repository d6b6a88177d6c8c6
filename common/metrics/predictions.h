/* metrics/predictions.h: what a record of fm-predict's output holds, checked. */
#ifndef FM_METRICS_PREDICTIONS_H
#define FM_METRICS_PREDICTIONS_H

#include "status.h"
#include "stream/record.h"

#include <stdint.h>

/** Borrowed from a record. */
typedef struct Predictions {
	uint64_t n;
	const float *prob;    /* [n, classes] */
	const int32_t *label; /* [n], or NULL: all unknown */
	const int64_t *id;    /* [n], or NULL: 0, 1, … over the whole stream */
} Predictions;

/** Does the stream hold predictions? @return STATUS_OK, or STATUS_INPUT saying what is missing, and what to do */
MUST_CHECK Status predictions_check(const About *about, const char *stream_name);

/** After predictions_check of the stream. */
Predictions predictions_of(const Record *record);

/** The class with the largest probability, the lowest index on ties. */
uint32_t predicted_class(const float *prob, uint32_t classes);

#endif
