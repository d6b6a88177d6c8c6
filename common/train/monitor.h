/* train/monitor.h: which epoch was best, and when to give up waiting for a better one. */
#ifndef FM_TRAIN_MONITOR_H
#define FM_TRAIN_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

/* last: every epoch is better than the one before it, so that the last one's weights are the model's */
#define MONITOR_CHOICES "loss|accuracy|val_loss|val_accuracy|val_f1_macro|val_balanced_accuracy|last"

/** What is known of an epoch at its end; NaN where undefined. */
typedef struct EpochScores {
	double loss, accuracy; /* of training */
	double val_loss, val_accuracy, val_f1_macro, val_balanced_accuracy;
} EpochScores;

typedef struct Monitor {
	const char *key;     /* one of MONITOR_CHOICES */
	uint64_t patience;   /* epochs without a better one; 0: endless */
	double best;
	int64_t best_epoch;  /* -1: none yet */
	uint64_t waited;     /* epochs in a row without a better one */
} Monitor;

/** @param key  static, or of argv */
void monitor_init(Monitor *monitor, const char *key, uint64_t patience);

/** Does this key need validation data? */
bool monitor_is_validation(const char *key);

/** Is it the last epoch that is wanted, whatever the scores? */
bool monitor_is_last(const char *key);

/** An epoch is over. Losses are better when smaller, others when larger; ties and NaN are no better. @return better */
bool monitor_observe(Monitor *monitor, const EpochScores *scores, uint64_t epoch);

/** Has it waited for as many epochs as it may? */
bool monitor_is_impatient(const Monitor *monitor);

#endif
