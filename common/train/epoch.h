/* train/epoch.h: how the samples of an epoch are cut into steps. */
#ifndef FM_TRAIN_EPOCH_H
#define FM_TRAIN_EPOCH_H

#include <stdint.h>

/**
 * Steps of an epoch: ceil(samples / batch), one fewer when a last batch of one joins the batch before it, because batch
 * norm can't normalise a single sample.
 */
uint64_t epoch_steps(uint64_t samples, uint32_t batch);

/** Samples of the step that follows `done` samples of an epoch; 0 when the epoch is over. */
uint32_t epoch_step_size(uint64_t samples, uint32_t batch, uint64_t done);

/** The largest of these. */
uint32_t epoch_step_most(uint64_t samples, uint32_t batch);

#endif
