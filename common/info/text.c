/* The description of describe.h as text for people. */
#include "info/describe.h"
#include "json/canonical.h"

#include <stdlib.h>
#include <string.h>

/* Text from outside: control bytes would reach the terminal. */
static void
put_visible(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\x%02x", *c);
		else
			putc(*c, out);
}

static void
put_text(FILE *out, const char *label, const json_t *value)
{
	if (!value)
		return;
	fprintf(out, "%-16s", label);
	if (json_is_string(value)) {
		put_visible(out, json_string_value(value));
	} else {
		char *text = json_canonical(value, NULL);
		put_visible(out, text ? text : "?");
		free(text);
	}
	putc('\n', out);
}

static void
put_shape(FILE *out, const json_t *shape, const char *before)
{
	size_t i;
	json_t *side;
	const char *between = before;
	json_array_foreach((json_t *)shape, i, side)
	{
		fprintf(out, "%s%" JSON_INTEGER_FORMAT, between, json_integer_value(side));
		between = ", ";
	}
}

static void
put_tensors(FILE *out, const json_t *tensors)
{
	size_t i;
	json_t *tensor;
	json_array_foreach((json_t *)tensors, i, tensor)
	{
		fprintf(out, "%-16s", i ? "" : "tensors");
		put_visible(out, json_string_value(json_object_get(tensor, "name")));
		fprintf(out, " %s [n", json_string_value(json_object_get(tensor, "dtype")));
		put_shape(out, json_object_get(tensor, "row_shape"), ", ");
		fputs("]\n", out);
	}
}

static void
put_classes(FILE *out, const json_t *classes)
{
	size_t i;
	json_t *class;
	fprintf(out, "%-16s%zu\n", "classes", json_array_size(classes));
	json_array_foreach((json_t *)classes, i, class)
	{
		const json_t *samples = json_object_get(class, "samples");
		fprintf(out, "%6zu  ", i);
		put_visible(out, json_string_value(samples ? json_object_get(class, "name") : class));
		if (samples)
			fprintf(out, "  %" JSON_INTEGER_FORMAT, json_integer_value(samples));
		putc('\n', out);
	}
}

static void
put_layers(FILE *out, const json_t *description)
{
	size_t i;
	json_t *layer;
	fprintf(out, "\n%-12s %-28s %-16s %12s\n", "layer", "type", "output shape", "parameters");
	json_array_foreach(json_object_get(description, "layers"), i, layer)
	{
		char shape[48] = "";
		FILE *text = fmemopen(shape, sizeof shape, "w");
		if (text) {
			put_shape(text, json_object_get(layer, "output_shape"), "");
			fclose(text);
		}
		fprintf(out, "%-12s %-28s %-16s %12" JSON_INTEGER_FORMAT "\n",
			json_string_value(json_object_get(layer, "name")),
			json_string_value(json_object_get(layer, "type")), shape,
			json_integer_value(json_object_get(layer, "parameters")));
	}
	fprintf(out,
		"parameters: %" JSON_INTEGER_FORMAT " (trainable %" JSON_INTEGER_FORMAT ", not trainable %" JSON_INTEGER_FORMAT
		")\n\n",
		json_integer_value(json_object_get(description, "parameters")),
		json_integer_value(json_object_get(description, "trainable")),
		json_integer_value(json_object_get(description, "non_trainable")));
}

/* One line a tool, the newest first, inputs indented below it. */
static void
put_history(FILE *out, const json_t *history, int depth)
{
	size_t i, k;
	json_t *entry, *input;
	json_array_foreach((json_t *)history, i, entry)
	{
		const char *tool = json_string_value(json_object_get(entry, "tool"));
		const json_t *given = json_object_get(entry, "options");
		char *options = given ? json_canonical(given, NULL) : NULL;
		fprintf(out, "%*s", 2 + 2 * depth, "");
		put_visible(out, tool ? tool : "?");
		putc(' ', out);
		put_visible(out, options ? options : "");
		putc('\n', out);
		free(options);
		json_array_foreach(json_object_get(entry, "inputs"), k, input)
			if (depth < 64)
				put_history(out, json_object_get(input, "history"), depth + 1);
	}
}

/* That of the whole, or one after the other those of joined streams. */
static void
put_histories(FILE *out, const json_t *description)
{
	const json_t *history = json_object_get(description, "history");
	size_t i;
	json_t *member;
	if (json_array_size(history)) {
		fputs("history\n", out);
		put_history(out, history, 0);
	}
	json_array_foreach(json_object_get(description, "members"), i, member)
	{
		fprintf(out, "history of joined stream %zu, of %" JSON_INTEGER_FORMAT " samples\n", i + 1,
			json_integer_value(json_object_get(member, "samples")));
		put_history(out, json_object_get(member, "history"), 0);
	}
}

void
describe_print(const json_t *description, FILE *out)
{
	static const char *const lines[] = { "kind", "records", "samples", "holdout_samples", "unlabelled", "epochs",
					     "epoch_samples", "form", "fill", "data_samples", "architecture", "input", "views", "content", NULL };
	for (const char *const *name = lines; *name; name++)
		put_text(out, *name, json_object_get(description, *name));
	if (json_object_get(description, "tensors"))
		put_tensors(out, json_object_get(description, "tensors"));
	put_classes(out, json_object_get(description, "classes"));
	if (json_object_get(description, "layers"))
		put_layers(out, description);
	put_text(out, "scores", json_object_get(description, "scores"));
	put_text(out, "calibration", json_object_get(description, "calibration"));
	put_histories(out, description);
}
