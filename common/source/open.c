/* source/open.c: from what a user names to a source. */
#include "source/open.h"

#include "memory.h"
#include "source/array_source.h"
#include "source/data_files.h"
#include "source/fitted.h"
#include "source/idx_source.h"
#include "source/operand.h"
#include "source/picture_source.h"
#include "source/raw.h"
#include "source/set_source.h"
#include "source/stream_source.h"
#include "source/webdataset_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* All of what has no splits is what there is. */
static Status
fail_if_split(const SourceRequest *request, const char *what)
{
	if (request->split == SPLIT_ANY || request->split == SPLIT_ALL)
		return STATUS_OK;
	return fail(STATUS_USAGE, "--split %s: %s has no splits", split_name(request->split), what);
}

static Status
open_stdin(const SourceRequest *request, Source *source)
{
	Status status = fail_if_split(request, "a stream");

	return status < 0 ? status : stream_source_open_stdin(source);
}

/* Takes fd over. A pipe can't be looked at without reading it: it is taken for a stream, which most pipes will carry. */
static Status
open_stream(const SourceRequest *request, int fd, const char *name, Source *source)
{
	Status status = fail_if_split(request, "a stream");

	if (status >= 0)
		return stream_source_open_fd(source, fd, name);
	close(fd);
	return status;
}

static bool
begins_picture(int fd)
{
	uint8_t start[16];
	ssize_t got = pread(fd, start, sizeof start, 0);

	return got > 0 && is_picture_start(start, (size_t)got);
}

/* Pictures that are given one by one are opened by their paths. */
static Status
fail_picture(int fd, const char *name)
{
	close(fd);
	return fail(STATUS_USAGE, "%s: a single picture, which is read from a file alone: download it first, or give an archive's address",
		    name);
}

static Status
open_fd(SourceRequest *request, int fd, const char *name, Source *source)
{
	Files files;

	if (is_stream(fd))
		return open_stream(request, fd, name, source);
	if (is_address(name) && begins_picture(fd))
		return fail_picture(fd, name);
	Status status = files_open(&files, fd, name, data_file_is_wanted);

	if (status >= 0) {
		status = data_files_open(source, &files, request);
		files_close(&files);
	}
	return status;
}

static Status
open_one(SourceRequest *request, Source *source)
{
	const NamedSet *set = set_find(request->operands[0]);
	char *name;
	int fd;

	if (!strcmp(request->operands[0], "-"))
		return open_stdin(request, source);
	if (set)
		return set_source_open(source, set, request);
	Status status = operand_open(request->operands[0], request->sha256, &request->manners, &fd, &name);

	if (status < 0)
		return status;
	status = open_fd(request, fd, name, source);
	free(name);
	return status;
}

static Status
open_bytes(const char *operand, const SourceRequest *request, Bytes *bytes)
{
	struct stat about;
	char *name;
	int fd;
	Status status = operand_open(operand, request->sha256, &request->manners, &fd, &name);

	if (status < 0)
		return status;
	if (!fstat(fd, &about) && S_ISDIR(about.st_mode)) {
		status = fail(STATUS_USAGE, "%s: a folder, which is given alone; two operands are images and their labels", name);
		close(fd);
	} else
		status = bytes_open(bytes, fd, name, NULL);
	free(name);
	return status;
}

/* Images and labels, the order told from their headers; NumPy's arrays, by their first bytes or their names. */
static Status
open_arrays(Bytes *one, Bytes *other, Source *source)
{
	const IdxTraits traits = { 0 };
	Array images = { .bytes = *one }, labels = { .bytes = *other };
	Status status = npy_header_read(&images.bytes, &images.header);

	if (status >= 0)
		status = npy_header_read(&labels.bytes, &labels.header);
	if (status < 0) {
		bytes_close(one);
		bytes_close(other);
		return status;
	}
	bool is_swapped = images.header.rank < labels.header.rank;

	return array_source_open(source, is_swapped ? &labels : &images, is_swapped ? &images : &labels, &traits);
}

