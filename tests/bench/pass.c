/* pass.c: read a stream, write it: what passing through costs. */
#include "stream/history.h"
#include "stream/reader.h"
#include "stream/writer.h"

#include <stdio.h>
#include <unistd.h>

static Status
pass(Reader *reader, Writer *writer)
{
	Record record;
	Status status;

	while ((status = reader_next(reader, &record)) > 0) {
		status = writer_send_whole(writer, &record);
		if (status != STATUS_OK)
			return status;
	}
	return status < 0 ? status : writer_finish(writer, reader->about.history);
}

int
main(int argc, char **argv)
{
	Reader reader;
	Writer writer;
	Status status = reader_open(&reader, argc > 1 ? argv[1] : "-");

	if (status == STATUS_OK) {
		status = writer_open(&writer, STDOUT_FILENO, "standard output", &reader.about);
		if (status == STATUS_OK)
			status = pass(&reader, &writer);
		writer_close(&writer);
		reader_close(&reader);
	}
	if (status < 0)
		fprintf(stderr, "pass: %s\n", status_message());
	return status < 0 ? -status : 0;
}
