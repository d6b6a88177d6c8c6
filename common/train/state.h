/* train/state.h: how far a run has come: what a checkpoint says beside its vectors, see fm-model(5). */
#ifndef FM_TRAIN_STATE_H
#define FM_TRAIN_STATE_H

#include "backend.h"
#include "status.h"
#include "train/monitor.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct State {
	uint64_t step;		/* steps done */
	uint64_t epoch;		/* the open one */
	uint64_t epoch_step;	/* its steps done */
	uint64_t trained;	/* samples, in all steps */
	Sums sums;		/* of the open epoch */
	double seconds;		/* likewise */
	Monitor monitor;
	uint64_t first;		/* hash of what the input's first record says */
	uint64_t samples;	/* consumed of the input, the hold-out part counted too */
	uint64_t content;	/* fm.content of these */
	uint64_t epoch_samples;	/* consumed before the open epoch; of a repeated stream */
	uint64_t epoch_content; /* fm.content of these */
	uint64_t val_content;	/* fm.content of the validation data; 0: none */
	uint64_t class_weights; /* hash of --class-weights; 0: none */
	int64_t log_length;	/* bytes; -1: unknown */
	uint64_t log_hash;	/* of these; 0: unknown */
	bool is_finished;
} State;

/** @return new reference */
json_t *state_json(const State *state);

/** The monitor's key and patience stay as they are. @return STATUS_INPUT if anything is missing or can't be */
MUST_CHECK Status state_from_json(State *state, const json_t *json);

#endif
