/* metrics/report.h: the scores as text, for people. */
#ifndef FM_METRICS_REPORT_H
#define FM_METRICS_REPORT_H

#include "metrics/bootstrap.h"
#include "metrics/paired.h"
#include "metrics/scores.h"
#include "status.h"

#include <stdio.h>

/**
 * @param bootstrap  intervals to show beside the scores, or NULL
 * @param paired     a comparison to show below, or NULL
 * @return STATUS_OK, or STATUS_IO (memory); that all was written is for the caller to check
 */
MUST_CHECK Status report_print(FILE *out, const Scores *scores, const Bootstrap *bootstrap, const Paired *paired);

#endif
