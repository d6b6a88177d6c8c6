#include "export/stream.h"

#include "cli/message.h"
#include "cli/progress.h"
#include "export/stop.h"

#include <inttypes.h>

/* Records until the end, a failure or a signal. */
static Status
add_all(Sink *sink, const SinkTable *table, Reader *reader)
{
	Record record;
	Status status;

	while ((status = reader_next(reader, &record)) > 0) {
		if ((status = table->add(sink, &record)) < 0)
			return status;
		if (stop_number)
			return fail(STATUS_INTERRUPTED, "interrupted; nothing was written");
		if (progress_is_on())
			progress("%" PRIu64 " pictures", reader->samples);
	}
	return status;
}

static Status
check_stream(const About *about, const char *target)
{
	if (target && about->epochs == EPOCHS_ENDLESS)
		return fail(STATUS_INPUT, "the stream has no end, so %s would never be whole; cut it with fm-augment --epochs N",
			    target);
	if (about->is_marked)
		warn("the marks of hold-out and fit part are lost; choose one with fm-fetch --part");
	return STATUS_OK;
}

static Status
write_stream(Sink *sink, const SinkTable *table, Reader *reader)
{
	Status status = check_stream(sink->about, sink->target);
	if (status < 0)
		return status;
	if ((status = table->open(sink)) >= 0)
		status = add_all(sink, table, reader);
	if (status >= 0)
		status = table->finish(sink);
	table->close(sink);
	return status;
}

Status
export_stream(const char *path, const Format *format, const char *target, bool is_zipped)
{
	Reader reader;
	Status status = reader_open(&reader, path);
	if (status < 0)
		return status;
	/* until here there is nothing to clean up, and a signal may kill */
	if (target)
		stop_watch();
	Sink sink = { .about = &reader.about, .target = target, .is_zipped = is_zipped };
	reader.stop = &stop_number;
	status = write_stream(&sink, format->sink, &reader);
	reader_close(&reader);
	return status;
}
