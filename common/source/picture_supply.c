/* source/picture_supply.c */
#include "source/picture_supply.h"

#include "json/utf8.h"
#include "memory.h"
#include "picture/helper.h"
#include "source/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 128 << 10 };

/* ---- an archive, copied to a file that nobody else sees ---- */

static Status
open_spool(int *fd)
{
	const char *wanted = getenv("TMPDIR"), *folder = wanted && *wanted ? wanted : "/var/tmp";
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/fm-fetch-XXXXXX", folder);
	*fd = mkostemp(path, O_CLOEXEC);
	if (*fd < 0)
		return fail_errno("can't make a file for the archive's pictures in %s (TMPDIR says where)", folder);
	unlink(path);
	return STATUS_OK;
}

static Status
write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno != EINTR)
			return fail_errno("a temporary file (TMPDIR says where)");
		data += done > 0 ? done : 0;
		size -= done > 0 ? (size_t)done : 0;
	}
	return STATUS_OK;
}

static Status
copy_file(Bytes *bytes, int fd, uint8_t *block, uint64_t *size)
{
	size_t got = BLOCK;
	Status status = STATUS_OK;

	for (*size = 0; got == BLOCK && status >= 0; *size += got)
		if ((status = bytes_read(bytes, block, BLOCK, &got)) >= 0)
			status = write_all(fd, block, got);
	return status;
}

static int
compare_paths(const void *left, const void *right)
{
	return strcmp(((const Supplied *)left)->path, ((const Supplied *)right)->path);
}

/* Each file that will be sent; of several of one path the last counts, as when the archive is unpacked. */
static Status
copy_wanted(PictureSupply *supply, Bytes *bytes, uint8_t *block)
{
	uint64_t offset = 0, size;
	const char *path;
	Status status;

	while ((status = bytes_next_file(bytes, &path)) > 0) {
		const Supplied key = { .path = (char *)path };
		Supplied *picture = supply->count ? bsearch(&key, supply->pictures, supply->count, sizeof key, compare_paths) : NULL;

		if (!picture)
			continue;
		if ((status = copy_file(bytes, supply->spool, block, &size)) < 0)
			return status;
		picture->extent = (Extent){ offset, size };
		offset += size;
	}
	return status;
}

static Status
copy_archive(PictureSupply *supply, const Files *files)
{
	uint8_t *block = malloc(BLOCK);
	Bytes bytes;
	Status status = block ? open_spool(&supply->spool) : fail(STATUS_IO, "no memory to read an archive");

	if (status >= 0 && (status = bytes_open_archive(&bytes, dup(files->fd), files->name)) >= 0) {
		status = copy_wanted(supply, &bytes, block);
		bytes_close(&bytes);
	}
	free(block);
	return status;
}

/* ---- opening ---- */

static void
add(PictureSupply *supply, const char *path, int32_t label)
{
	size_t length = strlen(path);

	supply->pictures[supply->count++] = (Supplied){ .path = memory_text(path), .label = label };
	supply->longest = length > supply->longest ? length : supply->longest;
}

Status
picture_supply_open_tree(PictureSupply *supply, const Files *files, const PictureNames *names, Split split)
{
	*supply = (PictureSupply){ .folder = files->is_folder ? dup(files->fd) : AT_FDCWD, .spool = -1, .is_open = true };
	supply->pictures = memory_zeroed(names->count, sizeof *supply->pictures);
	for (size_t i = 0; i < names->count; i++) {
		const PictureName *picture = &names->pictures[i];
		bool is_again = i && !strcmp(files->paths[picture->file], files->paths[picture[-1].file]); /* in an archive */

		if (picture->split == split && !is_again)
			add(supply, files->paths[picture->file], picture->label);
	}
	return files->is_folder ? STATUS_OK : copy_archive(supply, files);
}

