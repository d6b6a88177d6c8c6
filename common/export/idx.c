/* idx.c: a stream as the two files that MNIST is published in, gzipped on request. */
#include "export/sink.h"

#include "export/archive.h"
#include "export/folder.h"
#include "memory.h"

#include <fcntl.h>
#include <unistd.h>

enum { MAGIC_U8 = 0x800, LABELS_MOST = 256, HEADER_MOST = 20 };

#define LABELS_NAME "labels-idx1-ubyte"

typedef struct Idx {
	Folder folder;
	FILE *images, *labels; /* labels: NULL where the stream has none */
	uint64_t count;
	const char *images_name;
} Idx;

static void
put_number(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Magic number, which counts the dimensions, then the dimensions. */
static Status
write_header(FILE *file, int rank, const uint32_t *sizes, const char *name)
{
	uint8_t header[HEADER_MOST];
	size_t length = 4 * ((size_t)rank + 1);

	put_number(header, MAGIC_U8 + (uint32_t)rank);
	for (int i = 0; i < rank; i++)
		put_number(header + 4 * (i + 1), sizes[i]);
	return fseeko(file, 0, SEEK_SET) < 0 || fwrite(header, 1, length, file) != length ? fail_errno("%s", name) : STATUS_OK;
}

/* At the start, to be followed by data, and again once n is known. */
static Status
write_headers(Idx *idx, const About *about)
{
	uint32_t sizes[] = { (uint32_t)idx->count, about->height, about->width, about->channels };
	Status status = write_header(idx->images, about->channels == 1 ? 3 : 4, sizes, idx->images_name);

	return status >= 0 && idx->labels ? write_header(idx->labels, 1, sizes, LABELS_NAME) : status;
}

static Status
idx_open(Sink *sink)
{
	Idx *idx = sink->state = memory_zeroed(1, sizeof *idx);
	bool has_labels = about_find(sink->about, "label") >= 0;

	idx->folder.fd = -1;
	idx->images_name = sink->about->channels == 1 ? "images-idx3-ubyte" : "images-idx4-ubyte";
	if (has_labels && sink->about->class_count > LABELS_MOST)
		return fail(STATUS_INPUT, "the stream has %u classes; a label in IDX is a byte, 0 to 255: try npy",
			    sink->about->class_count);
	Status status = folder_open(&idx->folder, sink->target);
	if (status >= 0)
		status = folder_create_file(&idx->folder, idx->images_name, &idx->images);
	if (status >= 0 && has_labels)
		status = folder_create_file(&idx->folder, LABELS_NAME, &idx->labels);
	return status < 0 ? status : write_headers(idx, sink->about);
}

static Status
idx_add(Sink *sink, const Record *record)
{
	Idx *idx = sink->state;
	size_t size = picture_size(sink->about);

	if (idx->count + record->n > UINT32_MAX)
		return fail(STATUS_INPUT, "more than 2^32 - 1 pictures, which IDX can't count");
	for (uint64_t i = 0; i < record->n; i++) {
		Sample sample = sample_of(record, i);

		if (idx->labels && sample.label < 0)
			return fail(STATUS_INPUT, "sample %ju (id %jd) has no label, which IDX has no value for: try npy",
				    (uintmax_t)(idx->count + i), (intmax_t)sample.id);
		if (fwrite(sample.pixels, 1, size, idx->images) != size || (idx->labels && fputc(sample.label, idx->labels) == EOF))
			return fail_errno("%s", sink->target);
	}
	idx->count += record->n;
	return STATUS_OK;
}

static Status
close_one(Folder *folder, FILE **file, const char *name)
{
	Status status = *file ? folder_close_file(folder, *file, name) : STATUS_OK;

	*file = NULL;
	return status;
}

/* NAME -> NAME.gz */
static Status
compress(Folder *folder, const char *name, const char *zipped_name)
{
	ArchiveFile archive;
	int to, from = openat(folder->fd, name, O_RDONLY | O_CLOEXEC);

	if (from < 0)
		return fail_errno("%s", name);
	Status status = folder_create(folder, zipped_name, &to);
	if (status >= 0) {
		if ((status = archive_begin(&archive, ARCHIVE_GZIP, to, zipped_name)) >= 0) {
			status = archive_add_file(&archive, name, from);
			if (status >= 0)
				status = archive_finish(&archive);
			else
				archive_drop(&archive);
		}
		if (close(to) < 0 && status >= 0)
			status = fail_errno("%s", zipped_name);
	}
	close(from);
	if (status >= 0 && unlinkat(folder->fd, name, 0) < 0)
		status = fail_errno("%s", name);
	return status;
}

static Status
idx_finish(Sink *sink)
{
	Idx *idx = sink->state;
	bool has_labels = idx->labels;
	Status status = write_headers(idx, sink->about);

	if (status >= 0)
		status = close_one(&idx->folder, &idx->images, idx->images_name);
	if (status >= 0)
		status = close_one(&idx->folder, &idx->labels, LABELS_NAME);
	if (status >= 0 && sink->is_zipped)
		status = compress(&idx->folder, idx->images_name,
				  sink->about->channels == 1 ? "images-idx3-ubyte.gz" : "images-idx4-ubyte.gz");
	if (status >= 0 && sink->is_zipped && has_labels)
		status = compress(&idx->folder, LABELS_NAME, LABELS_NAME ".gz");
	return status < 0 ? status : folder_commit(&idx->folder);
}

static void
idx_close(Sink *sink)
{
	Idx *idx = sink->state;
	if (idx->images)
		fclose(idx->images);
	if (idx->labels)
		fclose(idx->labels);
	folder_abandon(&idx->folder);
	free(idx);
}

const SinkTable sink_idx = { idx_open, idx_add, idx_finish, idx_close };
