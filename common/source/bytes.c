/* source/bytes.c: compression and archives, by libarchive. Nothing is ever unpacked to disk. */
#include "source/bytes.h"

#include "memory.h"
#include "source/byte_file.h"

#include <archive_entry.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum {
	BOMB_RATIO = 200,	/* digits and clothes give 2 to 10; all-black pictures some hundreds, but not 64 MiB of them */
	BOMB_LEAST = 64 << 20,
	TAR_END = 1024, /* bytes */
};

struct BytesState {
	char *name;
	ByteFile file;
	bool is_borrowed; /* the file's fd */
	bool is_walked; /* an archive whose files are read one after the other, as they are */
	bool is_at_file; /* of it */
	uint64_t out; /* bytes made of those read of the file */
	struct archive *outer; /* the file: archive or compressed, or neither */
	struct archive *inner; /* what lies in it, maybe compressed once more */
	size_t ready; /* bytes of the member's block that were looked at, and not handed out */
	Gunzip *gunzip; /* the member's; NULL: not packed with gzip */
	uint8_t member_block[BYTE_FILE_BLOCK];
};

static Status
fail_archive(const BytesState *state, struct archive *archive)
{
	const char *reason = archive_error_string(archive);
	int error = archive_errno(archive);

	/* the system's own errors are positive small numbers; libarchive's are below zero or EILSEQ and the like */
	if (error == EIO || error == ENOMEM || error == EISDIR || error == EACCES)
		return fail(STATUS_IO, "%s: %s", state->name, reason ? reason : "can't be read");
	if (!state->file.in)
		return fail(STATUS_INPUT, "%s: empty", state->name);
	return fail(STATUS_INPUT, "%s: truncated or damaged%s%s", state->name, reason ? ": " : "", reason ? reason : "");
}

static Status
check_bomb(const BytesState *state)
{
	if (state->out > BOMB_LEAST && state->out / BOMB_RATIO > state->file.in)
		return fail(STATUS_INPUT,
			    "%s: looks like a decompression bomb: more than %d times its compressed size; unpack it yourself if "
			    "you trust it",
			    state->name, BOMB_RATIO);
	return STATUS_OK;
}

