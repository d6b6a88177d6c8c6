/* train/inputs.h: what a model's history says of this run and of what it was trained on. */
#ifndef FM_TRAIN_INPUTS_H
#define FM_TRAIN_INPUTS_H

#include "train/training.h"

/** The history of a model made by this run so far. @return new reference */
json_t *inputs_history(const Training *training);

#endif
