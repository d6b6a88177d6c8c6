/* metrics/ranking.h: one class against the rest, by every threshold: areas and curves. */
#ifndef FM_METRICS_RANKING_H
#define FM_METRICS_RANKING_H

#include "metrics/samples.h"
#include "status.h"

#include <stdio.h>

/** Keys of one class (samples_keys), sorted. ranking_init, ranking_release; one ranking serves class after class. */
typedef struct Ranking {
	uint64_t n, positives;
	uint32_t *keys, *spare; /* [n] each */
	uint32_t *sorted;	/* one of the two */
} Ranking;

/** @return STATUS_OK, or STATUS_IO (memory) and nothing is held */
MUST_CHECK Status ranking_init(Ranking *ranking, uint64_t n);

/** Sort one class's samples. */
void ranking_of_class(Ranking *ranking, const Samples *samples, uint32_t which);

/** Area under the ROC curve, exact; NaN where one of the two kinds is missing. */
double ranking_roc_auc(const Ranking *ranking);

/** sum (R_n - R_n-1) P_n over thresholds; NaN where one of the two kinds is missing. */
double ranking_average_precision(const Ranking *ranking);

/**
 * Write the points of a curve as a JSON array of {x, y, threshold}, an infinite threshold as null; [] where one of the
 * two kinds is missing. Written at once, because millions of points would not fit in memory as JSON values.
 * roc: false and true positive rate, thresholds falling from infinity, points on straight lines left out.
 * pr: recall and precision, thresholds rising to infinity.
 */
void ranking_write_roc(const Ranking *ranking, FILE *out);
void ranking_write_pr(const Ranking *ranking, FILE *out);

void ranking_release(Ranking *ranking);

#endif
