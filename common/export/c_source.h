/* export/c_source.h: a model as one C file and its header, plain C99. */
#ifndef FM_EXPORT_C_SOURCE_H
#define FM_EXPORT_C_SOURCE_H

#include "export/arena.h"
#include "export/graph.h"
#include "status.h"

#include <stddef.h>

/**
 * What to call it: the base of the target's name, made an identifier ("my net-2.c" gives "my_net_2"); all names that the
 * linker sees begin with it.
 *
 * @return malloced
 */
char *c_prefix(const char *target);

/** Bytes of the one array that holds everything between pixels and probabilities. */
size_t c_arena_size(const Arena *arena);

/** The header's text. @param name  of its file, for messages */
MUST_CHECK Status c_header_write(const Graph *graph, const Arena *arena, const char *prefix, int fd, const char *name);

/** The source's text; it includes "PREFIX.h" under the name given. */
MUST_CHECK Status c_source_write(const Graph *graph, const Arena *arena, const char *prefix, const char *header, int fd,
				 const char *name);

#endif
