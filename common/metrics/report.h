/* metrics/report.h: the scores as text, for people. */
#ifndef FM_METRICS_REPORT_H
#define FM_METRICS_REPORT_H

#include "metrics/scores.h"
#include "status.h"

#include <stdio.h>

/** @return STATUS_OK, or STATUS_IO (memory); that all was written is for the caller to check */
MUST_CHECK Status report_print(FILE *out, const Scores *scores);

#endif