/* Each filter by name: "all" would also start external programs that a file's first bytes ask for. */
static void
support_filters(struct archive *archive)
{
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_bzip2(archive);
	archive_read_support_filter_compress(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_lzma(archive);
	archive_read_support_filter_lzip(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_filter_lz4(archive);
}

/* Each format by name, too: "all" has mtree, whose entries are files anywhere on this machine. */
static Status
open_outer(BytesState *state, bool is_raw_welcome)
{
	struct archive *archive = archive_read_new();

	if (!archive)
		return fail(STATUS_IO, "%s: no memory to read it", state->name);
	state->outer = archive;
	if (byte_file_open(&state->file, state->file.fd) < 0)
		return fail_errno("%s", state->name);
	support_filters(archive);
	archive_read_support_format_tar(archive);
	/* tars one after the other are one, and all of it is read, so that every checksum is compared */
	archive_read_set_format_option(archive, "tar", "read_concatenated_archives", "1");
	archive_read_support_format_cpio(archive);
	if (byte_file_is_seekable(&state->file))
		archive_read_support_format_zip_seekable(archive);
	else
		archive_read_support_format_zip_streamable(archive);
	if (is_raw_welcome) {
		archive_read_support_format_raw(archive);
		archive_read_support_format_empty(archive);
	}
	archive_read_set_read_callback(archive, byte_file_read);
	if (byte_file_is_seekable(&state->file))
		archive_read_set_seek_callback(archive, byte_file_seek);
	archive_read_set_callback_data(archive, &state->file);
	return archive_read_open1(archive) < ARCHIVE_WARN ? fail_archive(state, archive) : STATUS_OK;
}

/* ---- one file within ---- */

static ssize_t
next_block(void *context, const void **block)
{
	BytesState *state = context;
	la_ssize_t got = state->ready ? (la_ssize_t)state->ready :
					archive_read_data(state->outer, state->member_block, BYTE_FILE_BLOCK);

	state->ready = 0;
	*block = state->member_block;
	return got < 0 ? -1 : got;
}

static la_ssize_t
read_member(struct archive *archive, void *context, const void **block)
{
	BytesState *state = context;
	ssize_t got = state->gunzip ? gunzip_next(state->gunzip, block) : next_block(state, block);

	if (got == -1) {
		const char *reason = archive_error_string(state->outer);

		archive_set_error(archive, archive_errno(state->outer), "%s", reason ? reason : "can't be read");
	}
	return gunzip_result(archive, state->gunzip, got);
}

/* Is it packed with gzip, once more than the file may be? */
static Status
look_at_member(BytesState *state)
{
	const void *block;
	ssize_t got = next_block(state, &block);

	if (got < 0)
		return fail_archive(state, state->outer);
	state->ready = (size_t)got;
	if (!is_gzip(state->member_block, state->ready))
		return STATUS_OK;
	state->gunzip = gunzip_open(next_block, state);
	return state->gunzip ? STATUS_OK : fail(STATUS_IO, "%s: no memory to read it", state->name);
}

static Status
open_inner(BytesState *state)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	Status status;

	if (!archive)
		return fail(STATUS_IO, "%s: no memory to read it", state->name);
	state->inner = archive;
	if ((status = look_at_member(state)) < 0)
		return status;
	support_filters(archive);
	archive_read_support_format_raw(archive);
	archive_read_support_format_empty(archive);
	if (archive_read_open(archive, state, NULL, read_member, NULL) < ARCHIVE_WARN)
		return fail_archive(state, archive);
	int result = archive_read_next_header(archive, &entry);

	if (result == ARCHIVE_EOF) { /* an empty file */
		archive_read_free(archive);
		state->inner = NULL;
		return STATUS_OK;
	}
	return result < ARCHIVE_WARN ? fail_archive(state, archive) : STATUS_OK;
}

/* Pass over an entry's data piece by piece where it must be decompressed for that, so that a bomb is seen. */
static Status
skip_entry(BytesState *state)
{
	const void *block;
	size_t size;
	la_int64_t offset;
	int result;

	if (archive_filter_count(state->outer) <= 1 && !state->file.gunzip)
		return archive_read_data_skip(state->outer) < ARCHIVE_WARN ? fail_archive(state, state->outer) : STATUS_OK;
	while ((result = archive_read_data_block(state->outer, &block, &size, &offset)) == ARCHIVE_OK) {
		Status status;

		state->out += size;
		if ((status = check_bomb(state)) < 0)
			return status;
	}
	return result < ARCHIVE_WARN ? fail_archive(state, state->outer) : STATUS_OK;
}

/* Leads out of the archive: absolute, or through "..". */
static bool
is_unsafe(const char *path)
{
	if (*path == '/')
		return true;
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += length + (path[length] == '/');
	}
	return false;
}

/* A tar ends with 1,024 zeros, behind its last file: one that broke off between two files hasn't them. */
static Status
check_end(const BytesState *state)
{
	struct archive *archive = state->outer;
	la_int64_t behind = archive_filter_bytes(archive, 0) - archive_read_header_position(archive);

	if ((archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR || behind >= TAR_END)
		return STATUS_OK;
	return fail(STATUS_INPUT, "%s: torn: it breaks off after a file, before the zeros that end a tar", state->name);
}

/* The next plain file: 1 and its path, 0 at the end. */
static Status
next_file(BytesState *state, const char **path)
{
	struct archive_entry *entry;
	int result;

	while ((result = archive_read_next_header(state->outer, &entry)) != ARCHIVE_EOF) {
		if (result < ARCHIVE_WARN)
			return fail_archive(state, state->outer);
		*path = archive_entry_pathname(entry);
		if (!*path)
			return fail(STATUS_INPUT, "%s: a file without a name", state->name);
		if (is_unsafe(*path))
			return fail(STATUS_INPUT, "%s: the path '%s' leads out of the archive; nothing of it is read", state->name,
				    *path);
		if (archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry))
			return 1;
	}
	return check_end(state);
}

static Status
find_member(BytesState *state, const char *member)
{
	const char *path;
	Status status;

	while ((status = next_file(state, &path)) > 0) {
		if (!strcmp(path, member))
			return 1;
		if ((status = skip_entry(state)) < 0)
			return status;
	}
	return status < 0 ? status : fail(STATUS_INPUT, "%s: no such file in it", state->name);
}

/* ---- the outside ---- */

