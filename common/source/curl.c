/* source/curl.c: libcurl, loaded when the first download needs it. */
#include "source/curl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#define LIBRARY "libcurl.so.4"

static Curl functions;

static const struct {
	const char *name;
	void *place;
} names[] = {
	{ "curl_global_init", &functions.global_init },	  { "curl_easy_init", &functions.easy_init },
	{ "curl_easy_setopt", &functions.easy_setopt },	  { "curl_easy_perform", &functions.easy_perform },
	{ "curl_easy_getinfo", &functions.easy_getinfo }, { "curl_easy_cleanup", &functions.easy_cleanup },
	{ "curl_easy_strerror", &functions.easy_strerror }, { "curl_slist_append", &functions.slist_append },
	{ "curl_slist_free_all", &functions.slist_free_all },
};

static Status
find_functions(void *library)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		void *function = dlsym(library, names[i].name);

		if (!function)
			return fail(STATUS_IO, "%s has no %s", LIBRARY, names[i].name);
		*(void **)names[i].place = function;
	}
	return STATUS_OK;
}

Status
curl_load(const Curl **curl)
{
	static bool is_loaded;
	void *library = is_loaded ? NULL : dlopen(LIBRARY, RTLD_NOW);

	*curl = &functions;
	if (is_loaded)
		return STATUS_OK;
	if (!library)
		return fail(STATUS_IO, "no downloads without libcurl (Debian's package libcurl4): %s", dlerror());
	Status status = find_functions(library);

	if (status >= 0 && functions.global_init(CURL_GLOBAL_DEFAULT))
		status = fail(STATUS_IO, "%s doesn't start", LIBRARY);
	is_loaded = status >= 0;
	return status;
}
