/* source/stream_source.h: a tensor stream as a source, so that fm-fetch filters too. */
#ifndef FM_SOURCE_STREAM_SOURCE_H
#define FM_SOURCE_STREAM_SOURCE_H

#include "source/source.h"

/** Stdin. @return as reader_open */
MUST_CHECK Status stream_source_open_stdin(Source *source);

/** As stream_source_open_stdin, of an open file, which is taken over whatever happens. @param name  for messages */
MUST_CHECK Status stream_source_open_fd(Source *source, int fd, const char *name);

/** Does the open file begin as a record does? Its offset stays where it is; a pipe, which can't be looked at, counts as
 *  one. */
bool is_stream(int fd);

#endif
