/* Any text is the size of a frame or an error; any bytes are whole frames of it, or an error at the last one. */
#include "source/raw.h"

#include "memory_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_frames(const uint8_t *data, size_t size, RawShape shape)
{
	size_t frame = (size_t)shape.height * shape.width * shape.channels, n = 0;
	Source source;
	Record record;
	Status status;

	if (raw_open(&source, memory_file(data, size), "raw", shape) < 0)
		abort();
	while ((status = source_next(&source, &record)) > 0) {
		if (record.n != 1 || memcmp(record_find(&record, "image")->data, data + n * frame, frame) != 0)
			abort();
		n++;
	}
	if (n != size / frame || (status == 0) != (size % frame == 0))
		abort();
	source_close(&source);
}

/* A text, a line feed, frames. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	RawShape shape;

	if (!end)
		return 0;
	char *text = strndup((const char *)data, (size_t)(end - data));

	if (!text)
		abort();
	if (!raw_parse(text, &shape)) {
		if (!shape.height || !shape.width || !shape.channels || shape.height > 1024 || shape.width > 1024 || shape.channels > 16)
			abort();
		read_frames(end + 1, size - (size_t)(end + 1 - data), shape);
	}
	free(text);
	return 0;
}
