/* npy.c: a stream as NumPy's arrays: one file each in a folder, or together in one .npz. */
#include "export/sink.h"

#include "cli/atomic.h"
#include "export/archive.h"
#include "export/folder.h"
#include "json/utf8.h"
#include "memory.h"

#include <unistd.h>

enum { HEADER_SIZE = 192, ARRAYS_MOST = 5, RANK_MOST = 3 };

/** One array being written; its header is written again once n is known. */
typedef struct Array {
	const char *file_name, *column; /* column: of the stream; NULL for classes */
	char type[24];			/* NumPy's: "<i4" */
	int rank;			/* of a row */
	uint64_t shape[RANK_MOST], count;
	FILE *file;
} Array;

typedef struct Npy {
	Folder folder;
	AtomicFile file; /* .npz */
	int array_count;
	Array arrays[ARRAYS_MOST];
} Npy;

/* Magic, version 1.0, length, a Python literal padded with spaces and a new line to 192 bytes. */
static Status
write_header(Array *array)
{
	char header[HEADER_SIZE + 1], shape[80];
	int length = snprintf(shape, sizeof shape, "%ju,", (uintmax_t)array->count);

	for (int i = 0; i < array->rank; i++)
		length += snprintf(shape + length, sizeof shape - (size_t)length, "%s%ju", i ? ", " : " ", (uintmax_t)array->shape[i]);
	memset(header, ' ', sizeof header);
	memcpy(header, "\x93NUMPY\x01\0", 8);
	header[8] = (char)(HEADER_SIZE - 10);
	header[9] = 0;
	length = snprintf(header + 10, HEADER_SIZE - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
			  array->type, shape);
	header[10 + length] = ' ';
	header[HEADER_SIZE - 1] = '\n';
	return fseeko(array->file, 0, SEEK_SET) < 0 || fwrite(header, 1, HEADER_SIZE, array->file) != HEADER_SIZE
		       ? fail_errno("%s", array->file_name)
		       : STATUS_OK;
}

static Status
begin_array(Npy *npy, const Array *array)
{
	Array *added = &npy->arrays[npy->array_count];

	*added = *array;
	Status status = folder_create_file(&npy->folder, added->file_name, &added->file);
	if (status < 0)
		return status;
	npy->array_count++;
	return write_header(added);
}

/* The columns that NumPy can take, under the names by which they are known there. */
static Status
begin_columns(Npy *npy, const About *about)
{
	static const struct {
		const char *column, *file_name, *type;
		Dtype dtype;
	} known[] = {
		{ "image", "images.npy", "|u1", DTYPE_U8 },
		{ "label", "labels.npy", "<i4", DTYPE_I32 },
		{ "id", "id.npy", "<i8", DTYPE_I64 },
		{ "prob", "prob.npy", "<f4", DTYPE_F32 },
	};
	Status status = STATUS_OK;

	for (size_t i = 0; i < sizeof known / sizeof *known && status >= 0; i++) {
		int at = about_find(about, known[i].column);
		const Column *column = at < 0 ? NULL : &about->columns[at];
		if (!column || column->dtype != known[i].dtype || column->rank > RANK_MOST)
			continue;
		Array array = { .column = known[i].column, .file_name = known[i].file_name, .rank = column->rank };
		strcpy(array.type, known[i].type);
		for (int k = 0; k < column->rank; k++)
			array.shape[k] = column->shape[k];
		status = begin_array(npy, &array);
	}
	return status;
}

/* Names as NumPy holds text: four bytes a character, as many characters as the longest has. @return characters */
static size_t
to_utf32(const char *text, uint32_t *wide)
{
	size_t count = 0;

	for (size_t size; *text; text += size, count++) {
		size = utf8_length(text, strlen(text));
		if (!size) /* never: a stream's classes are UTF-8 */
			break;
		if (!wide)
			continue;
		uint32_t value = size == 1 ? (uint8_t)*text : (uint8_t)*text & (0x7FU >> size);
		for (size_t i = 1; i < size; i++)
			value = value << 6 | ((uint8_t)text[i] & 0x3F);
		wide[count] = value;
	}
	return count;
}

