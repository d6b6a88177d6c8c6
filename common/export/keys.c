#include "export/keys.h"

#include "hash.h"

#include <inttypes.h>
#include <string.h>

enum { ROOM_FIRST = 1024 };

static uint64_t
place_of(const Keys *keys, uint64_t hash)
{
	uint64_t at = hash & (keys->room - 1);

	while (keys->hashes[at] && keys->hashes[at] != hash)
		at = (at + 1) & (keys->room - 1);
	return at;
}

/* At most three quarters are taken. */
static Status
grow(Keys *keys)
{
	const Keys old = *keys;

	if (4 * (old.count + 1) <= 3 * old.room)
		return STATUS_OK;
	keys->room = old.room ? 2 * old.room : ROOM_FIRST;
	keys->hashes = calloc(keys->room, sizeof *keys->hashes);
	if (!keys->hashes) {
		*keys = old;
		return fail(STATUS_IO, "no memory to remember the names of %" PRIu64 " samples", old.count);
	}
	for (uint64_t i = 0; i < old.room; i++)
		if (old.hashes[i])
			keys->hashes[place_of(keys, old.hashes[i])] = old.hashes[i];
	free(old.hashes);
	return STATUS_OK;
}

Status
keys_add(Keys *keys, const char *text)
{
	uint64_t hash = hash_of(text, strlen(text));
	Status status = grow(keys);

	if (status < 0)
		return status;
	hash = hash ? hash : 1;
	uint64_t at = place_of(keys, hash);
	if (keys->hashes[at])
		return 0;
	keys->hashes[at] = hash;
	keys->count++;
	return 1;
}

void
keys_release(Keys *keys)
{
	free(keys->hashes);
	*keys = (Keys){ 0 };
}
