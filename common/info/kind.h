/* info/kind.h: is this file a stream or a model? */
#ifndef FM_INFO_KIND_H
#define FM_INFO_KIND_H

#include "status.h"

#include <stdbool.h>

/**
 * Look at the first bytes of an open file or pipe, from which nothing is taken.
 *
 * @param is_stream  out: true where a record's magic stands; of a pipe unless a model's header begins there; of what can't be
 *                   looked at (a socket)
 */
MUST_CHECK Status kind_look(int fd, const char *name, bool *is_stream);

#endif
