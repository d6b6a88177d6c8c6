/* metrics/curves.h: the points of every class's curves, as JSON. */
#ifndef FM_METRICS_CURVES_H
#define FM_METRICS_CURVES_H

#include "metrics/scores.h"
#include "status.h"

#include <stdio.h>

/** The most points of one kind that are written unasked; each is some 60 bytes of JSON. */
enum { CURVES_USUAL = 1000000 };

/**
 * Write {"roc":[…],"pr":[…],"reliability":[…]}, each an array by class of arrays of {x, y, threshold}.
 *
 * @return STATUS_OK, or STATUS_IO (memory); that all was written is for the caller to check
 */
MUST_CHECK Status curves_write(const Scores *scores, FILE *out);

/**
 * Write the scores as one JSON object and a new line.
 *
 * @param object     scores_json, possibly extended
 * @param curves_of  add the curves of these; NULL: null, as for too many points
 * @return as curves_write
 */
MUST_CHECK Status scores_write(FILE *out, const json_t *object, const Scores *curves_of);

#endif
