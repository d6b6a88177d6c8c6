/* atomic.c: write beside, sync, rename. */
#include "cli/atomic.h"

#include "cli/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MOST = 40, NAMES_MOST = 10000, BASE_MOST = 200 };

/* The directory of a path, malloced; "." for a bare name. */
static char *
directory_of(const char *path)
{
	char *copy = strdup(path), *directory = copy ? strdup(dirname(copy)) : NULL;

	free(copy);
	return directory;
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* One link further. @return malloced, or NULL */
static char *
follow(const char *path)
{
	char to[PATH_MAX], *joined = NULL;
	ssize_t length = readlink(path, to, sizeof to - 1);

	if (length < 0)
		return NULL;
	to[length] = '\0';
	if (to[0] == '/')
		return strdup(to);
	char *directory = directory_of(path);
	if (directory && asprintf(&joined, "%s/%s", directory, to) < 0)
		joined = NULL;
	free(directory);
	return joined;
}

/* /proc/N/fd/M, by whatever way it was reached (/dev/stdout, /dev/fd/M). @return M, or -1 */
static int
descriptor_of(const char *path)
{
	char real[PATH_MAX], own[64], *directory = directory_of(path);
	const char *base = strrchr(path, '/');
	bool is_own = false;

	snprintf(own, sizeof own, "/proc/%ld/fd", (long)getpid());
	if (directory && base && realpath(directory, real))
		is_own = !strcmp(real, own);
	free(directory);
	if (!is_own || !base[1] || base[1 + strspn(base + 1, "0123456789")])
		return -1;
	long number = strtol(base + 1, NULL, 10);
	return number > INT_MAX ? -1 : (int)number;
}

/*
 * Where a path leads after all links, the last of which may lead to a name that is still free.
 *
 * @param target      out: malloced
 * @param descriptor  out: the descriptor that the path names, or -1
 */
static Status
resolve(const char *path, char **target, int *descriptor)
{
	struct stat status;
	char *at = strdup(path);

	for (int links = 0; at && links < LINKS_MOST; links++) {
		*descriptor = descriptor_of(at);
		if (*descriptor >= 0 || lstat(at, &status) < 0 || !S_ISLNK(status.st_mode)) {
			*target = at;
			return STATUS_OK;
		}
		char *next = follow(at);
		free(at);
		at = next;
	}
	errno = at ? ELOOP : errno;
	free(at);
	return fail_errno("%s", path);
}

static Status
refuse_terminal(AtomicFile *file)
{
	if (!isatty(file->fd))
		return STATUS_OK;
	Status status = fail(STATUS_USAGE, "%s is a terminal, and what would go there is binary: name a file", file->target);
	atomic_abandon(file);
	return status;
}

static Status
open_straight(AtomicFile *file, int descriptor)
{
	if (descriptor >= 0) /* not opened anew: that would write over what the descriptor has passed */
		file->fd = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
	else
		file->fd = open(file->target, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (file->fd >= 0)
		return refuse_terminal(file);
	Status status = fail_errno("%s", file->target);
	atomic_abandon(file);
	return status;
}

/* A name beside the target that nobody has: hidden, and telling whose it was should power fail. */
static int
create_beside(AtomicFile *file, const char *directory)
{
	const char *base = base_of(file->target);

	for (int attempt = 0; attempt < NAMES_MOST; attempt++) {
		if (asprintf(&file->temporary, "%s/.%.*s.%ld-%d", directory, BASE_MOST, base, (long)getpid(), attempt) < 0) {
			file->temporary = NULL;
			return -1;
		}
		/* 0666: what the umask or the directory's default rights leave of it, as for any new file */
		int fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			return fd;
		free(file->temporary);
		file->temporary = NULL;
	}
	return -1;
}

static Status
keep_mode(const AtomicFile *file, const struct stat *old)
{
	/* someone else's file may not become ours silently, but only root can help it */
	if (fchown(file->fd, old->st_uid, old->st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return fail_errno("%s", file->temporary);
	if (fchmod(file->fd, old->st_mode & 07777) < 0)
		return fail_errno("%s", file->temporary);
	return STATUS_OK;
}

static Status
open_temporary(AtomicFile *file, const struct stat *old)
{
	char *directory = directory_of(file->target);
	Status status = STATUS_OK;

	if (old && access(file->target, W_OK) < 0)
		status = fail_errno("%s", file->target);
	else if (!directory || (file->fd = create_beside(file, directory)) < 0)
		status = fail_errno("%s: a temporary file beside it", file->target);
	if (status >= 0)
		status = temporary_remember(file->temporary);
	if (status >= 0)
		file->slot = status;
	if (status >= 0 && old)
		status = keep_mode(file, old);
	free(directory);
	if (status < 0)
		atomic_abandon(file);
	return status < 0 ? status : STATUS_OK;
}

static const char *
path_of(const char *path)
{
	return strcmp(path, "-") ? path : "/dev/stdout";
}

static bool
is_one(const struct stat *left, const struct stat *right)
{
	return left->st_dev == right->st_dev && left->st_ino == right->st_ino;
}

/* Two paths behind all links, of which one or both are free yet. */
static bool
is_same_name(const char *left, const char *right)
{
	char *folders[] = { directory_of(left), directory_of(right) };
	struct stat abouts[2];
	bool is_same = folders[0] && folders[1] && !stat(folders[0], &abouts[0]) && !stat(folders[1], &abouts[1]) &&
		       is_one(&abouts[0], &abouts[1]) && !strcmp(base_of(left), base_of(right));

	free(folders[0]);
	free(folders[1]);
	return is_same;
}

bool
atomic_is_same(const char *left, const char *right)
{
	char *targets[2] = { NULL };
	struct stat abouts[2];
	int descriptor;
	bool is_same = false;

	/* what can't be resolved is refused when it is opened */
	if (resolve(path_of(left), &targets[0], &descriptor) < 0 || resolve(path_of(right), &targets[1], &descriptor) < 0)
		is_same = false;
	else if (stat(targets[0], &abouts[0]) == 0 && stat(targets[1], &abouts[1]) == 0)
		is_same = is_one(&abouts[0], &abouts[1]) && !S_ISCHR(abouts[0].st_mode);
	else
		is_same = is_same_name(targets[0], targets[1]);
	free(targets[0]);
	free(targets[1]);
	return is_same;
}

Status
atomic_open(AtomicFile *file, const char *path)
{
	struct stat old;
	int descriptor = -1;

	*file = (AtomicFile){ .fd = -1, .slot = -1 };
	Status status = resolve(path_of(path), &file->target, &descriptor);
	if (status < 0)
		return status;
	bool exists = stat(file->target, &old) == 0;
	if (exists && S_ISDIR(old.st_mode)) {
		errno = EISDIR;
		status = fail_errno("%s", path);
		atomic_abandon(file);
		return status;
	}
	if (descriptor >= 0 || (exists && !S_ISREG(old.st_mode)))
		return open_straight(file, descriptor);
	return open_temporary(file, exists ? &old : NULL);
}

/* So that the new name itself survives a power failure. */
static Status
sync_directory(const char *target)
{
	char *directory = directory_of(target);
	int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	Status status = STATUS_OK;

	/* some file systems can't, and a directory may be writable but not readable: the file itself is safe */
	if (fd >= 0 && fsync(fd) < 0 && errno == EIO)
		status = fail_errno("%s", directory);
	if (fd >= 0)
		close(fd);
	free(directory);
	return status;
}

/* Pipes and devices can't be synced, and say so with EINVAL. */
static Status
sync_and_close(AtomicFile *file)
{
	bool is_bad = fsync(file->fd) < 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP;
	int reason = errno;

	if (close(file->fd) < 0 && !is_bad) {
		is_bad = true;
		reason = errno;
	}
	file->fd = -1;
	errno = reason;
	return is_bad ? fail_errno("%s", file->target) : STATUS_OK;
}

Status
atomic_commit(AtomicFile *file)
{
	Status status = sync_and_close(file);

	if (status >= 0 && file->temporary && rename(file->temporary, file->target) < 0)
		status = fail_errno("%s", file->target);
	if (status >= 0 && file->temporary) {
		temporary_forget(file->slot);
		free(file->temporary);
		file->temporary = NULL;
		status = sync_directory(file->target);
	}
	atomic_abandon(file);
	return status;
}

void
atomic_abandon(AtomicFile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->temporary)
		unlink(file->temporary);
	if (file->slot >= 0)
		temporary_forget(file->slot);
	free(file->temporary);
	free(file->target);
	*file = (AtomicFile){ .fd = -1, .slot = -1 };
}

Status
atomic_write(const char *path, const void *data, size_t size)
{
	AtomicFile file;
	Status status = atomic_open(&file, path);
	if (status < 0)
		return status;
	if ((status = write_all(file.fd, data, size, path)) < 0) {
		atomic_abandon(&file);
		return status;
	}
	return atomic_commit(&file);
}
