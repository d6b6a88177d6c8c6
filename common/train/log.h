/* train/log.h: --log: a line of JSON an epoch. */
#ifndef FM_TRAIN_LOG_H
#define FM_TRAIN_LOG_H

#include "status.h"
#include "train/log_cut.h"
#include "train/monitor.h"

#include <stdint.h>

/** What a line says; see fm-train(1). */
typedef struct LogLine {
	uint64_t epoch;		/* from 0 */
	uint64_t step, samples; /* cumulative */
	EpochScores scores;
	double learning_rate;
	double seconds, images_per_second; /* of training alone */
	const char *device;	/* what computed: "cpu avx512 fp32" */
} LogLine;

typedef struct Log {
	int fd; /* -1: there is no log */
	const char *path;
} Log;

/**
 * Open for appending.
 *
 * @param path   NULL: no log
 * @param place  where a resumed run's checkpoint stood: a regular file is cut to it, see log_cut
 */
MUST_CHECK Status log_open(Log *log, const char *path, const LogPlace *place);

/** Append one line, with one write(2). */
MUST_CHECK Status log_write(Log *log, const LogLine *line);

/**
 * Its length in bytes, safely on disk; -1 where that has no meaning (no log, a pipe, a terminal).
 *
 * @param hash  out: of these bytes; 0: unknown
 */
int64_t log_length(const Log *log, uint64_t *hash);

#endif
