#include "export/folder.h"

#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BASE_MOST = 200, OPEN_MOST = 32 };

/* Without the slashes at its end; "/" stays. */
static char *
without_slashes(const char *path)
{
	char *text = memory_text(path);

	for (size_t length = strlen(text); length > 1 && text[length - 1] == '/'; length--)
		text[length - 1] = '\0';
	return text;
}

Status
folder_open_scratch(Folder *folder, const char *target)
{
	*folder = (Folder){ .fd = -1, .target = without_slashes(target) };
	const char *slash = strrchr(folder->target, '/'), *base = slash ? slash + 1 : folder->target;
	int length = slash ? (int)(base - folder->target) : 0;

	if (asprintf(&folder->temporary, "%.*s.%.*s.XXXXXX", length, folder->target, BASE_MOST, base) < 0)
		folder->temporary = NULL;
	if (!folder->temporary || !mkdtemp(folder->temporary)) {
		Status status = fail_errno("%s", target);
		free(folder->temporary);
		folder->temporary = NULL;
		folder_abandon(folder);
		return status;
	}
	folder->fd = open(folder->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd >= 0)
		return STATUS_OK;
	Status status = fail_errno("%s", folder->temporary);
	folder_abandon(folder);
	return status;
}

static bool
is_empty(DIR *directory)
{
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return true;
}

/* rename(2) replaces an empty folder and nothing else; better said before the work than after it. */
static Status
check_target(const char *target)
{
	DIR *directory = opendir(target);

	if (!directory && errno == ENOENT)
		return STATUS_OK;
	if (!directory)
		return errno == ENOTDIR ? fail(STATUS_IO, "%s is there already and is no folder; name a new one", target)
					: fail_errno("%s", target);
	bool is_free = is_empty(directory);
	closedir(directory);
	return is_free ? STATUS_OK : fail(STATUS_IO, "%s is there already and is not empty; name a new folder", target);
}

Status
folder_open(Folder *folder, const char *target)
{
	char *bare = without_slashes(target);
	Status status = check_target(bare);

	if (status >= 0)
		status = folder_open_scratch(folder, bare);
	free(bare);
	return status;
}

/* What an error means for a path that came from a stream. */
static Status
fail_path(const Folder *folder, const char *path)
{
	if (errno == ENAMETOOLONG || errno == ENOTDIR || errno == EISDIR || errno == EEXIST || errno == EILSEQ || errno == EINVAL)
		return fail(STATUS_INPUT, "%s/%s: %s; expected names that can be files", folder->target, path, strerror(errno));
	return fail_errno("%s/%s", folder->target, path);
}

/* Every folder above the file. */
static Status
make_above(Folder *folder, const char *path)
{
	const char *last = strrchr(path, '/');
	char *above = last ? strndup(path, (size_t)(last - path)) : NULL;

	if (!last || (above && folder->made && !strcmp(above, folder->made))) {
		free(above);
		return STATUS_OK;
	}
	if (!above)
		return fail_errno("%s", path);
	for (char *slash = strchr(above, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdirat(folder->fd, above, 0777) < 0 && errno != EEXIST) {
			Status status = fail_path(folder, above);
			free(above);
			return status;
		}
		if (!slash)
			break;
		*slash = '/';
	}
	free(folder->made);
	folder->made = above;
	return STATUS_OK;
}

Status
folder_create(Folder *folder, const char *path, int *fd)
{
	Status status = make_above(folder, path);

	if (status < 0)
		return status;
	*fd = openat(folder->fd, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	return *fd >= 0 || errno == EEXIST ? STATUS_OK : fail_path(folder, path);
}

Status
folder_create_file(Folder *folder, const char *path, FILE **file)
{
	int fd;
	Status status = folder_create(folder, path, &fd);

	if (status < 0)
		return status;
	if (fd < 0)
		return fail(STATUS_INPUT, "%s/%s would be written twice", folder->target, path);
	if ((*file = fdopen(fd, "wb+")))
		return STATUS_OK;
	close(fd);
	return fail_errno("%s/%s", folder->target, path);
}

Status
folder_close_file(Folder *folder, FILE *file, const char *path)
{
	bool is_bad = ferror(file);

	return fclose(file) || is_bad ? fail_errno("%s/%s", folder->target, path) : STATUS_OK;
}

/* mkdtemp lets nobody in; in its place a folder is open to whom the umask says. */
static Status
open_up(const Folder *folder)
{
	mode_t mask = umask(0);

	umask(mask);
	return fchmod(folder->fd, 0777 & ~mask) < 0 ? fail_errno("%s", folder->target) : STATUS_OK;
}

static Status
sync_above(const Folder *folder)
{
	int above = openat(folder->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* a file system that can't do it has done what it can */
	bool is_bad = above >= 0 && fsync(above) < 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP;
	Status status = is_bad ? fail_errno("%s", folder->target) : STATUS_OK;
	if (above >= 0)
		close(above);
	return status;
}

Status
folder_commit(Folder *folder)
{
	Status status = open_up(folder);

	/* one call for a hundred thousand files */
	if (status >= 0 && syncfs(folder->fd) < 0)
		status = fail_errno("%s", folder->target);
	if (status >= 0 && rename(folder->temporary, folder->target) < 0)
		status = fail_errno("%s", folder->target);
	if (status >= 0) {
		free(folder->temporary);
		folder->temporary = NULL;
		status = sync_above(folder);
	}
	folder_abandon(folder);
	return status;
}

static int
remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
	(void)about;
	(void)kind;
	(void)place;
	remove(path);
	return 0;
}

void
folder_abandon(Folder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	if (folder->temporary)
		nftw(folder->temporary, remove_one, OPEN_MOST, FTW_DEPTH | FTW_PHYS);
	free(folder->temporary);
	free(folder->target);
	free(folder->made);
	*folder = (Folder){ .fd = -1 };
}
