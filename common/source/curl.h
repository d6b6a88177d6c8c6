/* source/curl.h: libcurl, loaded when the first download needs it.
 *
 * It brings some thirty libraries, which take longer to load than fm-fetch needs for most of its work; and few runs of
 * fm-fetch download anything. */
#ifndef FM_SOURCE_CURL_H
#define FM_SOURCE_CURL_H

#include "status.h"

#include <curl/curl.h>

/** The functions that we call, by the names that libcurl gives them. */
typedef struct Curl {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
	CURLcode (*easy_perform)(CURL *handle);
	CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
	void (*easy_cleanup)(CURL *handle);
	const char *(*easy_strerror)(CURLcode code);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
} Curl;

/** @param curl  out: stays valid for ever. @return STATUS_OK, or STATUS_IO: it isn't there */
MUST_CHECK Status curl_load(const Curl **curl);

#endif
