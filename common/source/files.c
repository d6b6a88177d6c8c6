/* source/files.c: a folder, an archive or a single file as a list of files. */
#include "source/files.h"

#include "memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Listing {
	Files *files;
	bool (*is_wanted)(const char *base);
} Listing;

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A part of a path that no data set means to hold: a name that begins with a dot, or that macOS or Windows leave behind. */
static bool
is_litter(const char *part, size_t length)
{
	static const char *const names[] = { "__MACOSX", "Thumbs.db", "desktop.ini", NULL };

	if (*part == '.')
		return length > 1;
	for (const char *const *name = names; *name; name++)
		if (strlen(*name) == length && !strncasecmp(part, *name, length))
			return true;
	return false;
}

bool
is_litter_path(const char *path)
{
	for (size_t length; *path; path += length + (path[length] == '/')) {
		length = strcspn(path, "/");
		if (is_litter(path, length))
			return true;
	}
	return false;
}

static Status
add(void *context, const char *path)
{
	Listing *listing = context;
	Files *files = listing->files;
	const char *base = base_name(path);

	if (is_litter_path(path))
		return STATUS_OK;
	if (listing->is_wanted && !listing->is_wanted(base)) {
		if (!files->passed_over++)
			files->first_passed_over = memory_text(path);
		return STATUS_OK;
	}
	if (files->count == FILES_MOST)
		return fail(STATUS_INPUT, "%s: more than %d files", files->name, FILES_MOST);
	files->paths = memory_grow(files->paths, files->count + 1, sizeof *files->paths);
	files->paths[files->count++] = memory_text(path);
	return STATUS_OK;
}

static int
compare_paths(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* ---- folders ---- */

/* The first link that is not followed is kept in words, the others are counted. */
static void
note_link(Files *files, const char *path, const char *what, const char *end)
{
	if (!files->links_left++ &&
	    asprintf(&files->link_left, "%s/%s: a link %s, to %s", files->name, path, what, end ? end : "nowhere") < 0)
		abort();
}

static char *
path_of_fd(int fd)
{
	char place[64];

	snprintf(place, sizeof place, "/proc/self/fd/%d", fd);
	return realpath(place, NULL);
}

/* A link counts where it leads to a file below the folder. */
static Status
list_link(Listing *listing, const char *path)
{
	Files *files = listing->files;
	bool is_wanted = !listing->is_wanted || listing->is_wanted(base_name(path));
	int fd = openat(files->fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat about;

	if (fd < 0) /* it may be one bad file among many: whoever reads it says what is wrong */
		return is_wanted ? add(listing, path) : STATUS_OK;
	char *root = path_of_fd(files->fd), *end = path_of_fd(fd);
	size_t length = root ? strlen(root) : 0;
	bool is_below = root && end && !strncmp(root, end, length) && (end[length] == '/' || !strcmp(root, "/"));
	bool is_known = !fstat(fd, &about), is_folder = is_known && S_ISDIR(about.st_mode);

	if (is_folder || (is_wanted && !is_below))
		note_link(files, path, is_folder ? "to a folder" : "that leads out of the folder", end);
	free(root);
	free(end);
	close(fd);
	return is_known && S_ISREG(about.st_mode) && is_wanted && is_below ? add(listing, path) : STATUS_OK;
}

static Status list_folder(Listing *listing, const char *path, int depth);

static Status
list_entry(Listing *listing, const char *path, int depth)
{
	struct stat about;

	if (fstatat(listing->files->fd, path, &about, AT_SYMLINK_NOFOLLOW))
		return fail_errno("%s/%s", listing->files->name, path);
	if (S_ISDIR(about.st_mode))
		return list_folder(listing, path, depth + 1);
	if (S_ISLNK(about.st_mode))
		return list_link(listing, path);
	return S_ISREG(about.st_mode) ? add(listing, path) : STATUS_OK;
}

static Status
list_folder(Listing *listing, const char *path, int depth)
{
	int fd = openat(listing->files->fd, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	Status status = STATUS_OK;
	struct dirent *entry;

	if (!folder)
		return fail_errno("%s/%s", listing->files->name, path);
	if (depth > FILES_DEPTH_MOST)
		status = fail(STATUS_INPUT, "%s/%s: folders more than %d deep", listing->files->name, path, FILES_DEPTH_MOST);
	while (status >= 0 && (entry = readdir(folder))) {
		char *below;

		if (*entry->d_name == '.')
			continue;
		if (asprintf(&below, "%s%s%s", path, *path ? "/" : "", entry->d_name) < 0)
			abort();
		status = list_entry(listing, below, depth);
		free(below);
	}
	closedir(folder);
	return status;
}

/* ---- the outside ---- */

static Status
list(Listing *listing)
{
	Files *files = listing->files;
	struct stat about;
	Status status;

	if (fstat(files->fd, &about))
		return fail_errno("%s", files->name);
	files->is_folder = S_ISDIR(about.st_mode);
	if (files->is_folder)
		return list_folder(listing, "", 0);
	if ((status = bytes_list(files->fd, files->name, add, listing)) != 0)
		return status;
	files->is_single = true;
	files->paths = memory_zeroed(1, sizeof *files->paths);
	files->paths[files->count++] = memory_text(files->name);
	return STATUS_OK;
}

Status
files_open(Files *files, int fd, const char *name, bool (*is_wanted)(const char *base))
{
	*files = (Files){ .name = memory_text(name), .fd = fd };
	Status status = list(&(Listing){ files, is_wanted });

	if (status < 0) {
		files_close(files);
		return status;
	}
	if (files->count)
		qsort(files->paths, files->count, sizeof *files->paths, compare_paths);
	return STATUS_OK;
}

Status
files_read(const Files *files, size_t index, Bytes *bytes)
{
	const char *path = files->paths[index];
	char *name;

	if (!files->is_folder)
		return bytes_open(bytes, dup(files->fd), files->name, files->is_single ? NULL : path);
	int fd = openat(files->fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno("%s/%s", files->name, path);
	if (asprintf(&name, "%s/%s", files->name, path) < 0)
		abort();
	Status status = bytes_open(bytes, fd, name, NULL);

	free(name);
	return status;
}

Status
files_read_twice(const Files *files, size_t index, Bytes *bytes, Bytes *again)
{
	Status status = files_read(files, index, bytes);

	if (status >= 0 && (status = files_read(files, index, again)) < 0)
		bytes_close(bytes);
	return status;
}

void
files_close(Files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
	free(files->name);
	free(files->first_passed_over);
	free(files->link_left);
	if (files->fd >= 0)
		close(files->fd);
	*files = (Files){ .fd = -1 };
}
