/* readers.h: the derivatives that a stage's readers leave in its place come together. */
#ifndef FM_GPU_READERS_H
#define FM_GPU_READERS_H

#include "work.h"

/** to = from, or to += from, `count` cells. */
template <typename Cell> void readers_pass(Work &work, uint32_t count, const Cell *from, bool is_added, Cell *to);

#endif
