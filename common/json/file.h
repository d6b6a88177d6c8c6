/* json/file.h: a JSON file as one value. */
#ifndef FM_JSON_FILE_H
#define FM_JSON_FILE_H

#include "status.h"

#include <jansson.h>

enum { JSON_FILE_MOST = 1 << 30 }; /* bytes; curves of ten million samples are large */

/**
 * Read one JSON value that fills a file; duplicate keys are errors.
 *
 * @param value  out: new reference
 * @param path   "-": standard input
 * @return STATUS_OK; STATUS_IO; STATUS_INPUT naming the file and what is wrong with it
 */
MUST_CHECK Status json_read(json_t **value, const char *path);

#endif
