/* place.c: the running program's own folders. */
#include "machine/place.h"

#include <string.h>
#include <unistd.h>

Status
place_beside(const char *below, char path[static PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (length < 0)
		return fail_errno("/proc/self/exe");
	path[length] = '\0';
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');

		if (slash)
			*slash = '\0';
	}
	if (strlen(path) + strlen(below) + 1 > PATH_MAX)
		return fail(STATUS_IO, "%s: a path too long", path);
	strcat(path, below);
	return STATUS_OK;
}