static BytesState *
state_new(int fd, const char *name, const char *member)
{
	BytesState *state = memory_zeroed(1, sizeof *state);

	state->file.fd = fd;
	if (asprintf(&state->name, member ? "%s: %s" : "%s", name, member) < 0)
		abort();
	return state;
}

static void
state_free(BytesState *state)
{
	if (state->inner)
		archive_read_free(state->inner);
	if (state->outer)
		archive_read_free(state->outer);
	gunzip_close(state->gunzip);
	byte_file_close(&state->file);
	if (!state->is_borrowed)
		close(state->file.fd);
	free(state->name);
	free(state);
}

/* The file itself: one nameless entry of the format raw. */
static Status
find_itself(BytesState *state)
{
	const char *path;
	Status status = next_file(state, &path);

	if (status > 0 && archive_format(state->outer) != ARCHIVE_FORMAT_RAW)
		return fail(STATUS_INPUT, "%s: an archive where one file was expected; give the archive alone, or unpack it",
			    state->name);
	return status;
}

static Status
open_state(BytesState *state, const char *member)
{
	Status status = open_outer(state, !member);

	if (status >= 0)
		status = member ? find_member(state, member) : find_itself(state);
	/* an empty file has nothing to open: bytes_read finds its end at once */
	return status > 0 ? open_inner(state) : status;
}

Status
bytes_open(Bytes *bytes, int fd, const char *name, const char *member)
{
	BytesState *state = state_new(fd, name, member);
	Status status = open_state(state, member);

	if (status < 0) {
		state_free(state);
		return status;
	}
	*bytes = (Bytes){ .name = state->name, .state = state };
	return STATUS_OK;
}

Status
bytes_read(Bytes *bytes, void *data, size_t size, size_t *got)
{
	BytesState *state = bytes->state;

	struct archive *from = state->is_walked ? state->outer : state->inner;

	*got = 0;
	while (from && *got < size) {
		la_ssize_t piece = archive_read_data(from, (uint8_t *)data + *got, size - *got);

		if (piece < 0)
			return fail_archive(state, from);
		if (!piece)
			break;
		*got += (size_t)piece;
		state->out += (uint64_t)piece;
	}
	return check_bomb(state);
}

Status
bytes_open_archive(Bytes *bytes, int fd, const char *name)
{
	BytesState *state = state_new(fd, name, NULL);
	Status status = open_outer(state, false);

	if (status < 0) {
		state_free(state);
		return status;
	}
	state->is_walked = true;
	*bytes = (Bytes){ .name = state->name, .state = state };
	return STATUS_OK;
}

Status
bytes_next_file(Bytes *bytes, const char **path)
{
	BytesState *state = bytes->state;
	Status status = state->is_at_file ? skip_entry(state) : STATUS_OK;

	if (status < 0)
		return status;
	status = next_file(state, path);
	state->is_at_file = status > 0;
	return status;
}

void
bytes_close(Bytes *bytes)
{
	int may_be_cancelled;

	/* what may be cancelled while it waits for bytes must not be while it closes them: they would be closed twice */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &may_be_cancelled);
	if (bytes->state)
		state_free(bytes->state);
	*bytes = (Bytes){ 0 };
	pthread_setcancelstate(may_be_cancelled, NULL);
}

static Status
list_state(BytesState *state, Status (*visit)(void *context, const char *path), void *context)
{
	const char *path = NULL;
	Status status;

	/* a file that is no archive fails here: its contents fit no format */
	while ((status = next_file(state, &path)) > 0) {
		if (archive_format(state->outer) == ARCHIVE_FORMAT_RAW || archive_format(state->outer) == ARCHIVE_FORMAT_EMPTY)
			return 0;
		if ((status = visit(context, path)) < 0 || (status = skip_entry(state)) < 0)
			return status;
	}
	return status < 0 ? status : archive_format(state->outer) != ARCHIVE_FORMAT_EMPTY;
}

Status
bytes_list(int fd, const char *name, Status (*visit)(void *context, const char *path), void *context)
{
	BytesState *state = state_new(fd, name, NULL);
	bool is_rewindable = lseek(fd, 0, SEEK_CUR) >= 0;
	Status status = is_rewindable ? open_outer(state, true) : 0;

	state->is_borrowed = true;
	if (status >= 0 && is_rewindable)
		status = list_state(state, visit, context);
	state_free(state);
	return status;
}
