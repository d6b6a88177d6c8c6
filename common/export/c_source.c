/* c_source.c: weights as constants, one arena, one call a step.
 *
 * Values between steps lie in the arena by turns at its start and at its end, so it is as large as the largest two
 * neighbours; what can be done in place is. */
#include "export/c_source.h"

#include "export/c_kernels.h"
#include "memory.h"
#include "net/shape.h"
#include "version.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

char *
c_prefix(const char *target)
{
	const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target, *dot = strrchr(base, '.');
	size_t length = dot ? (size_t)(dot - base) : strlen(base);
	/* a name may neither begin with a digit nor, the library's privilege, with a line */
	bool is_letter = length && isalpha((unsigned char)base[0]);
	char *prefix = memory_zeroed(length + sizeof "net_", 1);

	strcpy(prefix, is_letter ? "" : "net_");
	for (size_t i = 0, at = strlen(prefix); i < length; i++, at++)
		prefix[at] = isalnum((unsigned char)base[i]) ? base[i] : '_';
	return prefix;
}

/* Is its output another place than its input? */
static bool
is_moving(const Step *step)
{
	LayerKind kind = step->layer->kind;

	return kind != LAYER_BN && kind != LAYER_RELU && kind != LAYER_SOFTMAX && kind != LAYER_DROPOUT;
}

static size_t
arena_floats(const Graph *graph)
{
	size_t most = shape_size(graph->model->net.input);

	for (size_t i = 0; i < graph->count; i++) {
		const Layer *layer = graph->steps[i].layer;
		size_t floats = shape_size(layer->in) + (is_moving(&graph->steps[i]) ? shape_size(layer->out) : 0);

		if (floats > most)
			most = floats;
	}
	return most;
}

size_t
c_arena_size(const Graph *graph)
{
	return arena_floats(graph) * sizeof(float);
}

/* The shortest of nine digits that read back, with the point that C's suffix wants. */
static void
write_float(FILE *file, float value)
{
	char text[32];

	snprintf(text, sizeof text, "%.9g", (double)value);
	fprintf(file, "%s%sf", text, text[strcspn(text, ".e")] ? "" : ".0");
}

static void
begin_array(FILE *file, const char *layer, const char *what, size_t count)
{
	fprintf(file, "static const float %s_%s[%zu] = {", layer, what, count);
}

static void
write_element(FILE *file, size_t i, float value)
{
	fputs(i % 8 ? " " : "\n\t", file);
	write_float(file, value);
	fputc(',', file);
}

static void
write_array(FILE *file, const char *layer, const char *what, size_t count, const float *values)
{
	begin_array(file, layer, what, count);
	for (size_t i = 0; i < count; i++)
		write_element(file, i, values[i]);
	fputs("\n};\n\n", file);
}

/* The model file's [out, in, kh, kw] as [out, kh, kw, in], where channels lie together as in pictures. */
static void
write_filters(FILE *file, const Layer *conv, const float *weight)
{
	size_t kernel = (size_t)conv->kernel_h * conv->kernel_w, channels = conv->in.c, count = layer_weight_count(conv);

	begin_array(file, conv->name, "weight", count);
	for (size_t i = 0; i < count; i++) {
		size_t c = i % channels, k = i / channels % kernel, o = i / channels / kernel;

		write_element(file, i, weight[(o * channels + c) * kernel + k]);
	}
	fputs("\n};\n\n", file);
}

static void
write_affine(FILE *file, const Step *bn)
{
	uint32_t channels = bn->layer->in.c;
	float *scale = memory_zeroed(channels, sizeof *scale), *shift = memory_zeroed(channels, sizeof *shift);

	step_affine(bn, scale, shift);
	write_array(file, bn->layer->name, "scale", channels, scale);
	write_array(file, bn->layer->name, "shift", channels, shift);
	free(scale);
	free(shift);
}

