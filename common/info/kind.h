/* info/kind.h: is this file a stream or a model? */
#ifndef FM_INFO_KIND_H
#define FM_INFO_KIND_H

#include "status.h"

#include <stdbool.h>

/**
 * Look at the first bytes of an open file, which stays at its start where it can be rewound.
 *
 * @param is_stream  out: true where a record's magic stands, or where the file can't be rewound (a pipe)
 */
MUST_CHECK Status kind_look(int fd, const char *name, bool *is_stream);

#endif
