/* source/digest.h: SHA-256 of files. */
#ifndef FM_SOURCE_DIGEST_H
#define FM_SOURCE_DIGEST_H

#include "status.h"

#include <stdbool.h>

enum { DIGEST_TEXT = 65 }; /* 64 lower-case hex digits and a NUL */

/** Of all of an open file, whose offset stays where it is. @return STATUS_OK or STATUS_IO */
MUST_CHECK Status digest_file(int fd, const char *name, char digest[static DIGEST_TEXT]);

/** Of what is in a file that may be compressed, with an fd that stays the caller's. @return STATUS_OK, STATUS_INPUT, STATUS_IO */
MUST_CHECK Status digest_contents(int fd, const char *name, char digest[static DIGEST_TEXT]);

/** Are these 64 hex digits, lower case? */
bool is_digest(const char *text);

#endif
