/* export/stream.h: a whole stream into a format. */
#ifndef FM_EXPORT_STREAM_H
#define FM_EXPORT_STREAM_H

#include "export/format.h"
#include "status.h"

/**
 * Read a stream to its end and write it; the target appears whole or not at all.
 *
 * @param path       of the stream; "-" for stdin
 * @param target     NULL: standard output
 * @param is_zipped  idx: gzipped
 * @return STATUS_INPUT for a torn stream, one without an end, or one that the format can't hold; STATUS_INTERRUPTED after
 *         a signal that stop.h watches
 */
MUST_CHECK Status export_stream(const char *path, const Format *format, const char *target, bool is_zipped);

#endif