static void
write_window(FILE *file, const Layer *layer)
{
	fprintf(file, "static const Window %s = { %u, %u, %u, %u, %u, %u, %u, %u, %u, %u, %u };\n\n", layer->name, layer->in.h,
		layer->in.w, layer->in.c, layer->out.h, layer->out.w, layer->out.c, layer->kernel_h, layer->kernel_w,
		layer->stride, layer->pad_top, layer->pad_left);
}

static void
write_constants(FILE *file, const Step *step)
{
	const Layer *layer = step->layer;

	switch (layer->kind) {
	case LAYER_CONV:
		write_window(file, layer);
		write_filters(file, layer, step->weight);
		break;
	case LAYER_DENSE:
		write_array(file, layer->name, "weight", layer_weight_count(layer), step->weight);
		break;
	case LAYER_BN:
		write_affine(file, step);
		return;
	case LAYER_MAXPOOL:
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		write_window(file, layer);
		break;
	default:
		break;
	}
	if (step->bias)
		write_array(file, layer->name, "bias", layer->units, step->bias);
}

/* Where the values before and after a step lie, as floats into the arena. */
typedef struct Places {
	size_t arena, in, out;
	bool is_at_end;
} Places;

static void
move(Places *places, const Step *step)
{
	places->in = places->out;
	if (!is_moving(step))
		return;
	places->is_at_end = !places->is_at_end;
	places->out = places->is_at_end ? places->arena - shape_size(step->layer->out) : 0;
}

static void
write_call(FILE *file, const Step *step, const Places *places)
{
	const Layer *layer = step->layer;
	const char *name = layer->name;
	char bias[40] = "0";

	if (step->bias)
		snprintf(bias, sizeof bias, "%s_bias", name);
	switch (layer->kind) {
	case LAYER_CONV:
		fprintf(file, "\tconv(&%s, arena + %zu, %s_weight, %s, arena + %zu);\n", name, places->in, name, bias, places->out);
		break;
	case LAYER_DENSE:
		fprintf(file, "\tdense(%u, %u, arena + %zu, %s_weight, %s, arena + %zu);\n", layer->units, layer->in.c, places->in,
			name, bias, places->out);
		break;
	case LAYER_BN:
		fprintf(file, "\taffine(%zu, %u, arena + %zu, %s_scale, %s_shift);\n", (size_t)layer->in.h * layer->in.w,
			layer->in.c, places->in, name, name);
		break;
	case LAYER_RELU:
		fprintf(file, "\trelu(%zu, arena + %zu);\n", shape_size(layer->in), places->in);
		break;
	case LAYER_MAXPOOL:
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		fprintf(file, "\t%s(&%s, arena + %zu, arena + %zu);\n", layer->kind == LAYER_MAXPOOL ? "maxpool" : "avgpool", name,
			places->in, places->out);
		break;
	case LAYER_FLATTEN:
		fprintf(file, "\tflatten(%zu, %u, arena + %zu, arena + %zu);\n", (size_t)layer->in.h * layer->in.w, layer->in.c,
			places->in, places->out);
		break;
	case LAYER_DROPOUT:
	case LAYER_SOFTMAX:
		break;
	}
}

static void
write_predict(const Graph *graph, const char *prefix, FILE *file)
{
	const Net *net = &graph->model->net;
	Places places = { .arena = arena_floats(graph) };

	fprintf(file, "void\n%s_predict(const unsigned char *image, float *prob)\n{\n", prefix);
	fprintf(file, "\tfor (long i = 0; i < %zuL; i++)\n\t\tarena[i] = (float)image[i] * input_scale[i %% %u] + input_shift[i %% %u];\n",
		shape_size(net->input), net->input.c, net->input.c);
	for (size_t i = 0; i < graph->count; i++) {
		move(&places, &graph->steps[i]);
		write_call(file, &graph->steps[i], &places);
	}
	fprintf(file, "\tsoftmax(%u, arena + %zu, ", net->classes, places.out);
	write_float(file, (float)(1 / graph->temperature));
	fputs(", prob);\n}\n", file);
}

