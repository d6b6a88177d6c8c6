/* Sets that are known by name and published as an archive of batches or as MAT-files: found, verified, opened by their layout. */
#include "unit/check.h"

#include "memory.h"
#include "source/digest.h"
#include "source/set_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORD = 3073 };

static char folder[] = "/tmp/fm-named-sets-XXXXXX";

/* ---- files ---- */

static char *
path_of(const char *set, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/%s%s%s", folder, set, *file ? "/" : "", file) < 0)
		abort();
	return path;
}

static void
add(struct archive *archive, const char *name, const void *data, size_t size)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)size);
	if (archive_write_header(archive, entry) != ARCHIVE_OK || archive_write_data(archive, data, size) != (la_ssize_t)size)
		abort();
	archive_entry_free(entry);
}

/* Three batches of two records each, the last one the test split: labels 0, 1, … */
static void
write_cifar(const char *path)
{
	static const char *const names[] = { "data_batch_1.bin", "data_batch_2.bin", "test_batch.bin" };
	struct archive *archive = archive_write_new();
	uint8_t batch[2 * RECORD];

	archive_write_set_format_ustar(archive);
	archive_write_add_filter_gzip(archive);
	if (archive_write_open_filename(archive, path) != ARCHIVE_OK)
		abort();
	add(archive, "ten/batches.meta.txt", "a\nb\nc\nd\ne\nf\n\n", 13);
	for (uint8_t i = 0; i < 3; i++) {
		memset(batch, 100 + i, sizeof batch);
		batch[0] = 2 * i;
		batch[RECORD] = 2 * i + 1;
		char *name = NULL;

		if (asprintf(&name, "ten/%s", names[i]) < 0)
			abort();
		add(archive, name, batch, sizeof batch);
		free(name);
	}
	archive_write_close(archive);
	archive_write_free(archive);
}

/* An element of a MAT-file, its data padded to 8 bytes. @return where the next one goes */
static uint8_t *
put(uint8_t *at, uint32_t type, const void *data, uint32_t size)
{
	memcpy(at, &type, 4);
	memcpy(at + 4, &size, 4);
	memcpy(at + 8, data, size);
	return at + 8 + (size + 7) / 8 * 8;
}

static uint8_t *
put_variable(uint8_t *at, const char *name, const uint32_t *shape, uint32_t rank, const void *values, uint32_t size)
{
	uint8_t parts[4096] = { 0 };
	const uint32_t flags[2] = { 9, 0 }; /* of class uint8 */
	uint8_t *end = put(parts, 6, flags, sizeof flags);

	end = put(end, 5, shape, 4 * rank);
	end = put(end, 1, name, (uint32_t)strlen(name));
	end = put(end, 2, values, size);
	return put(at, 14, parts, (uint32_t)(end - parts));
}

/* Two pictures of 2 x 1 pixels in three channels; the digits 10, which is 0, and `digit`. */
static void
write_svhn(const char *path, uint8_t digit)
{
	static const uint8_t pixels[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	uint8_t file[8192] = "MATLAB 5.0 MAT-file", digits[2] = { 10, digit }, *at = file + 128;

	memcpy(file + 124, "\0\1IM", 4);
	at = put_variable(at, "X", (uint32_t[]){ 2, 1, 3, 2 }, 4, pixels, sizeof pixels);
	at = put_variable(at, "y", (uint32_t[]){ 2, 1 }, 2, digits, sizeof digits);
	FILE *out = fopen(path, "wb");

	if (!out || fwrite(file, (size_t)(at - file), 1, out) != 1 || fclose(out))
		abort();
}

static void
set_digest(const char *path, char digest[static DIGEST_TEXT])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || digest_file(fd, path, digest) < 0)
		abort();
	close(fd);
}

/* ---- what comes of them ---- */

static Status
open_set(Source *source, const NamedSet *set, Split split)
{
	uint64_t skipped = 0;
	SourceRequest request = { .operands = { set->name, NULL }, .split = split, .skipped = &skipped };

	return set_source_open(source, set, &request);
}

