/* csv.c: a line a picture: label,p0,p1,... */
#include "export/sink.h"

#include "cli/atomic.h"
#include "memory.h"

#include <stdio.h>
#include <unistd.h>

typedef struct Csv {
	AtomicFile file;
	char *line;
	char digits[256][4]; /* "0" to "255" */
	uint8_t lengths[256];
} Csv;

enum { LABEL_MOST = 16, HEADING_MOST = 16 }; /* bytes, with their comma */

static Status
write_heading(Csv *csv, size_t pixels, const char *name)
{
	size_t length = (size_t)sprintf(csv->line, "label");
	for (size_t i = 0; i < pixels; i++)
		length += (size_t)sprintf(csv->line + length, ",p%zu", i);
	csv->line[length++] = '\n';
	return write_all(csv->file.fd, csv->line, length, name);
}

static const char *
name_of(const Sink *sink)
{
	return sink->target ? sink->target : "standard output";
}

static Status
csv_open(Sink *sink)
{
	Csv *csv = sink->state = memory_zeroed(1, sizeof *csv);
	size_t pixels = picture_size(sink->about);

	csv->file = (AtomicFile){ .fd = STDOUT_FILENO, .slot = -1 };
	for (int i = 0; i < 256; i++)
		csv->lengths[i] = (uint8_t)sprintf(csv->digits[i], "%d", i);
	if (!(csv->line = malloc(LABEL_MOST + pixels * HEADING_MOST)))
		return fail_errno("no memory for a line");
	if (sink->target) {
		Status status = atomic_open(&csv->file, sink->target);
		if (status < 0)
			return status;
	}
	return write_heading(csv, pixels, name_of(sink));
}

static Status
csv_add(Sink *sink, const Record *record)
{
	Csv *csv = sink->state;
	size_t pixels = picture_size(sink->about);
	Status status = STATUS_OK;

	for (uint64_t i = 0; i < record->n && status >= 0; i++) {
		Sample sample = sample_of(record, i);
		char *at = csv->line + sprintf(csv->line, "%d", (int)sample.label);

		for (size_t k = 0; k < pixels; k++) {
			uint8_t value = sample.pixels[k];

			*at++ = ',';
			memcpy(at, csv->digits[value], sizeof csv->digits[value]);
			at += csv->lengths[value];
		}
		*at++ = '\n';
		status = write_all(csv->file.fd, csv->line, (size_t)(at - csv->line), name_of(sink));
	}
	return status;
}

static Status
csv_finish(Sink *sink)
{
	Csv *csv = sink->state;
	return sink->target ? atomic_commit(&csv->file) : STATUS_OK;
}

static void
csv_close(Sink *sink)
{
	Csv *csv = sink->state;
	if (sink->target)
		atomic_abandon(&csv->file);
	free(csv->line);
	free(csv);
}

const SinkTable sink_csv = { csv_open, csv_add, csv_finish, csv_close };
