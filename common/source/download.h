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
 * Append to a file what it lacks. A transfer that breaks off goes on from where it stopped; where the server can't resume,
 * or its file may have changed meanwhile, from the start. Proxies come from the environment (http_proxy, https_proxy,
 * no_proxy); redirects are followed, but never from https to http.
 *
 * Broken and silent connections and the answers 408, 429 and 5xx are tried again, after 1/4, 1/2, 1, … seconds or as long
 * as the server asks for, at most a minute.
 *
 * @param address     http or https
 * @param fd          open for reading and writing
 * @param is_checked  the caller will compare a digest: so what the file holds already may be taken as the beginning
 * @param size        what the file must have in the end, or 0: unknown
 * @return STATUS_OK; STATUS_INPUT: another size; STATUS_IO with the server's or the network's last word
 */
MUST_CHECK Status download(const char *address, int fd, bool is_checked, uint64_t size, const DownloadManners *manners);

#endif
