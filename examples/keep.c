/* keep: pass on the samples of the named classes: a filter for tensor streams, fm-stream(5), in C.
 *
 *	cc -o keep keep.c $(pkg-config --cflags --libs fmstream)
 *	fm-fetch fashion-mnist --range 0:1000 | ./keep Sandal 'Ankle boot' | fm-info
 */
#include <fm/stream.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static fms_reader *in;
static fms_writer *out;

/* Say what went wrong, and exit with the status that fits. */
static void
give_up(int status, const char *message)
{
	fprintf(stderr, "keep: %s\n", message);
	exit(-status);
}

static int
must_read(int status)
{
	if (status < 0)
		give_up(status, fms_reader_error(in));
	return status;
}

static int
must_write(int status)
{
	if (status < 0)
		give_up(status, fms_writer_error(out));
	return status;
}

/* -1, a sample without a label, has no name. */
static int
is_wanted(int32_t label, char **names)
{
	while (label >= 0 && *names && strcmp(*names, fms_reader_class(in, (uint32_t)label)))
		names++;
	return label >= 0 && *names;
}

static void
filter(fms_record *record, char **names)
{
	uint64_t n = fms_record_samples(record);
	uint8_t *keep = calloc(n + 1, 1);
	fms_tensor *tensor = fms_record_tensor(record, "label");
	const int32_t *labels = tensor ? fms_tensor_data(tensor) : NULL;

	if (!keep)
		give_up(FMS_IO, "no memory");
	for (uint64_t i = 0; labels && i < n; i++)
		keep[i] = is_wanted(labels[i], names);
	fms_record_filter(record, keep);
	free(keep);
}

int
main(int argc, char **argv)
{
	fms_record *record;

	/* prepare */
	must_read(fms_reader_open(&in, STDIN_FILENO, "standard input"));
	if (argc < 2 || fms_reader_epochs(in))
		give_up(FMS_USAGE, "name classes to keep, of a stream that is not repeated");
	must_write(fms_writer_open(&out, STDOUT_FILENO, "standard output", "keep", "1", NULL));
	must_write(fms_writer_like(out, in));

	/* run */
	while (must_read(fms_reader_next(in, &record)) == 1) {
		filter(record, argv + 1);
		if (fms_record_samples(record))
			must_write(fms_writer_send(out, record));
	}

	/* finish: the end record goes out only if all of the input was whole */
	must_write(fms_writer_finish(out));
	fms_writer_close(out);
	fms_reader_close(in);
	return 0;
}
