/* export/stop.h: signals as a wish to clean up, where more than one file has to go. */
#ifndef FM_EXPORT_STOP_H
#define FM_EXPORT_STOP_H

#include <signal.h>

/** From here on SIGHUP, SIGINT and SIGTERM, unless they are ignored, only set the number below. */
void stop_watch(void);

/** The signal that came, or 0; for Reader.stop. */
extern volatile sig_atomic_t stop_number;

/** If a signal came, die of it as if it had not been watched. */
void stop_die(void);

#endif
