/* fm-export: streams and models in everybody else's formats. */
#include "cli/message.h"
#include "cli/options.h"
#include "export/model.h"
#include "export/stop.h"
#include "export/stream.h"

#include <string.h>
#include <unistd.h>

static const char *output, *format_name;
static bool fold, is_zipped;

static const Option options[] = {
	OPT_CHOICE('f', "format", FORMAT_CHOICES, &format_name, "format", .fallback = "by the output's ending"),
	OPT_TEXT('o', "output", "TARGET", &output, "write here: a file, or for png, npy and idx a new folder",
		 .fallback = "standard output"),
	OPT_FLAG('z', "gzip", &is_zipped, "idx: compress the files"),
	OPT_FLAG(0, "fold", &fold, "onnx: put batch norm into the layer before it (c always does)"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-export",
	.summary = "write streams and models in other programs' formats",
	.usage = "fm-export [--format png|npy|npz|csv|idx|webdataset] [-o TARGET] [FILE.fms]\n"
		 "fm-export [--format onnx|c] [-o TARGET] [MODEL]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
};

static void
check_options(const Format *format)
{
	if (fold && strcmp(format->name, "onnx") != 0)
		must(fail(STATUS_USAGE, "--fold belongs to --format onnx, not to %s", format->name));
	if (is_zipped && strcmp(format->name, "idx") != 0)
		must(fail(STATUS_USAGE, "--gzip belongs to --format idx, not to %s; a pipe into gzip does", format->name));
	if (!output && strcmp(format->name, "csv") != 0 && isatty(STDOUT_FILENO))
		must(fail(STATUS_USAGE, "%s is not written to a terminal; name a file with --output", format->name));
}

static Status
run(const Format *format, const char *path)
{
	size_t arena;
	if (format->sink)
		return export_stream(path, format, output, is_zipped);
	if (!strcmp(format->name, "onnx"))
		return export_onnx(path, output, fold);
	Status status = export_c(path, output, &arena);
	if (status >= 0)
		verbose("%s uses a static arena of %zu bytes", output, arena);
	return status;
}

int
main(int argc, char **argv)
{
	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);
	const Format *format;
	if (output && !strcmp(output, "-"))
		output = NULL;
	must(format_choose(&format, format_name, output));
	check_options(format);

	/* run */
	Status status = run(format, path);
	if (status == STATUS_INTERRUPTED)
		stop_die();
	must(status);

	/* finish */
	return cli_finish(STATUS_OK);
}
