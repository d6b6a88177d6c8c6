#include "info/script.h"

#include "info/option_names.h"
#include "info/quote.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 64 };

/* A script being written: commands that prepare files, in order, and how many files and unknown inputs there are. */
typedef struct Script {
	FILE *files; /* what must run before the pipeline */
	int file_count;
	int unknown_count;
	int depth;
} Script;

static Status put_history(Script *script, const json_t *history, FILE *out);

const OptionName *
option_name_find(const char *tool, const char *name)
{
	for (const OptionName *option = option_names; option->tool; option++)
		if (!strcmp(option->tool, tool) && !strcmp(option->name, name))
			return option;
	return NULL;
}

/* fm-fetch, not fm-export: a history of that one is forged. */
static bool
makes_histories(const char *tool)
{
	for (const OptionName *option = option_names; option->tool; option++)
		if (!strcmp(option->tool, tool) && option->is_recorded)
			return true;
	return false;
}

static bool
is_our_tool(const char *tool)
{
	for (const OptionName *option = option_names; option->tool; option++)
		if (!strcmp(option->tool, tool))
			return true;
	return false;
}

static Status
check_tool(const char *tool)
{
	if (!tool || !is_our_tool(tool))
		return fail(STATUS_INPUT, "the history names a tool that is none of ours: %.60s", tool ? tool : "(none)");
	if (!makes_histories(tool))
		return fail(STATUS_INPUT, "the history names %s, which makes neither streams nor models: it is forged", tool);
	return STATUS_OK;
}

static Status
put_quoted(FILE *out, const char *before, const char *text)
{
	char *quoted = shell_quote(text);
	if (!quoted)
		return fail(STATUS_IO, "no memory for the script");
	fprintf(out, "%s%s", before, quoted);
	free(quoted);
	return STATUS_OK;
}

/* " --name value", or " --name" for a flag that is set. */
static Status
put_option(FILE *out, const char *tool, const char *name, const json_t *value)
{
	const OptionName *option = option_name_find(tool, name);
	if (!option)
		return fail(STATUS_INPUT, "the history gives %s an option that it doesn't have: %.60s", tool, name);
	if (!option->is_recorded) /* it may name a file to write */
		return fail(STATUS_INPUT, "the history gives %s the option --%s, which no history holds: it is forged", tool,
			    name);
	if (option->is_flag) {
		if (!json_is_true(value))
			return fail(STATUS_INPUT, "the history gives %s's flag --%s something other than true", tool,
				    name);
		fprintf(out, " --%s", name);
		return STATUS_OK;
	}
	if (!json_is_string(value))
		return fail(STATUS_INPUT, "the history gives %s's --%s something other than text", tool, name);
	fprintf(out, " --%s", name);
	return put_quoted(out, "=", json_string_value(value));
}

static bool
is_operand(const char *name)
{
	return isupper((unsigned char)*name);
}

static Status
put_options(FILE *out, const char *tool, const json_t *options)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)options, name, value)
	{
		if (is_operand(name))
			continue;
		Status status = put_option(out, tool, name, value);
		if (status < 0)
			return status;
	}
	return STATUS_OK;
}

static Status
put_operands(FILE *out, const char *tool, const json_t *options)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)options, name, value)
	{
		if (!is_operand(name))
			continue;
		if (!option_name_find(tool, name) || !json_is_string(value))
			return fail(STATUS_INPUT, "the history gives %s an operand that it doesn't have", tool);
		const char *text = json_string_value(value);
		Status status = put_quoted(out, *text == '-' && text[1] ? " -- " : " ", text);
		if (status < 0)
			return status;
	}
	return STATUS_OK;
}

/* The script's user must hand this over. @param what, more  words of ours, or a hash */
static void
ask_for(Script *script, const char *what, const char *more, FILE *out)
{
	script->unknown_count++;
	fprintf(script->files, ": \"${FM_INPUT_%d:?%s%s}\"\n", script->unknown_count, what, more);
	fprintf(out, "cat \"$FM_INPUT_%d\"", script->unknown_count);
}

/* An input that nothing is known of but its content: the script's user must hand it over as a file. */
static void
put_unknown(Script *script, const json_t *input, FILE *out)
{
	const char *content = json_string_value(json_object_get(input, "content"));
	bool is_hash = content && strlen(content) == 16 && strspn(content, "0123456789abcdef") == 16;
	ask_for(script, "a file with content ", is_hash ? content : "that the history does not tell", out);
}