static bool
is_array_name(const char *name)
{
	const char *suffix = strstr(name, ".npy");

	return suffix && (!suffix[4] || suffix[4] == '.');
}

/* By the name of one of them where the other one is standard input. */
static bool
are_arrays(const char *const operands[static 2])
{
	bool are_named[2] = { is_array_name(operands[0]), is_array_name(operands[1]) };

	return (are_named[0] || !strcmp(operands[0], "-")) && (are_named[1] || !strcmp(operands[1], "-"));
}

static Status
open_two(const SourceRequest *request, Source *source)
{
	const IdxTraits traits = { 0 };
	Bytes one, other;
	Status status = fail_if_split(request, "a pair of files");

	if (status >= 0 && !strcmp(request->operands[0], "-") && !strcmp(request->operands[1], "-"))
		return fail(STATUS_USAGE, "standard input can be only one of images and labels");
	if (status < 0 || (status = open_bytes(request->operands[0], request, &one)) < 0)
		return status;
	if ((status = open_bytes(request->operands[1], request, &other)) < 0) {
		bytes_close(&one);
		return status;
	}
	if (are_arrays(request->operands))
		return open_arrays(&one, &other, source);
	return idx_source_open(source, &one, &other, &traits);
}

static Status
open_raw(const SourceRequest *request, Source *source)
{
	const char *operand = request->operands[0];
	bool is_stdin = !strcmp(operand, "-");
	RawShape shape;
	int fd = is_stdin ? dup(STDIN_FILENO) : -1;
	Status status = fail_if_split(request, "a sequence of frames");

	if (raw_parse(request->raw, &shape) || request->operands[1])
		status = fail(STATUS_USAGE, "--raw: one file of frames, or standard input");
	if (status >= 0 && is_stdin && fd < 0)
		status = fail_errno("standard input");
	if (status >= 0 && !is_stdin)
		status = path_open(operand, &fd);
	if (status >= 0)
		return raw_open(source, fd, is_stdin ? "standard input" : operand, shape);
	if (fd >= 0)
		close(fd);
	return status;
}

/* Is the operand a file that begins as a picture does? */
static bool
is_picture(const char *operand)
{
	int fd = set_find(operand) || is_address(operand) ? -1 : open(operand, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is_one = fd >= 0 && begins_picture(fd);

	if (fd >= 0)
		close(fd);
	return is_one;
}

static Status
open_list(Source *source, const SourceRequest *request)
{
	Status status = fail_if_split(request, "a list of pictures");

	for (size_t i = 0; i < request->path_count; i++)
		if (!strcmp(request->paths[i], "-"))
			return fail(STATUS_USAGE, "'-' among pictures: a list of their paths is read with --files0-from -");
	return status < 0 ? status : picture_source_open_list(source, request);
}

static Status
open_webdataset(Source *source, const SourceRequest *request)
{
	Status status = fail_if_split(request, "a WebDataset");

	return status < 0 ? status : webdataset_source_open(source, request);
}

static Status
open_any(Source *source, SourceRequest *request)
{
	if (request->is_webdataset)
		return open_webdataset(source, request);
	if (request->raw)
		return open_raw(request, source);
	if (request->list || request->path_count > 2 || (request->path_count && is_picture(request->operands[0])))
		return open_list(source, request);
	return request->operands[1] ? open_two(request, source) : open_one(request, source);
}

Status
source_open(Source *source, SourceRequest *request)
{
	if (request->sha256 && (request->operands[1] || !is_address(request->operands[0])))
		return fail(STATUS_USAGE, "--sha256 is for one address; '%s' is %s", request->operands[0],
			    request->operands[1] ? "one of two operands" : "none");
	Status status = open_any(source, request);

	return status < 0 ? status : fitted_open(source, source, &request->form);
}
