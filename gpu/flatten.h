/* flatten.h: [n, h, w, c] to [n, (c, h, w)] and back: where a flatten stands before something that is no dense layer. */
#ifndef FM_GPU_FLATTEN_H
#define FM_GPU_FLATTEN_H

#include "work.h"

#include "net/net.h"

template <typename Cell> void flatten_forward(Work &work, uint32_t n, Shape shape, const Cell *x, Cell *flat);
template <typename Cell> void flatten_back(Work &work, uint32_t n, Shape shape, const Cell *flat, Cell *x);

#endif
