/* json/canonical.h: JSON in and out the way fm-stream(5) wants it, over jansson. */
#ifndef FM_JSON_CANONICAL_H
#define FM_JSON_CANONICAL_H

#include "status.h"

#include <jansson.h>
#include <stddef.h>

/**
 * The one text of a value: no white space, members in insertion order, UTF-8 unescaped but for '"', '\' and control
 * bytes (\u00xx), numbers in the shortest form that round-trips.
 *
 * @param length  out, without the NUL; may be NULL
 * @return malloced and NUL-terminated
 */
char *json_canonical(const json_t *value, size_t *length);

/**
 * Parse one JSON value that fills the text; duplicate keys and invalid UTF-8 are errors.
 *
 * @param what  for the message: "record 3's header"
 * @return STATUS_OK and a new reference, or STATUS_INPUT
 */
MUST_CHECK Status json_parse(json_t **value, const char *text, size_t length, const char *what);

#endif
