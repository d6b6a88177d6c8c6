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

/* Say what went wrong, and exit with the status that fits. */
static int
must(int status, const char *message)
{
	if (status >= 0)
		return status;
	fprintf(stderr, "keep: %s\n", message);
	exit(-status);
}

/* wanted[class] for the names on the command line */
static unsigned char *
choose_classes(const fms_reader *in, int count, char **names)
{
	uint32_t classes = fms_reader_class_count(in);
	unsigned char *wanted = calloc(classes + 1, 1);

	if (!wanted)
		abort();
	for (int i = 0; i < count; i++) {
		uint32_t class = 0;

		while (class < classes && strcmp(names[i], fms_reader_class(in, class)))
			class++;
		if (class == classes)
			must(FMS_USAGE, "the stream has no class of that name");
		wanted[class] = 1;
	}
	return wanted;
}

/* Drop what is not wanted; -1 is a sample without a label. */
static void
filter(fms_record *record, const unsigned char *wanted)
{
	uint64_t n = fms_record_samples(record);
	unsigned char *keep = calloc(n + 1, 1);
	fms_tensor *tensor = fms_record_tensor(record, "label");
	const int32_t *labels = tensor ? fms_tensor_data(tensor) : NULL;

	if (!keep)
		abort();
	for (uint64_t i = 0; labels && i < n; i++)
		keep[i] = labels[i] >= 0 && wanted[labels[i]];
	fms_record_filter(record, keep);
	free(keep);
}

int
main(int argc, char **argv)
{
	fms_reader *in;
	fms_writer *out;
	fms_record *record;
	unsigned char *wanted;
	int status = FMS_OK;

	/* prepare */
	must(fms_reader_open(&in, STDIN_FILENO, "standard input"), fms_reader_error(in));
	if (fms_reader_epochs(in))
		must(FMS_USAGE, "a repeated stream says how many samples an epoch has; filter before fm-augment");
	wanted = choose_classes(in, argc - 1, argv + 1);
	must(fms_writer_open(&out, STDOUT_FILENO, "standard output", "keep", "1", NULL), fms_writer_error(out));
	must(fms_writer_like(out, in), fms_writer_error(out));

	/* run */
	while (status == FMS_OK && must(fms_reader_next(in, &record), fms_reader_error(in)) == 1) {
		filter(record, wanted);
		if (fms_record_samples(record))
			status = must(fms_writer_send(out, record), fms_writer_error(out));
	}

	/* finish: the end record goes out only if all of the input was whole */
	must(fms_writer_finish(out), fms_writer_error(out));
	fms_writer_close(out);
	fms_reader_close(in);
	free(wanted);
	return 0;
}
