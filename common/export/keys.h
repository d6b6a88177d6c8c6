/* export/keys.h: which keys were there before. */
#ifndef FM_EXPORT_KEYS_H
#define FM_EXPORT_KEYS_H

#include "status.h"

#include <stdint.h>

/**
 * A set of texts, by their hashes alone: 11 to 22 bytes a text, and where two of a million have one hash, which one set in
 * 40 million has, the later is taken for the former. {0} is empty.
 */
typedef struct Keys {
	uint64_t *hashes; /* [room], open addressing; 0 is a free place */
	uint64_t room, count; /* room is a power of two */
} Keys;

/** @return 1 it is new, and now in it; 0 it was in it; STATUS_IO: no memory */
MUST_CHECK Status keys_add(Keys *keys, const char *text);

void keys_release(Keys *keys);

#endif
