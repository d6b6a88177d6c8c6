/* export/c_kernels.h: the text of the functions that an exported C file is made of. */
#ifndef FM_EXPORT_C_KERNELS_H
#define FM_EXPORT_C_KERNELS_H

#include "export/arena.h"
#include "export/graph.h"

#include <stdio.h>

/** Write those that the graph's steps call, each once, in the order in which they call each other. */
void c_kernels_write(const Graph *graph, const Arena *arena, FILE *file);

#endif
