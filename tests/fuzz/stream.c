/* Any bytes are a stream or an error; what is read can be written, and reads back as the same samples. */
#include "hash.h"
#include "stream/metadata.h"
#include "stream/reader.h"
#include "stream/writer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The record's size if its header can be read and all of it is there, else 0. */
static size_t
whole_record(const uint8_t *record, size_t size)
{
	Safetensors file;
	uint64_t length;

	if (size < METADATA_DIGITS_AT + METADATA_DIGITS)
		return 0;
	memcpy(&length, record, 8);
	if (length < METADATA_DIGITS_AT + METADATA_DIGITS - 8 || length > size - 8 ||
	    safetensors_parse(&file, (const char *)record + 8, length, "record") < 0)
		return 0;
	uint64_t data_size = file.data_size;
	safetensors_release(&file);
	return data_size <= size - 8 - length ? 8 + length + data_size : 0;
}

/* With right hashes, what a fuzzer changes is seen by more than the hash. */
static void
mend_hashes(uint8_t *data, size_t size)
{
	size_t record;

	for (; (record = whole_record(data, size)); data += record, size -= record) {
		memset(data + METADATA_DIGITS_AT, '0', METADATA_DIGITS);
		hex_write(hash_of(data, record), (char *)data + METADATA_DIGITS_AT);
	}
}

static int
memory_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

/* @return less than 0, or 0 and fm.content; written, unless NULL, gets a copy of the stream */
static Status
read_all(int fd, int written, uint64_t *content)
{
	Reader reader;
	Writer writer;
	Record record;
	Status status = reader_open_fd(&reader, fd, "input");

	if (status < 0)
		return status;
	if (written >= 0 && writer_open(&writer, written, "output", &reader.about) < 0)
		abort();
	while ((reader_would_wait(&reader), status = reader_next(&reader, &record)) > 0) {
		if (written >= 0 && writer_send(&writer, &record) != STATUS_OK)
			abort();
	}
	if (written >= 0 && status == 0 && writer_finish(&writer, reader.about.history) != STATUS_OK)
		abort();
	*content = written >= 0 ? writer_content(&writer) : reader.content;
	if (written >= 0)
		writer_close(&writer);
	reader_close(&reader);
	return status;
}

/* What can be read can be shown. */
static void
show(int fd, bool must_be_whole)
{
	Reader reader;
	Status status = reader_open_fd_to_show(&reader, fd, "input");

	if (status == STATUS_OK) {
		status = reader_drain(&reader);
		reader_close(&reader);
	}
	if (status < 0 && must_be_whole)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int written = memfd_create("stream", MFD_CLOEXEC);
	uint8_t *mended = malloc(size + 1);
	uint64_t sent, content;

	if (written < 0 || !mended)
		abort();
	memcpy(mended, data, size);
	mend_hashes(mended, size);
	bool is_whole = read_all(memory_file(mended, size), written, &sent) == 0;
	show(memory_file(mended, size), is_whole);
	if (is_whole) {
		if (lseek(written, 0, SEEK_SET) || read_all(dup(written), -1, &content) != 0 || content != sent)
			abort();
	}
	close(written);
	free(mended);
	return 0;
}