static Status
write_classes(Npy *npy, const About *about)
{
	size_t width = 1;
	Array array = { .file_name = "classes.npy", .count = about->class_count };

	for (uint32_t i = 0; i < about->class_count; i++)
		if (to_utf32(about->classes[i], NULL) > width)
			width = to_utf32(about->classes[i], NULL);
	snprintf(array.type, sizeof array.type, "<U%zu", width);
	Status status = begin_array(npy, &array);
	uint32_t *wide = memory_zeroed(width, sizeof *wide);
	for (uint32_t i = 0; i < about->class_count && status >= 0; i++) {
		memset(wide, 0, width * sizeof *wide);
		to_utf32(about->classes[i], wide);
		if (fwrite(wide, sizeof *wide, width, npy->arrays[npy->array_count - 1].file) != width)
			status = fail_errno("classes.npy");
	}
	free(wide);
	return status;
}

static Status
npy_begin(Sink *sink, Npy *npy, Status opened)
{
	Status status = opened;

	if (status >= 0)
		status = begin_columns(npy, sink->about);
	return status >= 0 && sink->about->class_count ? write_classes(npy, sink->about) : status;
}

static Npy *
new_state(Sink *sink)
{
	Npy *npy = sink->state = memory_zeroed(1, sizeof *npy);

	npy->folder.fd = -1;
	npy->file = (AtomicFile){ .fd = -1, .slot = -1 };
	return npy;
}

static Status
npy_open(Sink *sink)
{
	Npy *npy = new_state(sink);
	return npy_begin(sink, npy, folder_open(&npy->folder, sink->target));
}

static Status
npz_open(Sink *sink)
{
	Npy *npy = new_state(sink);
	Status status = atomic_open(&npy->file, sink->target);
	return npy_begin(sink, npy, status < 0 ? status : folder_open_scratch(&npy->folder, sink->target));
}

static Status
npy_add(Sink *sink, const Record *record)
{
	Npy *npy = sink->state;

	for (int i = 0; i < npy->array_count; i++) {
		Array *array = &npy->arrays[i];
		const Tensor *tensor = array->column ? record_find(record, array->column) : NULL;

		if (!tensor)
			continue;
		if (fwrite(tensor->data, 1, tensor->size, array->file) != tensor->size)
			return fail_errno("%s", sink->target);
		array->count += record->n;
	}
	return STATUS_OK;
}

static Status
complete_headers(Npy *npy)
{
	Status status = STATUS_OK;

	for (int i = 0; i < npy->array_count && status >= 0; i++)
		if ((status = write_header(&npy->arrays[i])) >= 0 && fflush(npy->arrays[i].file))
			status = fail_errno("%s", npy->arrays[i].file_name);
	return status;
}

static Status
npy_finish(Sink *sink)
{
	Npy *npy = sink->state;
	Status status = complete_headers(npy);
	return status < 0 ? status : folder_commit(&npy->folder);
}

static Status
npz_finish(Sink *sink)
{
	Npy *npy = sink->state;
	ArchiveFile archive;
	Status status = complete_headers(npy);

	if (status < 0 || (status = archive_begin(&archive, ARCHIVE_ZIP, npy->file.fd, sink->target)) < 0)
		return status;
	for (int i = 0; i < npy->array_count && status >= 0; i++)
		status = archive_add_file(&archive, npy->arrays[i].file_name, fileno(npy->arrays[i].file));
	if (status < 0)
		archive_drop(&archive);
	else
		status = archive_finish(&archive);
	return status < 0 ? status : atomic_commit(&npy->file);
}

static void
npy_close(Sink *sink)
{
	Npy *npy = sink->state;
	for (int i = 0; i < npy->array_count; i++)
		fclose(npy->arrays[i].file);
	atomic_abandon(&npy->file);
	folder_abandon(&npy->folder);
	free(npy);
}

const SinkTable sink_npy = { npy_open, npy_add, npy_finish, npy_close };
const SinkTable sink_npz = { npz_open, npy_add, npz_finish, npy_close };
