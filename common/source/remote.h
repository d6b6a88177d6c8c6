/* source/remote.h: a file that a user names by its address. */
#ifndef FM_SOURCE_REMOTE_H
#define FM_SOURCE_REMOTE_H

#include "source/download.h"
#include "status.h"

/**
 * Nobody vouches for what comes from an address: it is downloaded anew each time, into an unlinked file in TMPDIR, else
 * /var/tmp; unless its digest is given: then it is checked, and kept in the cache under that digest.
 *
 * @param sha256  64 hex digits, or NULL
 * @param fd      out: the caller's, at its start
 * @return STATUS_OK; STATUS_INPUT: it hasn't that digest; STATUS_IO
 */
MUST_CHECK Status remote_open(const char *address, const char *sha256, const DownloadManners *manners, int *fd);

#endif
