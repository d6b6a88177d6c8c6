/* fm-info: say what a stream or a model is, and how it was made; and what can compute here. */
#include "cli/message.h"
#include "cli/options.h"
#include "info/describe.h"
#include "info/devices.h"
#include "info/kind.h"
#include "info/script.h"
#include "json/canonical.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool as_json, as_script, of_devices;

static const Option options[] = {
	OPT_FLAG('j', "json", &as_json, "print one JSON object", .is_manner = true),
	OPT_FLAG('s', "script", &as_script, "print a shell script that makes it again", .is_manner = true),
	OPT_FLAG('d', "devices", &of_devices, "read nothing; list what --device can be here, and why not", .is_manner = true),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-info",
	.summary = "say what a tensor stream or a model is, and how it was made",
	.usage = "fm-info [--json | --script] [FILE]\nfm-info --devices [--json]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
	.is_without_input = &of_devices,
};

static json_t *
stream_description(int fd, const char *name)
{
	Reader reader;
	json_t *description;
	must(reader_open_fd_to_show(&reader, fd, name));
	must(describe_stream(&reader, &description));
	reader_close(&reader);
	return description;
}

static json_t *
model_description(int fd, const char *name)
{
	Model model;
	must(model_read_fd(&model, fd, name));
	json_t *description = describe_model(&model);
	model_release(&model);
	return description;
}

static json_t *
describe(const char *path)
{
	bool is_stdin = !strcmp(path, "-"), is_stream;
	const char *name = is_stdin ? "standard input" : path;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		must(fail_errno("%s", path));
	must(kind_look(fd, name, &is_stream));
	if (is_stream)
		return stream_description(fd, name);
	json_t *description = model_description(fd, name);
	close(fd);
	return description;
}

static void
print_text(char *text, const char *end)
{
	if (!text)
		must(fail(STATUS_IO, "no memory to print it"));
	printf("%s%s", text, end);
	free(text);
}

/* --devices, in place of a file */
static json_t *
devices(int operands)
{
	json_t *description;

	if (operands || as_script)
		must(fail(STATUS_USAGE, "--devices describes this machine: it goes with --json, not with %s",
			  as_script ? "--script" : "a file"));
	must(describe_devices(&description));
	return description;
}

int
main(int argc, char **argv)
{
	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);
	if (as_json && as_script)
		must(fail(STATUS_USAGE, "--json and --script can't both be printed; choose one"));

	/* run */
	json_t *description = of_devices ? devices(argc) : describe(path);
	if (as_script) {
		char *script = NULL;
		const json_t *members = json_object_get(description, "members");
		must(members ? script_from_inputs(members, &script) :
			       script_from_history(json_object_get(description, "history"), &script));
		print_text(script, "");
	} else if (as_json) {
		print_text(json_canonical(description, NULL), "\n");
	} else if (of_devices) {
		devices_print(description, stdout);
	} else {
		describe_print(description, stdout);
	}

	/* finish */
	json_decref(description);
	return cli_finish(STATUS_OK);
}