/* Text from outside as a C string: every byte that could end it, or mean something in it, in octal. */
static void
write_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\' || byte == '?')
			fprintf(file, "\\%03o", byte);
		else
			fputc(byte, file);
	}
	fputc('"', file);
}

static void
write_classes(const Model *model, const char *prefix, FILE *file)
{
	fprintf(file, "const char *const %s_classes[%u] = {\n", prefix, model->net.classes);
	for (uint32_t i = 0; i < model->net.classes; i++) {
		fputc('\t', file);
		write_string(file, model->classes[i]);
		fputs(",\n", file);
	}
	fputs("};\n\n", file);
}

static void
write_source(const Graph *graph, const char *prefix, const char *header, FILE *file)
{
	const Net *net = &graph->model->net;

	fprintf(file, "/* Made by fm-export %s from this net:\n * %s\n *\n", FM_VERSION, net->text);
	fprintf(file, " * Plain C99; of the library only expf. The arena below takes %zu bytes, the constants %zu. */\n",
		c_arena_size(graph), (net->param_count + net->bn_count) * sizeof(float));
	fprintf(file, "#include \"%s\"\n\n#include <math.h>\n\n", header);
	fprintf(file, "static float arena[%zu];\n\n", arena_floats(graph));
	write_classes(graph->model, prefix, file);
	write_array(file, "input", "scale", net->input.c, net->scale);
	write_array(file, "input", "shift", net->input.c, net->shift);
	c_kernels_write(graph, file);
	for (size_t i = 0; i < graph->count; i++)
		write_constants(file, &graph->steps[i]);
	write_predict(graph, prefix, file);
}

static void
write_header(const Graph *graph, const char *prefix, FILE *file)
{
	const Net *net = &graph->model->net;

	fprintf(file, "/* Made by fm-export %s. */\n#ifndef %s_NET_H\n#define %s_NET_H\n\n", FM_VERSION, prefix, prefix);
	fputs("#ifdef __cplusplus\nextern \"C\" {\n#endif\n\nenum {\n", file);
	fprintf(file, "\t%s_HEIGHT = %u, %s_WIDTH = %u, %s_CHANNELS = %u,\n", prefix, net->input.h, prefix, net->input.w, prefix,
		net->input.c);
	fprintf(file, "\t%s_CLASSES = %u\n};\n\n", prefix, net->classes);
	fprintf(file, "extern const char *const %s_classes[%u]; /* their names, UTF-8 */\n\n", prefix, net->classes);
	fprintf(file,
		"/**\n * Probabilities of a picture's classes. Uses an arena of %zu bytes that all calls share: one call at a time.\n *\n"
		" * @param image  [%u, %u, %u] height, width, channels: pixels 0..255\n * @param prob   out, [%u], sum 1\n */\n",
		c_arena_size(graph), net->input.h, net->input.w, net->input.c, net->classes);
	fprintf(file, "void %s_predict(const unsigned char *image, float *prob);\n\n", prefix);
	fputs("#ifdef __cplusplus\n}\n#endif\n\n#endif\n", file);
}

static FILE *
open_copy(int fd)
{
	int copy = dup(fd);

	return copy < 0 ? NULL : fdopen(copy, "w");
}

static Status
close_checked(FILE *file, const char *name)
{
	bool is_bad = ferror(file);

	return fclose(file) || is_bad ? fail_errno("%s", name) : STATUS_OK;
}

Status
c_header_write(const Graph *graph, const char *prefix, int fd, const char *name)
{
	FILE *file = open_copy(fd);

	if (!file)
		return fail_errno("%s", name);
	write_header(graph, prefix, file);
	return close_checked(file, name);
}

Status
c_source_write(const Graph *graph, const char *prefix, const char *header, int fd, const char *name)
{
	FILE *file = open_copy(fd);

	if (!file)
		return fail_errno("%s", name);
	write_source(graph, prefix, header, file);
	return close_checked(file, name);
}
