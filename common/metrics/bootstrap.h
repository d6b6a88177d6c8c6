/* metrics/bootstrap.h: how far scores would scatter with other samples of the same kind. */
#ifndef FM_METRICS_BOOTSTRAP_H
#define FM_METRICS_BOOTSTRAP_H

#include "metrics/resample.h"
#include "metrics/scores.h"
#include "status.h"

#include <jansson.h>
#include <stdint.h>

/** Scores that get an interval: numbers of the Summary. */
enum { BOOTSTRAP_SCORES = 13 };

/** intervals[i] belongs to bootstrap_key(i). */
typedef struct Bootstrap {
	uint64_t replicates, seed;
	Interval intervals[BOOTSTRAP_SCORES];
} Bootstrap;

/** "accuracy", "f1.macro", … */
const char *bootstrap_key(int which);

/**
 * 95 % intervals of the labelled samples, resampled with replacement. The same for any number of threads.
 *
 * @return STATUS_OK, or STATUS_IO (memory)
 */
MUST_CHECK Status bootstrap_run(Bootstrap *bootstrap, const Scores *scores, uint64_t replicates, uint64_t seed);

/** {"replicates":1000,"seed":"1","accuracy":{"low":…,"high":…},"f1":{"macro":{…},…},…}. @return new reference */
json_t *bootstrap_json(const Bootstrap *bootstrap);

#endif