/* The labels in a row, "0 1 2 3 ", and the first picture's pixels. */
static char *
read_labels(const NamedSet *set, Split split, uint8_t *pixels, size_t size)
{
	char *text = memory_text("");
	Source source;
	Record record;
	Status status = open_set(&source, set, split);

	if (status < 0) {
		free(text);
		return memory_text(status_message());
	}
	while ((status = source_next(&source, &record)) > 0)
		for (uint64_t i = 0; i < record.n; i++) {
			char *longer;

			memcpy(pixels, record_find(&record, "image")->data, *text ? 0 : size);
			if (asprintf(&longer, "%s%d ", text, ((int32_t *)record_find(&record, "label")->data)[i]) < 0)
				abort();
			free(text);
			text = longer;
		}
	if (status < 0 || strcmp(source.name, set->name) != 0)
		*text = '!';
	source_close(&source);
	return text;
}

static bool
gives(const NamedSet *set, Split split, const char *expected, const uint8_t *first, size_t size)
{
	uint8_t pixels[16] = { 0 };
	char *found = read_labels(set, split, pixels, size);
	bool is_same = !strcmp(found, expected) && !memcmp(pixels, first, size);

	printf("# %s: %s\n", set->name, found);
	free(found);
	return is_same;
}

TEST(an_archive_of_batches)
{
	char digest[DIGEST_TEXT], *path = path_of("ten", ""), *file = path_of("ten", "ten.tar.gz");
	const SetFile files[] = { { "ten.tar.gz", 0, digest, NULL, NULL }, { 0 } };
	const char *const mirrors[] = { "http://127.0.0.1:1/", NULL };
	NamedSet set = { .name = "set-of-ten", .folder = "ten", .files = files, .layout = SET_CIFAR, .is_archive = true,
			 .mirrors = mirrors };

	CHECK(!mkdir(path, 0700));
	write_cifar(file);
	set_digest(file, digest);
	CHECK(gives(&set, SPLIT_ANY, "0 1 2 3 ", (const uint8_t[]){ 100, 100, 100 }, 3));
	CHECK(gives(&set, SPLIT_TEST, "4 5 ", (const uint8_t[]){ 102, 102, 102 }, 3));
	CHECK(gives(&set, SPLIT_ALL, "0 1 2 3 4 5 ", (const uint8_t[]){ 100, 100, 100 }, 3));
	unlink(file);
	rmdir(path);
	free(file);
	free(path);
}

TEST(a_mat_file_a_split)
{
	char digests[2][DIGEST_TEXT], *path = path_of("house", "");
	char *train = path_of("house", "train.mat"), *test = path_of("house", "test.mat");
	const SetFile files[] = { { "train.mat", 0, digests[0], NULL, NULL }, { "test.mat", 0, digests[1], NULL, NULL }, { 0 } };
	const char *const mirrors[] = { "http://127.0.0.1:1/", NULL };
	NamedSet set = { .name = "set-of-houses", .folder = "house", .files = files, .layout = SET_MAT,
			 .train = { "train.mat", NULL }, .test = { "test.mat", NULL }, .mirrors = mirrors };

	CHECK(!mkdir(path, 0700));
	write_svhn(train, 7);
	write_svhn(test, 9);
	set_digest(train, digests[0]);
	set_digest(test, digests[1]);
	/* stored column by column, channel by channel: 1 2 | 3 4 | 5 6 */
	CHECK(gives(&set, SPLIT_ANY, "0 7 ", (const uint8_t[]){ 1, 3, 5, 2, 4, 6 }, 6));
	CHECK(gives(&set, SPLIT_TEST, "0 9 ", (const uint8_t[]){ 1, 3, 5, 2, 4, 6 }, 6));
	CHECK(gives(&set, SPLIT_ALL, "0 7 0 9 ", (const uint8_t[]){ 1, 3, 5, 2, 4, 6 }, 6));
	unlink(train);
	unlink(test);
	rmdir(path);
	free(train);
	free(test);
	free(path);
}

int
main(void)
{
	if (!mkdtemp(folder))
		return 1;
	setenv("FM_DATASETS", folder, 1);
	setenv("XDG_CACHE_HOME", folder, 1);
	RUN(an_archive_of_batches);
	RUN(a_mat_file_a_split);
	rmdir(folder);
	return check_done();
}
