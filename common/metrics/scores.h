/* metrics/scores.h: predictions -> scores, as scikit-learn defines them; see fm-metrics(1).
 *
 * One pass: what is kept of a sample is its probabilities, its label and its prediction, never its picture. */
#ifndef FM_METRICS_SCORES_H
#define FM_METRICS_SCORES_H

#include "metrics/row.h"
#include "metrics/samples.h"
#include "status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	SCORES_MATRIX_MOST = 1000, /* classes; above, no confusion matrix is kept */
	SCORES_TOP_MOST = 10,
	SCORES_BINS = CALIBRATION_BINS,
	SCORES_PAIRS_MOST = 20,	   /* most confused pairs */
};

/** Samples predicted as one class whose probability fell into one bin. */
typedef struct Bin {
	uint64_t count, correct;
	double prob; /* sum */
} Bin;

/** Running counts and sums. scores_init, scores_release. */
typedef struct Scores {
	uint32_t classes;
	char **names;			    /* [classes] */
	uint64_t samples, unlabelled;	    /* samples counts the unlabelled ones too */
	uint64_t correct, top[SCORES_TOP_MOST]; /* top[i]: label among the i + 1 most probable */
	uint64_t *support, *predicted, *hit; /* [classes]: label is it, prediction is it, both */
	uint64_t *matrix;		    /* [classes, classes], rows actual, columns predicted; NULL above the limit */
	double log_loss, brier;		    /* sums */
	Bin *bins;			    /* [classes, SCORES_BINS] by predicted class */
	Samples kept;			    /* the labelled ones */
	int threads;			    /* for sorting; 1 unless set */
} Scores;

/** Averages over classes. */
typedef struct Averages {
	double macro, weighted, micro;
} Averages;

/** The numbers that are one for the whole set; NaN where undefined. */
typedef struct Summary {
	uint64_t samples, unlabelled;
	double accuracy, balanced_accuracy;
	Averages precision, recall, f1;
	double mcc, kappa, log_loss, brier, ece;
} Summary;

/** One class's own numbers; NaN where undefined. */
typedef struct ClassScores {
	uint64_t support;
	double precision, recall, f1;
} ClassScores;

/** @param names  copied. @return STATUS_OK, or STATUS_IO (memory) and nothing is held */
MUST_CHECK Status scores_init(Scores *scores, uint32_t classes, char *const *names);

/**
 * Count samples.
 *
 * @param prob   [n, classes], raw
 * @param label  [n], -1 = unknown; NULL = all unknown
 * @return STATUS_OK; STATUS_INPUT for a row that is negative, not finite or sums to 0, or a label out of range; STATUS_IO (memory)
 */
MUST_CHECK Status scores_add(Scores *scores, const float *prob, const int32_t *label, uint64_t n);

/** Count one labelled sample without keeping it, so without areas and pairs: for resampling. */
void scores_count(Scores *scores, const Contribution *sample);

/** One class taken for another. */
typedef struct ConfusedPair {
	uint32_t actual, predicted;
	uint64_t count;
	double share; /* of the actual class's samples */
} ConfusedPair;

/**
 * The pairs that are most often confused, most frequent first, in class order where equally frequent.
 *
 * @param pairs  out, [most]
 * @return how many there are; STATUS_IO (memory)
 */
MUST_CHECK Status scores_confused_pairs(const Scores *scores, ConfusedPair *pairs, int most);

/** Quick: no sorting. */
Summary scores_summary(const Scores *scores);
ClassScores scores_of_class(const Scores *scores, uint32_t which);

/**
 * The scores as fm-metrics --json has them, but for curves (curves.h).
 *
 * @param with_pairs  also confused_pairs, which a model's fm.scores goes without
 * @return new reference; or NULL, and status_message says why (memory)
 */
json_t *scores_json(const Scores *scores, bool with_pairs);

void scores_release(Scores *scores);

#endif
