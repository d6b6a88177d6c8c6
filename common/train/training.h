/* train/training.h: one run of fm-train, from its options to its model. */
#ifndef FM_TRAIN_TRAINING_H
#define FM_TRAIN_TRAINING_H

#include "backend.h"
#include "net/model.h"
#include "status.h"
#include "train/feed.h"
#include "train/intake.h"
#include "train/log.h"
#include "train/mix.h"
#include "train/ring.h"
#include "train/schedule.h"
#include "train/state.h"
#include "train/validation.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/** The options, read. */
typedef struct Settings {
	const char *arch; /* text, "@FILE" or a preset */
	uint64_t epochs;  /* 0: not given */
	uint64_t epochs_usual; /* of a plain stream, where neither epochs nor steps are given */
	uint64_t steps;	  /* 0: not given */
	uint32_t batch;
	double rate, weight_decay, label_smoothing;
	double ema; /* 0: no averages */
	double mixup, cutmix; /* 0: none */
	Optimizer optimizer;
	ScheduleKind schedule;
	const char *freeze; /* as freeze.h reads it */
	uint64_t seed;
	const char *val;     /* NULL: none */
	const char *monitor; /* NULL: not given */
	uint64_t patience;   /* 0: not given */
	const char *class_weights; /* "balanced", a file, NULL: none */
	bool skips_unlabelled;
	const char *views;  /* VIEWS_CHOICES, for fm-predict */
	double temperature; /* likewise; 0: fitted to the validation data; 1: none */
	const char *device;
	Precision precision;
	int threads;
	uint64_t memory;
	const char *checkpoint; /* NULL: none */
	bool resumes;
	const char *log; /* NULL: none */
} Settings;

/** A run. training_begin, training_prepare, training_run, training_write; what it holds goes when the process ends. */
typedef struct Training {
	const Settings *settings;
	Intake intake;
	ValidationFile val; /* where there is --val */
	Net net;
	json_t *options; /* for history and checkpoint; the caller's, set before training_prepare */

	uint64_t epochs;      /* most; UINT64_MAX: as many as steps need */
	uint64_t steps;	      /* most */
	uint64_t epoch_steps; /* of a whole epoch */
	Schedule schedule;
	Validation validation; /* .kept is NULL: none */
	float *class_weights;  /* [classes], or NULL */
	float *weights;	       /* [batch], with class_weights */

	bool has_checkpoint; /* one was written */
	Model resumed; /* the checkpoint; .param is NULL: there is none */
	const BackendTable *table;
	Backend *backend; /* NULL: not open yet, or not needed */
	KeptFeed kept_feed;
	StreamFeed stream_feed;
	Mix mix; /* .first is NULL: nothing is mixed */
	Ring ring;
	Log log;

	State state;
	uint32_t queued;      /* steps since the backend was drained */
	double drained;	      /* when that was, in seconds */
	Consumed now;	      /* of a repeated stream, by the steps done */
	Consumed epoch_begin; /* by the epochs done */
	json_t *scores;	      /* of the best epoch, or NULL */
	json_t *calibration;  /* of a finished run, or NULL */
	bool is_input_whole;  /* every sample of the input was used, and its end seen */
} Training;

/** Will there be validation data? Known after training_begin. */
bool training_has_validation(const Training *training);

/** Are samples mixed with one another? */
bool training_is_mixed(const Training *training);

/** Does its net normalise batches? */
bool training_has_bn(const Training *training);

/** Read --val, the input's first record and the architecture. */
MUST_CHECK Status training_begin(Training *training, const Settings *settings, const char *path);

/**
 * All that comes before the first step: read what has to be read, take up the checkpoint, choose and open the device.
 *
 * @return STATUS_OK; STATUS_INTERRUPTED after a signal, and a checkpoint stands; or why it can't begin
 */
MUST_CHECK Status training_prepare(Training *training);

/** @return STATUS_OK; STATUS_NO when the loss is not finite; STATUS_INTERRUPTED after saving a checkpoint; … */
MUST_CHECK Status training_run(Training *training);

/** Write the model. */
MUST_CHECK Status training_write(Training *training, const char *path);

#endif