Status
picture_supply_open_list(PictureSupply *supply, const char *list, char *const *paths, size_t count)
{
	*supply = (PictureSupply){ .folder = AT_FDCWD, .spool = -1, .is_open = true };
	supply->pictures = memory_zeroed(count, sizeof *supply->pictures);
	for (size_t i = 0; !list && i < count; i++)
		add(supply, paths[i], -1);
	if (!list)
		return STATUS_OK;
	supply->list = strcmp(list, "-") ? fopen(list, "re") : fdopen(dup(STDIN_FILENO), "r");
	return supply->list ? STATUS_OK : fail_errno("%s", list);
}

/* ---- for the pool ---- */

static Status
next_line(PictureSupply *supply, Job *job)
{
	ssize_t length = getdelim(&supply->line, &supply->room, '\0', supply->list);

	if (length < 0)
		return ferror(supply->list) ? fail_errno("the list of files") : 0;
	job->name = memory_text(supply->line);
	job->label = -1;
	return 1;
}

Status
picture_supply_next(void *context, Job *job)
{
	PictureSupply *supply = context;

	if (supply->list)
		return next_line(supply, job);
	if (supply->next == supply->count)
		return 0;
	job->number = supply->next++;
	const char *path = supply->pictures[job->number].path;

	while (supply->spool >= 0 && path[0] == '.' && path[1] == '/') /* as "tar ." has it */
		path += 2;
	job->name = memory_text(path);
	job->label = supply->pictures[job->number].label;
	return 1;
}

static Status
read_all(int fd, uint64_t offset, Job *job)
{
	size_t done = 0;

	job->data = malloc(job->size ? job->size : 1);
	if (!job->data)
		return fail(STATUS_IO, "no memory for its %zu bytes", job->size);
	while (done < job->size) {
		ssize_t got = pread(fd, job->data + done, job->size - done, (off_t)(offset + done));

		if (got < 0 && errno != EINTR)
			return fail_errno("can't be read");
		if (!got)
			return fail(STATUS_INPUT, "became shorter while it was read");
		done += got > 0 ? (size_t)got : 0;
	}
	return STATUS_OK;
}

static Status
check_size(uint64_t size)
{
	if (size > HELPER_FILE_MOST)
		return fail(STATUS_INPUT, "a file of %llu bytes; expected at most %d", (unsigned long long)size, HELPER_FILE_MOST);
	return STATUS_OK;
}

static Status
load_file(const PictureSupply *supply, Job *job)
{
	struct stat about;
	int fd = openat(supply->folder, job->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return fail(STATUS_IO, "%s", strerror(errno));
	Status status = fstat(fd, &about) ? fail_errno("can't be read") : STATUS_OK;

	if (status >= 0 && !S_ISREG(about.st_mode))
		status = fail(STATUS_INPUT, "not a plain file");
	if (status >= 0 && (status = check_size((uint64_t)about.st_size)) >= 0) {
		job->size = (size_t)about.st_size;
		status = read_all(fd, 0, job);
	}
	close(fd);
	return status;
}

Status
picture_supply_load(void *context, Job *job)
{
	const PictureSupply *supply = context;
	size_t length = strlen(job->name);

	if (length > SAMPLE_NAME_MOST || !utf8_is_valid(job->name, length))
		return fail(STATUS_INPUT, "a name that is not UTF-8, or of more than %d bytes; rename it", SAMPLE_NAME_MOST);
	if (supply->spool < 0)
		return load_file(supply, job);
	Extent extent = supply->pictures[job->number].extent;
	Status status = check_size(extent.size);

	job->size = status < 0 ? 0 : (size_t)extent.size;
	return status < 0 ? status : read_all(supply->spool, extent.offset, job);
}

void
picture_supply_close(PictureSupply *supply)
{
	if (!supply->is_open)
		return;
	for (size_t i = 0; i < supply->count; i++)
		free(supply->pictures[i].path);
	free(supply->pictures);
	if (supply->list)
		fclose(supply->list);
	free(supply->line);
	if (supply->spool >= 0)
		close(supply->spool);
	if (supply->folder >= 0)
		close(supply->folder);
	*supply = (PictureSupply){ 0 };
}
