/* export/arena.h: where the values between the steps of a graph lie in one piece of memory. */
#ifndef FM_EXPORT_ARENA_H
#define FM_EXPORT_ARENA_H

#include "export/graph.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

/** arena_init, arena_release. Places count floats. */
typedef struct Arena {
	size_t floats;	   /* all of it */
	size_t pixels;	   /* where the pixels lie */
	size_t *places;	   /* [steps]: where each step's output lies */
	bool *is_in_place; /* [steps]: the step overwrites what it reads */
} Arena;

/**
 * Give every value a place that no other holds while it is needed: from its step to the last that reads it. Values are
 * placed from the largest to the smallest, each at the lowest place that is free all that time (the greedy-by-size offset
 * calculation of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", arXiv 2001.03288); of a
 * chain this is as large as its two largest neighbours. bn, relu and residual work in place where nobody needs what they
 * read.
 *
 * @return STATUS_OK or STATUS_IO (memory), and nothing is held
 */
MUST_CHECK Status arena_init(Arena *arena, const Graph *graph);

void arena_release(Arena *arena);

#endif
