/* c_source.c: weights as constants, one arena, one call a step. */
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

size_t
c_arena_size(const Arena *arena)
{
	return arena->floats * sizeof(float);
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

/* The model file's [out, in, kh, kw] as [out, kh, kw, in], where channels lie together as in pictures; a depthwise layer's
 * [c, 1, kh, kw] stays as it is. */
static void
write_filters(FILE *file, const Layer *conv, const float *weight)
{
	size_t kernel = (size_t)conv->kernel_h * conv->kernel_w, count = layer_weight_count(conv);
	size_t channels = count / conv->units / kernel;

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
	case LAYER_DEPTHWISE:
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

/* Where a step finds what it reads and puts what it makes, as floats into the arena. */
typedef struct Places {
	size_t in, other, out;
} Places;

static size_t
place_of(const Arena *arena, size_t step)
{
	return step == STEP_PIXELS ? arena->pixels : arena->places[step];
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
	case LAYER_DEPTHWISE:
		fprintf(file, "\t%s(&%s, arena + %zu, %s_weight, %s, arena + %zu);\n",
			layer->kind == LAYER_CONV ? "conv" : "depthwise", name, places->in, name, bias, places->out);
		break;
	case LAYER_DENSE:
		fprintf(file, "\tdense(%u, %u, arena + %zu, %s_weight, %s, arena + %zu);\n", layer->units, layer->in.c, places->in,
			name, bias, places->out);
		break;
	case LAYER_BN:
		fprintf(file, "\taffine(%zu, %u, arena + %zu, %s_scale, %s_shift);\n", (size_t)layer->in.h * layer->in.w,
			layer->in.c, places->out, name, name);
		break;
	case LAYER_RELU:
		fprintf(file, "\trelu(%zu, arena + %zu);\n", shape_size(layer->in), places->out);
		break;
	case LAYER_RESIDUAL:
		fprintf(file, "\tadd(%zu, arena + %zu, arena + %zu);\n", shape_size(layer->in), places->other, places->out);
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
write_step(FILE *file, const Graph *graph, const Arena *arena, size_t i)
{
	const Step *step = &graph->steps[i];
	const Places places = { place_of(arena, step->from), place_of(arena, step->other), place_of(arena, i) };

	/* what others still need is changed in a copy */
	if (step_works_in_place(step) && !arena->is_in_place[i])
		fprintf(file, "\tcopy(%zu, arena + %zu, arena + %zu);\n", shape_size(step->layer->in), places.in, places.out);
	write_call(file, step, &places);
}

static void
write_predict(const Graph *graph, const Arena *arena, const char *prefix, FILE *file)
{
	const Net *net = &graph->model->net;

	fprintf(file, "void\n%s_predict(const unsigned char *image, float *prob)\n{\n", prefix);
	fprintf(file, "\tfor (long i = 0; i < %zuL; i++)\n\t\tarena[%zu + i] = (float)image[i] * input_scale[i %% %u] + input_shift[i %% %u];\n",
		shape_size(net->input), arena->pixels, net->input.c, net->input.c);
	for (size_t i = 0; i < graph->count; i++)
		write_step(file, graph, arena, i);
	fprintf(file, "\tsoftmax(%u, arena + %zu, ", net->classes, place_of(arena, graph->end));
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
write_source(const Graph *graph, const Arena *arena, const char *prefix, const char *header, FILE *file)
{
	const Net *net = &graph->model->net;

	fprintf(file, "/* Made by fm-export %s from this net:\n * %s\n *\n", FM_VERSION, net->text);
	fprintf(file, " * Plain C99; of the library only expf. The arena below takes %zu bytes, the constants %zu. */\n",
		c_arena_size(arena), (net->param_count + net->bn_count) * sizeof(float));
	fprintf(file, "#include \"%s\"\n\n#include <math.h>\n\n", header);
	fprintf(file, "static float arena[%zu];\n\n", arena->floats);
	write_classes(graph->model, prefix, file);
	write_array(file, "input", "scale", net->input.c, net->scale);
	write_array(file, "input", "shift", net->input.c, net->shift);
	c_kernels_write(graph, arena, file);
	for (size_t i = 0; i < graph->count; i++)
		write_constants(file, &graph->steps[i]);
	write_predict(graph, arena, prefix, file);
}

static void
write_header(const Graph *graph, const Arena *arena, const char *prefix, FILE *file)
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
		c_arena_size(arena), net->input.h, net->input.w, net->input.c, net->classes);
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
c_header_write(const Graph *graph, const Arena *arena, const char *prefix, int fd, const char *name)
{
	FILE *file = open_copy(fd);

	if (!file)
		return fail_errno("%s", name);
	write_header(graph, arena, prefix, file);
	return close_checked(file, name);
}

Status
c_source_write(const Graph *graph, const Arena *arena, const char *prefix, const char *header, int fd, const char *name)
{
	FILE *file = open_copy(fd);

	if (!file)
		return fail_errno("%s", name);
	write_source(graph, arena, prefix, header, file);
	return close_checked(file, name);
}
