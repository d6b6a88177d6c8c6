/* predict/hangup.h: SIGHUP as a wish to read the model anew, which a wait for input can be ended by. */
#ifndef FM_PREDICT_HANGUP_H
#define FM_PREDICT_HANGUP_H

#include "status.h"

#include <stdbool.h>

/**
 * From here on SIGHUP only makes a wish. Where it is ignored (nohup) it stays so.
 *
 * @param fd  out: readable while there is a wish; -1 where SIGHUP is ignored
 * @return STATUS_OK or STATUS_IO
 */
MUST_CHECK Status hangup_watch(int *fd);

/** Is there a wish? It is taken: signals that came before count as one. */
bool hangup_take(void);

#endif
