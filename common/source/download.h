/* source/download.h: fetch a file over HTTP. */
#ifndef FM_SOURCE_DOWNLOAD_H
#define FM_SOURCE_DOWNLOAD_H

#include "status.h"

#include <stdbool.h>
#include <stdint.h>

/** How patient to be. */
typedef struct DownloadManners {
	uint64_t retries;	  /* after the first try */
	uint64_t timeout_seconds; /* without a byte */
} DownloadManners;

/** Is it an address (http://…, https://…) rather than a file's name? */
bool is_address(const char *text);

/** As it may be shown and kept: without user, password, query and fragment. @return malloced */
char *address_public(const char *address);

/**
 * Append what the file at fd lacks. What a server sends at once or, broken off, from where it stopped; where it can't
 * resume, or the file has changed meanwhile, from the start. Proxies come from the environment (http_proxy, https_proxy,
 * no_proxy); redirects are followed, but not from https to http.
 *
 * @param address  http or https
 * @param fd       open for reading and writing; what it holds already is taken as the file's beginning only where
 *                 has_digest: then the caller will notice if it wasn't
 * @param size     what the file must have, or 0: unknown; more is refused while it comes
 * @return STATUS_OK; STATUS_IO with the server's or the network's last words, after all retries (408, 429, 5xx and broken
 *         connections are tried again, after 1/4, 1/2, 1, … seconds or as long as the server asks for)
 */
MUST_CHECK Status download(const char *address, int fd, bool has_digest, uint64_t size, const DownloadManners *manners);

#endif