static Status
put_input(Script *script, const json_t *input, FILE *out)
{
	const json_t *history = json_object_get(input, "history");
	if (!json_is_array(history) || !json_array_size(history)) {
		put_unknown(script, input, out);
		return STATUS_OK;
	}
	return put_history(script, history, out);
}

static bool
input_is(const json_t *input, const char *name)
{
	const char *own = json_string_value(json_object_get(input, "name"));
	return own && !strcmp(own, name);
}

static size_t
count_inputs(const json_t *inputs, const char *name)
{
	size_t i, count = 0;
	json_t *input;

	json_array_foreach((json_t *)inputs, i, input)
		count += input_is(input, name);
	return count;
}

/* The commands that make all inputs of this name, one after the other: members of a joined stream. */
static Status
put_named(Script *script, const json_t *inputs, const char *name, FILE *out)
{
	size_t i, count = count_inputs(inputs, name);
	json_t *input;

	fputs(count > 1 ? "{ " : "", out);
	json_array_foreach((json_t *)inputs, i, input)
	{
		if (!input_is(input, name))
			continue;
		Status status = put_input(script, input, out);
		if (status < 0)
			return status;
		fputs(count > 1 ? "; " : "", out);
	}
	fputs(count > 1 ? "}" : "", out);
	return STATUS_OK;
}

/* The commands that make a side input go before the pipeline, into a file. */
static Status
put_file(Script *script, const json_t *inputs, const char *option, FILE *out)
{
	int number = ++script->file_count;
	char *command = NULL;
	size_t size;
	FILE *memory = open_memstream(&command, &size);
	if (!memory)
		return fail(STATUS_IO, "no memory for the script");
	Status status = put_named(script, inputs, option, memory);
	fclose(memory);
	if (status >= 0) {
		/* a model is written by -o of the last command of its pipeline, a stream to its stdout */
		bool is_model = !strcmp(option, "model");
		fprintf(script->files, is_model ? "%s --output=\"$files/%d\"\n" : "%s >\"$files/%d\"\n", command, number);
		fprintf(out, " --%s=\"$files/%d\"", option, number);
	}
	free(command);
	return status;
}

/* What fm-fetch has read from its standard input and kept no history of, or NULL. */
static const char *
unrecorded_input(const char *tool, const json_t *options)
{
	const char *source = json_string_value(json_object_get(options, "SOURCE"));
	const char *list = json_string_value(json_object_get(options, "files0-from"));

	if (strcmp(tool, "fm-fetch") != 0)
		return NULL;
	if (list && !strcmp(list, "-"))
		return "a file with the paths of the pictures, each ended by a NUL";
	if (!source || strcmp(source, "-") != 0)
		return NULL;
	return json_object_get(options, "webdataset") ? "a file with the shards, one after the other" :
							"a file with what fm-fetch has read from standard input";
}

/* What stands before the tool's own command: "… |\n". */
static Status
put_stdin(Script *script, const char *tool, const json_t *options, const json_t *inputs, FILE *out)
{
	size_t members = count_inputs(inputs, "member"), streams = count_inputs(inputs, "stdin");
	const char *asked = members + streams ? NULL : unrecorded_input(tool, options);
	if (asked) {
		ask_for(script, asked, "", out);
		fputs(" |\n", out);
	}
	if (!members && !streams)
		return STATUS_OK;
	if (streams > 1 || (streams && members))
		return fail(STATUS_INPUT, "the history has %zu inputs named stdin and %zu named member", streams, members);
	Status status = put_named(script, inputs, streams ? "stdin" : "member", out);
	if (status < 0)
		return status;
	fputs(" |\n", out);
	return STATUS_OK;
}

/* Streams and models that are read beside standard input. */
static const char *const side_inputs[][2] = { { "fm-train", "val" }, { "fm-predict", "model" } };

static bool
takes_input(const char *tool, const char *name)
{
	for (size_t i = 0; i < sizeof side_inputs / sizeof *side_inputs; i++)
		if (!strcmp(tool, side_inputs[i][0]) && !strcmp(name, side_inputs[i][1]))
			return true;
	return !strcmp(name, "member") || !strcmp(name, "stdin");
}

