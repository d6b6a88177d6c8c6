/* train/held.h: the data set with the backend, so that a step sends numbers of rows instead of pixels. */
#ifndef FM_TRAIN_HELD_H
#define FM_TRAIN_HELD_H

#include "train/training.h"

/**
 * Give the backend all samples that are kept, a plain stream's or a lazy one's data set, once; after open_backend.
 *
 * Only to a plug-in, on whose device they are nearer than here; of other streams none are kept, and mixing changes them.
 * Where the device has no room for them, pixels are sent with every step as before.
 *
 * @param is_held  out
 * @return STATUS_OK; STATUS_IO (memory)
 */
MUST_CHECK Status held_open(Training *training, bool *is_held);

#endif
