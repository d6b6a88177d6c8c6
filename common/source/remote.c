/* source/remote.c: a file that a user names by its address. */
#include "source/remote.h"

#include "memory.h"
#include "source/cache.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static Status
open_unlinked(int *fd)
{
	const char *wanted = getenv("TMPDIR"), *folder = wanted && *wanted ? wanted : "/var/tmp";
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/fm-fetch-XXXXXX", folder);
	*fd = mkostemp(path, O_CLOEXEC);
	if (*fd < 0)
		return fail_errno("can't make a file for the download in %s (TMPDIR says where)", folder);
	unlink(path);
	return STATUS_OK;
}

static Status
open_checked(const char *address, const char *sha256, const DownloadManners *manners, int *fd)
{
	const CacheOrigin origin = { .address = address, .sha256 = sha256, .manners = manners };
	char *path = cache_path("sha256", sha256);

	if (!path)
		return fail(STATUS_IO, "%s: nowhere to keep it: set XDG_CACHE_HOME or HOME", sha256);
	Status status = cache_open(path, &origin, fd);

	free(path);
	return status;
}

Status
remote_open(const char *address, const char *sha256, const DownloadManners *manners, int *fd)
{
	if (sha256)
		return open_checked(address, sha256, manners, fd);
	Status status = open_unlinked(fd);

	if (status < 0)
		return status;
	status = download(address, *fd, false, 0, manners);
	/* a stream is read from where the file stands */
	if (status >= 0 && lseek(*fd, 0, SEEK_SET) < 0)
		status = fail_errno("%s", address);
	if (status < 0)
		close(*fd);
	return status;
}
