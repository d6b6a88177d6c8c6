/* streams.h: streams for tests, whole in memory, and what a reader says of them. */
#ifndef FM_TESTS_STREAMS_H
#define FM_TESTS_STREAMS_H

#include "hash.h"
#include "stream/metadata.h"
#include "stream/reader.h"
#include "stream/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct Bytes {
	uint8_t *data;
	size_t size;
} Bytes;

static inline void
bytes_append(Bytes *bytes, const void *data, size_t size)
{
	bytes->data = realloc(bytes->data, bytes->size + size + 1);
	if (!bytes->data)
		abort();
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

/* What was written to a memory file, which is closed. */
static inline Bytes
bytes_of_file(int fd)
{
	Bytes bytes = { 0 };
	uint8_t buffer[65536];
	ssize_t got;

	lseek(fd, 0, SEEK_SET);
	while ((got = read(fd, buffer, sizeof buffer)) > 0)
		bytes_append(&bytes, buffer, (size_t)got);
	close(fd);
	return bytes;
}

static inline int
file_of_bytes(const void *data, size_t size)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

/* A record of this header and data, with its right hash. The header begins with what METADATA_MAGIC says and zeros. */
static inline void
bytes_append_record(Bytes *bytes, const char *header, const void *data, size_t size)
{
	uint64_t length = strlen(header);
	size_t begin = bytes->size;

	bytes_append(bytes, &length, 8);
	bytes_append(bytes, header, length);
	bytes_append(bytes, data, size);
	if (length > METADATA_DIGITS_AT + METADATA_DIGITS - 8)
		hex_write(hash_of(bytes->data + begin, bytes->size - begin),
			  (char *)bytes->data + begin + METADATA_DIGITS_AT);
}

/* Read all of it. @return 0 or the failure; *samples counts what came out */
static inline Status
read_through(int fd, uint64_t *samples)
{
	Reader reader;
	Record record;
	Status status = reader_open_fd(&reader, fd, "test");

	*samples = 0;
	if (status < 0)
		return status;
	while ((status = reader_next(&reader, &record)) > 0)
		*samples += record.n;
	reader_close(&reader);
	return status;
}

static inline Status
read_bytes(const void *data, size_t size)
{
	uint64_t samples;

	return read_through(file_of_bytes(data, size), &samples);
}

/* n samples with ids, labels of three classes and names, in records of `per`. */
static inline Bytes
make_stream(uint64_t n, uint64_t per, uint32_t h, uint32_t w, uint32_t c)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	size_t pixels = (size_t)h * w * c;
	int64_t *ids = calloc(per, sizeof *ids);
	int32_t *labels = calloc(per, sizeof *labels);
	uint8_t *images = calloc(per, pixels);
	char *names = calloc(per, 8);
	About about;
	Writer writer;

	about_init(&about, h, w, c);
	if (about_set_classes(&about, 3, (const char *const[]){ "a", "b", "\u00fc" }) < 0 ||
	    about_add_column(&about, "id", DTYPE_I64, 0, NULL) < 0 || about_add_column(&about, "label", DTYPE_I32, 0, NULL) < 0 ||
	    about_add_column(&about, "name", DTYPE_U8, 1, (uint64_t[]){ 8 }) < 0 ||
	    writer_open(&writer, fd, "memory", &about) < 0)
		abort();
	for (uint64_t begin = 0; begin < n; begin += per) {
		uint64_t count = n - begin < per ? n - begin : per;
		Tensor tensors[] = {
			{ "image", DTYPE_U8, 4, { count, h, w, c }, images, count * pixels },
			{ "id", DTYPE_I64, 1, { count }, (uint8_t *)ids, count * 8 },
			{ "label", DTYPE_I32, 1, { count }, (uint8_t *)labels, count * 4 },
			{ "name", DTYPE_U8, 2, { count, 8 }, (uint8_t *)names, count * 8 },
		};
		Record record = { .n = count, .tensor_count = 4, .tensors = tensors, .epoch = -1 };

		for (uint64_t i = 0; i < count; i++) {
			ids[i] = (int64_t)(begin + i);
			labels[i] = (int32_t)((begin + i) % 4) - 1;
			snprintf(names + 8 * i, 8, "%d", (int)((begin + i) % 1000000));
			for (size_t j = 0; j < pixels; j++)
				images[i * pixels + j] = (uint8_t)(begin + i + j * 7);
		}
		if (writer_send_whole(&writer, &record) != STATUS_OK)
			abort();
	}
	if (writer_finish(&writer, NULL) != STATUS_OK)
		abort();
	writer_close(&writer);
	about_release(&about);
	free(ids);
	free(labels);
	free(images);
	free(names);
	return bytes_of_file(fd);
}

/* Where the record that begins at `at` ends. */
static inline size_t
record_end(const Bytes *bytes, size_t at)
{
	Safetensors file;
	uint64_t length, size;

	memcpy(&length, bytes->data + at, 8);
	if (safetensors_parse(&file, (char *)bytes->data + at + 8, length, "test") < 0)
		abort();
	size = file.data_size;
	safetensors_release(&file);
	return at + 8 + length + size;
}

#endif
