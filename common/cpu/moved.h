/* cpu/moved.h: batches whose samples come with transforms. */
#ifndef FM_CPU_MOVED_H
#define FM_CPU_MOVED_H

#include "cpu/engine.h"

/**
 * The batch that the other files read: the same one, or one with the pixels that transforms make of its pixels or rows.
 * The same bits for any number of threads; memory is taken by the first batch that has transforms.
 *
 * @param batch  checked
 * @param still  out: its pixels are the backend's until the next call
 * @return STATUS_OK; STATUS_IO (memory), STATUS_DEVICE (FM_CPU demands what can't run)
 */
MUST_CHECK Status moved_batch(Backend *backend, const Batch *batch, Batch *still);

void moved_close(Backend *backend);

#endif
