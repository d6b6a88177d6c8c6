/* train/weights.h: how much a sample of each class counts: --class-weights. */
#ifndef FM_TRAIN_WEIGHTS_H
#define FM_TRAIN_WEIGHTS_H

#include "status.h"

#include <stdint.h>

/**
 * n / (k n_c), k = classes that occur; 1 for a class that doesn't.
 *
 * @param counts  [classes]
 * @param weight  out, [classes]
 */
void weights_balance(uint32_t classes, const uint64_t *counts, float *weight);

/**
 * From a file of lines "NAME TAB WEIGHT", weights above 0; 1 for a class that has no line.
 *
 * @return STATUS_OK; STATUS_IO; STATUS_INPUT for a bad line, a class that isn't there, or one that has two lines
 */
MUST_CHECK Status weights_read(const char *path, uint32_t classes, char *const *names, float *weight);

#endif
