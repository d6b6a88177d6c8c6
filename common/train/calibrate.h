/* train/calibrate.h: the temperature of a finished run: fm.calibration, see fm-model(5). */
#ifndef FM_TRAIN_CALIBRATE_H
#define FM_TRAIN_CALIBRATE_H

#include "status.h"
#include "train/training.h"

/**
 * With settings's temperature, or with one fitted to the validation data, as the best epoch's weights predict them in
 * fp32 through settings's views: set training's calibration. Where temperature is 1 it stays NULL.
 *
 * @return STATUS_OK; STATUS_IO (memory); STATUS_NO if a probability is not finite; or what the backend says
 */
MUST_CHECK Status calibrate(Training *training);

#endif
