/* train/interrupt.h: SIGINT and SIGTERM as a wish to stop between steps, once there is a checkpoint to save. */
#ifndef FM_TRAIN_INTERRUPT_H
#define FM_TRAIN_INTERRUPT_H

#include <signal.h>

/** From here on both signals only set the flag below, unless they are ignored. */
void interrupt_watch(void);

/** The flag, for Reader.stop: a reader waits a little for it when its input ends too early. */
extern volatile sig_atomic_t interrupt_flag;

#endif
