/* train/freeze.h: leaving the first layers as they are before the training ends.
 *
 * What the first layers see in pictures is settled early, and where they no longer learn a step's way back ends sooner: Brock,
 * Lim, Ritchie and Weston, "FreezeOut", arXiv 1706.04983. */
#ifndef FM_TRAIN_FREEZE_H
#define FM_TRAIN_FREEZE_H

#include "net/net.h"

#include <stdint.h>

enum { FREEZE_MOST = 16 };

/** When the first layers with weights cease to learn, each with the batch norm behind it. */
typedef struct Freeze {
	uint32_t count;
	double share[FREEZE_MOST];    /* of the run's steps, 0 … 1; ascending */
	uint32_t stages[FREEZE_MOST]; /* of the plan, the first: those that are frozen then */
} Freeze;

/** @param text  "none", or "0.5,0.8". @return NULL; or what was expected */
const char *freeze_expect(const char *text);

/** @param text  one that freeze_expect has passed; what it says of more layers than all but the last is of no effect */
Freeze freeze_read(const char *text, const Net *net);

/** Hyper.frozen of a step before which this share of the steps is done. */
uint32_t freeze_at(const Freeze *freeze, double share);

#endif
