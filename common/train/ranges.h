/* train/ranges.h: the ranges of a finished run's activations, for prediction in int8: fm.calibration, see fm-model(5). */
#ifndef FM_TRAIN_RANGES_H
#define FM_TRAIN_RANGES_H

#include "status.h"
#include "train/training.h"

/**
 * Predict the validation data once more, in fp32 on the CPU, by the best epoch's weights, and add what every stage puts
 * out to training's calibration. Without validation data nothing is added, nor for a network that the CPU can't do.
 *
 * @return STATUS_OK; STATUS_IO (memory); or what the backends say
 */
MUST_CHECK Status ranges_measure(Training *training);

#endif
