/* cli/progress.h: one line that is written over itself, on stderr, only where that is a terminal and --quiet is off. */
#ifndef FM_CLI_PROGRESS_H
#define FM_CLI_PROGRESS_H

#include "status.h"

#include <stdbool.h>

/** Would progress be shown? Ask before doing work that only the line needs. */
bool progress_is_on(void);

/** Show this line in place of the last, cut to the terminal's width; at most ten times a second, others are dropped. */
void progress(const char *format, ...) PRINTF_LIKE(1, 2);

/** Take the line away: before words, and at the end. message.h's functions do it by themselves. */
void progress_clear(void);

#endif
