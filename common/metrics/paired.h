/* metrics/paired.h: is one model better than another, on the same samples? */
#ifndef FM_METRICS_PAIRED_H
#define FM_METRICS_PAIRED_H

#include "metrics/outcomes.h"
#include "metrics/resample.h"
#include "status.h"

#include <jansson.h>
#include <stdint.h>

/** Differences are new minus old, over the labelled samples; NaN where there are none. */
typedef struct Paired {
	uint64_t n;
	uint64_t only_new, only_old;	/* right: only the new model, only the old */
	double accuracy_new, accuracy_old;
	double accuracy_difference;
	double accuracy_bound;		/* one-sided 95 %: it is above this */
	double mcnemar;			/* two-sided exact p */
	double log_loss_new, log_loss_old;
	double log_loss_difference;
	Interval log_loss_interval;	/* 95 %, paired bootstrap */
	uint64_t replicates, seed;
} Paired;

/** How to draw replicates. */
typedef struct PairedOptions {
	uint64_t replicates, seed;
	int threads;
} PairedOptions;

/**
 * Compare, sample by sample; both are sorted by the call.
 *
 * @return STATUS_OK; STATUS_INPUT if ids, pictures or labels are not the same on both sides; STATUS_IO (memory)
 */
MUST_CHECK Status paired_compare(Paired *paired, Outcomes *new, Outcomes *old, const char *old_name,
				 const PairedOptions *options);

/** Two-sided exact p that one of two equally likely outcomes is seen `one` times and the other `other` times. */
double mcnemar_exact(uint64_t one, uint64_t other);

/** @return STATUS_OK if the new model is better (McNemar's p below 0.05), else STATUS_NO saying why */
MUST_CHECK Status paired_is_better(const Paired *paired);

/** @param share  of all samples: 0.003. @return STATUS_OK if accuracy is not worse by more, else STATUS_NO saying why */
MUST_CHECK Status paired_is_not_worse(const Paired *paired, double share);

/** Undefined numbers are null. @return new reference */
json_t *paired_json(const Paired *paired);

#endif
