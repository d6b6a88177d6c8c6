/* source/idx_labels.c: all labels of an IDX file. */
#include "source/idx_labels.h"

#include "stream/record.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PIECE = 1 << 16 }; /* labels read at a time: a header that lies about its number costs no memory */

Status
idx_header_read(Bytes *bytes, IdxHeader *header)
{
	uint8_t data[IDX_HEADER_MOST];
	size_t got;
	Status size = bytes_read(bytes, data, IDX_MAGIC_SIZE, &got);

	if (size >= 0 && got < IDX_MAGIC_SIZE)
		return fail(STATUS_INPUT, "%s: not an IDX file: it has %zu bytes; expected a header of at least 8", bytes->name,
			    got);
	if (size < 0 || (size = idx_header_size(data, bytes->name)) < 0)
		return size;
	size_t rest = (size_t)size - IDX_MAGIC_SIZE;
	Status status = bytes_read(bytes, data + IDX_MAGIC_SIZE, rest, &got);

	if (status >= 0 && got < rest)
		return fail(STATUS_INPUT, "%s: truncated within its header, at byte %zu of %d", bytes->name, IDX_MAGIC_SIZE + got,
			    size);
	return status < 0 ? status : idx_parse(header, data, bytes->name);
}

Status
idx_check_end(Bytes *bytes, const IdxHeader *header)
{
	uint8_t more;
	size_t got;
	Status status = bytes_read(bytes, &more, 1, &got);

	if (status >= 0 && got)
		return fail(STATUS_INPUT, "%s: more data than the %u %s that its header promises", bytes->name, header->shape[0],
			    header->rank == 1 ? "labels" : "images");
	return status;
}

static Status
check_label(int64_t label, uint64_t position, const char *name)
{
	if (label < 0 || label >= STREAM_CLASSES_MOST)
		return fail(STATUS_INPUT, "%s: sample %llu has the label %lld; expected 0 to %d", name,
			    (unsigned long long)position, (long long)label, STREAM_CLASSES_MOST - 1);
	return STATUS_OK;
}

static Status
convert(const IdxHeader *header, const uint8_t *values, size_t n, int32_t first, int32_t *labels, uint64_t position,
	const char *name)
{
	for (size_t i = 0; i < n; i++) {
		int64_t label = (int64_t)idx_label(header->type, values + i * idx_value_size(header->type)) - first;
		Status status = check_label(label, position + i, name);

		if (status < 0)
			return status;
		labels[i] = (int32_t)label;
	}
	return STATUS_OK;
}

static Status
read_piece(Bytes *bytes, const IdxHeader *header, int32_t first, int32_t *labels, uint64_t position, size_t n)
{
	static _Thread_local uint8_t values[PIECE * sizeof(int32_t)];
	size_t size = idx_value_size(header->type), got;
	Status status = bytes_read(bytes, values, n * size, &got);

	if (status >= 0 && got < n * size)
		return fail(STATUS_INPUT, "%s: truncated: it has %" PRIu64 " labels, its header promises %u", bytes->name,
			    position + got / size, header->shape[0]);
	return status < 0 ? status : convert(header, values, n, first, labels + position, position, bytes->name);
}

/* Room for one more piece, twice what is there: memory follows what has come, not what the header promises. */
static Status
grow(int32_t **labels, uint64_t needed, uint64_t *room, const char *name)
{
	if (*labels && needed <= *room)
		return STATUS_OK;
	int32_t *larger = reallocarray(*labels, 2 * needed, sizeof **labels);

	if (!larger)
		return fail(STATUS_IO, "%s: no memory for %" PRIu64 " labels", name, 2 * needed);
	*labels = larger;
	*room = 2 * needed;
	return STATUS_OK;
}

static Status
read_all(Bytes *bytes, const IdxHeader *header, int32_t first, int32_t **labels)
{
	uint64_t n = header->shape[0], room = 0;
	Status status = grow(labels, PIECE, &room, bytes->name);

	for (uint64_t done = 0; status >= 0 && done < n; done += PIECE) {
		uint64_t piece = n - done < PIECE ? n - done : PIECE;

		if ((status = grow(labels, done + piece, &room, bytes->name)) >= 0)
			status = read_piece(bytes, header, first, *labels, done, piece);
	}
	return status < 0 ? status : idx_check_end(bytes, header);
}

Status
idx_labels_read(Bytes *bytes, const IdxHeader *header, int32_t first, int32_t **labels, int32_t *most)
{
	int32_t *read = NULL;
	Status status = read_all(bytes, header, first, &read);

	*labels = NULL;
	*most = -1;
	if (status < 0) {
		free(read);
		return status;
	}
	for (uint64_t i = 0; read && i < header->shape[0]; i++)
		*most = read[i] > *most ? read[i] : *most;
	*labels = read;
	return STATUS_OK;
}
