/* source/cache.c: downloads that are kept. */
#include "source/cache.h"

#include "cli/message.h"
#include "memory.h"
#include "source/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

char *
cache_path(const char *folder, const char *file)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *below = "";
	char *path;

	if (!base || *base != '/') { /* the XDG specification has relative paths ignored */
		base = home;
		below = "/.cache";
	}
	if (!base || *base != '/')
		return NULL;
	if (asprintf(&path, "%s%s/fm-tools/%s/%s", base, below, folder, file) < 0)
		abort();
	return path;
}

/* Make the folders that a file lies in. */
static Status
make_folders(const char *path)
{
	char *copy = memory_text(path);
	Status status = STATUS_OK;

	for (char *slash = strchr(copy + 1, '/'); slash && status >= 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0777) && errno != EEXIST)
			status = fail_errno("%s: can't make this folder of the cache", copy);
		*slash = '/';
	}
	free(copy);
	return status;
}

/* The lock holder may have renamed the file that we waited for: is the name still this file's? */
static bool
is_current(int fd, const char *path)
{
	struct stat ours, theirs;

	return !fstat(fd, &ours) && !stat(path, &theirs) && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

static int
lock(int fd, const char *path)
{
	int result;

	if (!flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	if (errno == EWOULDBLOCK)
		verbose("%s: waiting for another fm-fetch that downloads it", path);
	do
		result = flock(fd, LOCK_EX);
	while (result && errno == EINTR);
	return result;
}

/* Open and lock what was fetched so far. */
static Status
open_part(const char *part, int *fd)
{
	for (;;) {
		*fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (*fd < 0)
			return fail_errno("%s", part);
		if (lock(*fd, part)) {
			Status status = fail_errno("%s: can't lock it", part);

			close(*fd);
			return status;
		}
		if (is_current(*fd, part))
			return STATUS_OK;
		close(*fd);
	}
}

static Status
verify(int fd, const CacheOrigin *origin)
{
	char *name = address_public(origin->address), digest[DIGEST_TEXT];
	Status status = digest_file(fd, name, digest);

	if (status >= 0 && strcmp(digest, origin->sha256) != 0)
		status = fail(STATUS_INPUT, "%s: not the file that was expected: its SHA-256 is %s, not %s", name, digest,
			      origin->sha256);
	free(name);
	return status;
}

static Status
fetch_once(int fd, const CacheOrigin *origin)
{
	Status status = download(origin->address, fd, true, origin->size, origin->manners);

	if (status >= 0)
		status = verify(fd, origin);
	if (status == STATUS_INPUT && ftruncate(fd, 0))
		return fail_errno("can't empty a file of the cache");
	return status;
}

/* What another run left may be the beginning of another file: then once more, from nothing. */
static Status
fetch_verified(int fd, const CacheOrigin *origin)
{
	bool is_continued = lseek(fd, 0, SEEK_END) > 0;
	Status status = fetch_once(fd, origin);

	return status == STATUS_INPUT && is_continued ? fetch_once(fd, origin) : status;
}

/* 1 it is there and verified, 0 it isn't. */
static Status
open_done(const char *path, const CacheOrigin *origin, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return 0;
	if (verify(*fd, origin) >= 0)
		return 1;
	warn("%s: damaged; fetching it again", path);
	close(*fd);
	return 0;
}

static Status
finish(int fd, const char *part, const char *path, const CacheOrigin *origin)
{
	Status status = fetch_verified(fd, origin);

	if (status == STATUS_INPUT)
		unlink(part);
	if (status >= 0 && (fsync(fd) || rename(part, path)))
		status = fail_errno("%s", path);
	return status;
}

static Status
fetch(const char *path, const CacheOrigin *origin, int *fd)
{
	char *part;
	int done;

	if (asprintf(&part, "%s.part", path) < 0)
		abort();
	Status status = open_part(part, fd);

	/* somebody else may have finished it while we waited for the lock */
	if (status >= 0 && open_done(path, origin, &done) > 0) {
		unlink(part);
		close(*fd);
		*fd = done;
	} else if (status >= 0 && (status = finish(*fd, part, path, origin)) < 0)
		close(*fd);
	free(part);
	return status;
}

Status
cache_open(const char *path, const CacheOrigin *origin, int *fd)
{
	Status status = open_done(path, origin, fd);

	if (status > 0)
		return STATUS_OK;
	if ((status = make_folders(path)) < 0)
		return status;
	return fetch(path, origin, fd);
}