static Status
check_inputs(const char *tool, const json_t *inputs)
{
	size_t i, models = count_inputs(inputs, "model");
	json_t *input;
	json_array_foreach((json_t *)inputs, i, input)
	{
		const char *name = json_string_value(json_object_get(input, "name"));
		if (name && !takes_input(tool, name))
			return fail(STATUS_INPUT, "the history gives %s an input that it doesn't take: %.60s", tool, name);
	}
	if (models > 1)
		return fail(STATUS_INPUT, "%zu models made these predictions one after the other (SIGHUP); no script makes them again",
			    models);
	return STATUS_OK;
}

static Status
put_side_inputs(Script *script, const char *tool, const json_t *inputs, FILE *out)
{
	Status status = check_inputs(tool, inputs);
	for (size_t i = 0; i < sizeof side_inputs / sizeof *side_inputs && status >= 0; i++)
		if (!strcmp(tool, side_inputs[i][0]) && count_inputs(inputs, side_inputs[i][1]))
			status = put_file(script, inputs, side_inputs[i][1], out);
	return status;
}

static Status
put_entry(Script *script, const json_t *entry, FILE *out)
{
	const char *tool = json_string_value(json_object_get(entry, "tool"));
	const json_t *options = json_object_get(entry, "options"), *inputs = json_object_get(entry, "inputs");
	Status status = check_tool(tool);
	if (status < 0 || (status = put_stdin(script, tool, options, inputs, out)) < 0)
		return status;
	fputs(tool, out);
	if ((status = put_options(out, tool, options)) < 0 || (status = put_side_inputs(script, tool, inputs, out)) < 0)
		return status;
	return put_operands(out, tool, options);
}

static Status
put_history(Script *script, const json_t *history, FILE *out)
{
	if (json_array_size(history) != 1)
		return fail(STATUS_INPUT, "the history has %zu entries where 1 was expected", json_array_size(history));
	if (++script->depth > DEPTH_MOST)
		return fail(STATUS_INPUT, "the history nests deeper than %d", DEPTH_MOST);
	Status status = put_entry(script, json_array_get(history, 0), out);
	script->depth--;
	return status;
}

static void
put_script(FILE *out, const Script *script, const char *files, const char *pipeline, bool makes_model)
{
	fputs("#!/bin/sh\n# Makes it again; needs the fm-tools of the versions in its history.\n", out);
	fputs(makes_model ? "# usage: SCRIPT MODEL\nset -eu\n" : "# usage: SCRIPT >STREAM\nset -eu\n", out);
	if (makes_model)
		fputs(": \"${1:?the name of the model to write}\"\n", out);
	if (script->file_count)
		fputs("files=$(mktemp -d)\ntrap 'rm -rf \"$files\"' EXIT\n", out);
	fputs(files, out);
	fprintf(out, makes_model ? "%s --output=\"$1\"\n" : "%s\n", pipeline);
}

/* The pipelines of joined streams, a line each. */
static Status
put_inputs(Script *script, const json_t *inputs, FILE *out)
{
	size_t i;
	json_t *input;
	json_array_foreach((json_t *)inputs, i, input)
	{
		if (i)
			putc('\n', out);
		Status status = put_input(script, input, out);
		if (status < 0)
			return status;
	}
	return STATUS_OK;
}

/* @param history  of the whole, where inputs is NULL */
static Status
make_script(const json_t *history, const json_t *inputs, char **text)
{
	char *files = NULL, *pipeline = NULL;
	size_t size, pipeline_size, text_size;
	*text = NULL;
	Script script = { .files = open_memstream(&files, &size) };
	FILE *out = open_memstream(&pipeline, &pipeline_size), *whole = open_memstream(text, &text_size);
	Status status = STATUS_OK;
	if (!script.files || !out || !whole)
		status = fail(STATUS_IO, "no memory for the script");
	else
		status = inputs ? put_inputs(&script, inputs, out) : put_history(&script, history, out);
	if (script.files)
		fclose(script.files);
	if (out)
		fclose(out);
	if (status >= 0) {
		const char *tool = json_string_value(json_object_get(json_array_get(history, 0), "tool"));
		put_script(whole, &script, files, pipeline, tool && !strcmp(tool, "fm-train"));
	}
	if (whole)
		fclose(whole);
	free(files);
	free(pipeline);
	if (status < 0) {
		free(*text);
		*text = NULL;
	}
	return status;
}

Status
script_from_history(const json_t *history, char **text)
{
	return make_script(history, NULL, text);
}

Status
script_from_inputs(const json_t *inputs, char **text)
{
	if (json_array_size(inputs) < 2)
		return make_script(json_object_get(json_array_get(inputs, 0), "history"), NULL, text);
	return make_script(NULL, inputs, text);
}
