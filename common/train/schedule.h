/* train/schedule.h: how the learning rate, and what learns, change from step to step. */
#ifndef FM_TRAIN_SCHEDULE_H
#define FM_TRAIN_SCHEDULE_H

#include "backend.h"
#include "train/freeze.h"

#include <stdint.h>

#define SCHEDULE_CHOICES "constant|step|cosine|onecycle"

typedef enum ScheduleKind { SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULE_ONECYCLE } ScheduleKind;

typedef struct Schedule {
	ScheduleKind kind;
	double rate;
	double weight_decay;
	Freeze freeze;
	uint64_t steps; /* T; plays no part in a constant one where nothing freezes */
} Schedule;

/** @param name  one of SCHEDULE_CHOICES */
ScheduleKind schedule_from_name(const char *name);

/** Rates of the step that follows t others: t = 0 … T - 1. */
Hyper schedule_hyper(const Schedule *schedule, uint64_t t);

#endif
