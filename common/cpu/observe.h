/* cpu/observe.h: the ranges of activations, seen while predicting: what prediction in bytes needs to know. */
#ifndef FM_CPU_OBSERVE_H
#define FM_CPU_OBSERVE_H

#include "cpu/engine.h"

/** Widen the thread's range of stage s by n images of its output, where ranges are wanted. */
void observe(const Backend *backend, size_t s, const void *out, uint32_t n, Scratch *scratch);

/** Widen options.ranges_seen by what all threads have seen since the last call. */
void observe_finish(Backend *backend);

#endif
