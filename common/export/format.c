#include "export/format.h"

#include <string.h>

static const Format formats[] = {
	{ "png", NULL, &sink_png, false },
	{ "npy", NULL, &sink_npy, false },
	{ "npz", ".npz", &sink_npz, false },
	{ "csv", ".csv", &sink_csv, true },
	{ "idx", NULL, &sink_idx, false },
	{ "webdataset", ".tar", &sink_webdataset, true },
	{ "onnx", ".onnx", NULL, true },
	{ "c", ".c", NULL, false },
};

static bool
ends_in(const char *text, const char *ending)
{
	size_t length = strlen(text), size = strlen(ending);

	return length > size && !strcmp(text + length - size, ending);
}

static const Format *
find(const char *name, const char *target)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (name ? !strcmp(name, formats[i].name) : target && formats[i].ending && ends_in(target, formats[i].ending))
			return &formats[i];
	return NULL;
}

Status
format_choose(const Format **format, const char *name, const char *target)
{
	*format = find(name, target);
	if (!*format)
		return fail(STATUS_USAGE, "%s says no format; expected --format " FORMAT_CHOICES, target ? target : "standard output");
	if (!target && !(*format)->can_pipe)
		return fail(STATUS_USAGE, "%s can't go to standard output; name a target with --output", (*format)->name);
	return STATUS_OK;
}
