/* draw/log.h: the lines that fm-train --log writes, as numbers to plot. */
#ifndef FM_DRAW_LOG_H
#define FM_DRAW_LOG_H

#include "status.h"

#include <stddef.h>

enum LogColumn { LOG_LOSS, LOG_VAL_LOSS, LOG_ACCURACY, LOG_VAL_ACCURACY, LOG_COLUMNS };

/** One run: consecutive lines with rising epochs. */
typedef struct LogRun {
	char *name;
	size_t count;
	double *epoch;		     /* [count], from 1 as people read it */
	double *values[LOG_COLUMNS]; /* each [count]; NaN where the log has null */
} LogRun;

typedef struct Log {
	size_t count;
	LogRun *runs;
} Log;

/**
 * Add the runs of one file: a log is appended to, so it can hold several. A last line without its end is still being
 * written and is left out.
 *
 * @param log  zeroed before the first call
 * @return STATUS_OK; STATUS_INPUT naming the line, STATUS_IO
 */
MUST_CHECK Status log_read(Log *log, const char *path);

void log_release(Log *log);

#endif
