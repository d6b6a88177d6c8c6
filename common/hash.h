/* hash.h: XXH3-64, by the widest instructions that libxxhash finds on this machine. */
#ifndef FM_HASH_H
#define FM_HASH_H

#include <xxhash.h>

#if defined(__x86_64__)
#include <xxh_x86dispatch.h> /* puts functions that choose at run time in the place of those below */
#endif

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** A hash in progress. */
typedef XXH3_state_t Hash;

/** Seed 0, nothing hashed yet. */
static inline Hash *
hash_open(void)
{
	Hash *hash = XXH3_createState();

	if (!hash)
		abort();
	XXH3_64bits_reset(hash);
	return hash;
}

static inline void
hash_update(Hash *hash, const void *data, size_t size)
{
	XXH3_64bits_update(hash, data, size);
}

/** Of what was hashed so far; more may follow. */
static inline uint64_t
hash_value(const Hash *hash)
{
	return XXH3_64bits_digest(hash);
}

static inline void
hash_close(Hash *hash)
{
	XXH3_freeState(hash);
}

/** In one go. */
static inline uint64_t
hash_of(const void *data, size_t size)
{
	return XXH3_64bits(data, size);
}

#endif
