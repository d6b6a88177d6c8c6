/* source/locate.c: find a named set's file: cache, package, mirrors. */
#include "source/locate.h"

#include "cli/message.h"
#include "memory.h"
#include "source/cache.h"
#include "source/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool
has_text(const char *text)
{
	return text && *text;
}

/* Is the open file what its publisher offers, packed anew or not? */
static Status
verify(const SetFile *file, int fd, const char *name)
{
	char digest[DIGEST_TEXT];
	Status status = digest_file(fd, name, digest);

	if (status < 0)
		return status;
	if (!strcmp(digest, file->sha256) || (file->package && !strcmp(digest, file->package)))
		return STATUS_OK;
	if (file->contents && digest_contents(fd, name, digest) >= 0 && !strcmp(digest, file->contents))
		return STATUS_OK;
	return fail(STATUS_INPUT, "%s: not the published file: its SHA-256 differs", name);
}

/* Open and verify one place: 1 found, 0 not there, or there but not the published file. */
static Status
try_place(const SetFile *file, const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			warn("%s: %s; looking elsewhere", path, strerror(errno));
		return 0;
	}
	if (verify(file, *fd, path) >= 0)
		return 1;
	warn("%s; looking elsewhere", status_message());
	close(*fd);
	return 0;
}

/* The distribution's packages, and whatever an administrator keeps the same way. */
static Status
try_packages(const NamedSet *set, const SetFile *file, int *fd, char **name)
{
	const char *folders = getenv("FM_DATASETS");
	char *list = memory_text(has_text(folders) ? folders : "/usr/share/datasets"), *rest = list, *folder;
	Status status = 0;

	while (!status && (folder = strsep(&rest, ":"))) {
		if (!*folder)
			continue;
		if (asprintf(name, "%s/%s/%s", folder, set->folder, file->name) < 0)
			abort();
		if (!(status = try_place(file, *name, fd)))
			free(*name);
	}
	free(list);
	return status;
}

static Status
try_cache(const char *path, const SetFile *file, int *fd, char **name)
{
	if (try_place(file, path, fd) <= 0)
		return 0;
	*name = memory_text(path);
	return 1;
}

static Status
try_mirror(const char *folder, const NamedSet *set, const SetFile *file, const char *path, const DownloadManners *manners,
	   int *fd)
{
	bool is_own = has_text(getenv("FM_MIRROR"));
	size_t length = strlen(folder);
	char *address;

	/* a mirror of all sets has a folder for each, the sets' own mirrors have one set */
	if (asprintf(&address, "%s%s%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", is_own ? set->folder : "",
		     is_own ? "/" : "", file->name) < 0)
		abort();
	const CacheOrigin origin = { .address = address, .size = file->size, .sha256 = file->sha256, .manners = manners };
	Status status = cache_open(path, &origin, fd);

	free(address);
	return status;
}

/* FM_MIRROR's addresses, or the set's own. Malloced array that ends with NULL, and the text that it may point into. */
static const char **
mirrors_of(const NamedSet *set, char **text)
{
	const char *own = getenv("FM_MIRROR"), *mirror;
	const char **mirrors = memory_zeroed(1, sizeof *mirrors);
	size_t count = 0;

	*text = memory_text(has_text(own) ? own : "");
	for (char *rest = *text; has_text(own) && (mirror = strsep(&rest, " "));) {
		if (*mirror) {
			mirrors = memory_grow(mirrors, count + 2, sizeof *mirrors);
			mirrors[count++] = mirror;
		}
	}
	for (const char *const *at = set->mirrors; !has_text(own) && *at; at++) {
		mirrors = memory_grow(mirrors, count + 2, sizeof *mirrors);
		mirrors[count++] = *at;
	}
	mirrors[count] = NULL;
	return mirrors;
}

static Status
try_mirrors(const NamedSet *set, const SetFile *file, const char *path, const DownloadManners *manners, int *fd)
{
	char *text;
	const char **mirrors = mirrors_of(set, &text);
	Status status = fail(STATUS_IO, "FM_MIRROR names no address");

	for (const char **mirror = mirrors; status < 0 && *mirror; mirror++) {
		status = try_mirror(*mirror, set, file, path, manners, fd);
		if (status < 0 && mirror[1])
			warn("%s; trying the next mirror", status_message());
	}
	free(mirrors);
	free(text);
	return status;
}

static Status
advise(Status status, const NamedSet *set)
{
	if (set->package)
		return fail(status, "%s; or install the package %s", status_message(), set->package);
	return status;
}

Status
locate_file(const NamedSet *set, const SetFile *file, const DownloadManners *manners, int *fd, char **name)
{
	char *path = cache_path(set->folder, file->name);
	Status status = path ? try_cache(path, file, fd, name) : 0;

	if (!status)
		status = try_packages(set, file, fd, name);
	if (!status && !path)
		status = advise(fail(STATUS_IO, "%s: nowhere to keep it: set XDG_CACHE_HOME or HOME", set->name), set);
	else if (!status && (status = try_mirrors(set, file, path, manners, fd)) >= 0)
		*name = memory_text(path);
	else if (status < 0)
		status = advise(status, set);
	free(path);
	return status < 0 ? status : STATUS_OK;
}
