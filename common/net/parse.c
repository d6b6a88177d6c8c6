/* parse.c: the words of one layer. */
#include "net/parse.h"
#include "json/number.h"
#include "net/net.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MOST = 8 };

/* One layer's words, cut out of a copy of the text. */
typedef struct Words {
	size_t count;
	char *word[WORDS_MOST];
	const char *label; /* for messages: "conv2" */
} Words;

typedef struct Kind {
	LayerKind kind;
	const char *word;   /* in the text */
	const char *prefix; /* of tensor names; PyTorch users expect fc */
	const char *form;   /* for messages */
	Status (*parse)(const Words *words, uint32_t classes, Layer *layer);
} Kind;

static Status parse_conv(const Words *words, uint32_t classes, Layer *layer);
static Status parse_dense(const Words *words, uint32_t classes, Layer *layer);
static Status parse_pool(const Words *words, uint32_t classes, Layer *layer);
static Status parse_dropout(const Words *words, uint32_t classes, Layer *layer);
static Status parse_bare(const Words *words, uint32_t classes, Layer *layer);
static Status parse_depthwise(const Words *words, uint32_t classes, Layer *layer);
static Status parse_residual(const Words *words, uint32_t classes, Layer *layer);

/* In LayerKind's order. */
static const Kind kinds[] = {
	{ LAYER_CONV, "conv", "conv", "conv N HxW [stride S] [same|valid] [nobias]", parse_conv },
	{ LAYER_BN, "bn", "bn", "bn", parse_bare },
	{ LAYER_RELU, "relu", "relu", "relu", parse_bare },
	{ LAYER_MAXPOOL, "maxpool", "maxpool", "maxpool N [stride S]", parse_pool },
	{ LAYER_AVGPOOL, "avgpool", "avgpool", "avgpool N [stride S]", parse_pool },
	{ LAYER_GLOBALAVGPOOL, "globalavgpool", "globalavgpool", "globalavgpool", parse_bare },
	{ LAYER_FLATTEN, "flatten", "flatten", "flatten", parse_bare },
	{ LAYER_DENSE, "dense", "fc", "dense N|classes [nobias]", parse_dense },
	{ LAYER_DROPOUT, "dropout", "dropout", "dropout R", parse_dropout },
	{ LAYER_SOFTMAX, "softmax", "softmax", "softmax", parse_bare },
	{ LAYER_DEPTHWISE, "depthwise", "depthwise", "depthwise HxW [stride S] [same|valid] [nobias]", parse_depthwise },
	{ LAYER_RESIDUAL, RESIDUAL_WORD, RESIDUAL_WORD, RESIDUAL_WORD "(A | B)", parse_residual },
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };
_Static_assert((int)KIND_COUNT == (int)LAYER_KINDS, "a word for every kind");

static Status
unexpected(const Words *words, size_t i, const Kind *kind)
{
	if (i >= words->count)
		return fail(STATUS_USAGE, "%s: too few words; expected %s", words->label, kind->form);
	return fail(STATUS_USAGE, "%s: unexpected \"%s\"; expected %s", words->label, words->word[i], kind->form);
}

/* Digits alone, least <= value <= most. @return the first byte after them, or NULL */
static const char *
read_count(const char *text, uint32_t least, uint32_t most, uint32_t *value)
{
	uint64_t sum = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9' && sum <= most; c++)
		sum = sum * 10 + (uint64_t)(*c - '0');
	if (c == text || sum < least || sum > most)
		return NULL;
	*value = (uint32_t)sum;
	return c;
}

static Status
parse_count(const Words *words, size_t i, const Kind *kind, uint32_t most, uint32_t *value)
{
	const char *end;

	if (i >= words->count)
		return unexpected(words, i, kind);
	end = read_count(words->word[i], 1, most, value);
	if (!end || *end)
		return fail(STATUS_USAGE, "%s: \"%s\" is not a whole number from 1 to %u; expected %s", words->label,
			    words->word[i], most, kind->form);
	return STATUS_OK;
}

/* The options of conv, depthwise and dense, in any order, each once. */
static Status
parse_options(const Words *words, size_t first, const Kind *kind, Layer *layer)
{
	bool has_stride = false, has_padding = false, has_nobias = false, has_window = layer->kind != LAYER_DENSE;

	for (size_t i = first; i < words->count; i++) {
		const char *word = words->word[i];
		bool is_padding = !strcmp(word, "same") || !strcmp(word, "valid");

		if (has_window && !strcmp(word, "stride") && !has_stride) {
			Status status = parse_count(words, ++i, kind, NET_SIDE_MOST, &layer->stride);
			if (status)
				return status;
			has_stride = true;
		} else if (has_window && is_padding && !has_padding) {
			layer->is_same = !strcmp(word, "same");
			has_padding = true;
		} else if (!strcmp(word, "nobias") && !has_nobias) {
			layer->bias = NO_TENSOR;
			has_nobias = true;
		} else {
			return unexpected(words, i, kind);
		}
	}
	return STATUS_OK;
}

/* "3x5", then options */
static Status
parse_window(const Words *words, size_t i, Layer *layer)
{
	const Kind *kind = &kinds[layer->kind];
	const char *end;

	layer->stride = 1;
	layer->bias = 0;
	if (words->count <= i)
		return unexpected(words, i, kind);
	end = read_count(words->word[i], 1, NET_SIDE_MOST, &layer->kernel_h);
	end = end && *end == 'x' ? read_count(end + 1, 1, NET_SIDE_MOST, &layer->kernel_w) : NULL;
	if (!end || *end)
		return fail(STATUS_USAGE, "%s: \"%s\" is not a kernel such as 3x3, sides from 1 to %d; expected %s",
			    words->label, words->word[i], NET_SIDE_MOST, kind->form);
	return parse_options(words, i + 1, kind, layer);
}

static Status
parse_conv(const Words *words, uint32_t classes, Layer *layer)
{
	Status status = parse_count(words, 1, &kinds[LAYER_CONV], NET_UNITS_MOST, &layer->units);

	(void)classes;
	return status ? status : parse_window(words, 2, layer);
}

static Status
parse_depthwise(const Words *words, uint32_t classes, Layer *layer)
{
	(void)classes;
	return parse_window(words, 1, layer);
}

/* Its parentheses are not words: without them there is none. */
static Status
parse_residual(const Words *words, uint32_t classes, Layer *layer)
{
	(void)classes;
	return words->count == 1 ? STATUS_OK : unexpected(words, 1, &kinds[layer->kind]);
}

static Status
parse_dense(const Words *words, uint32_t classes, Layer *layer)
{
	const Kind *kind = &kinds[LAYER_DENSE];
	Status status;

	layer->bias = 0;
	if (words->count > 1 && !strcmp(words->word[1], "classes")) {
		layer->units = classes;
	} else {
		status = parse_count(words, 1, kind, NET_UNITS_MOST, &layer->units);
		if (status)
			return status;
	}
	return parse_options(words, 2, kind, layer);
}

static Status
parse_pool(const Words *words, uint32_t classes, Layer *layer)
{
	const Kind *kind = &kinds[layer->kind];
	Status status = parse_count(words, 1, kind, NET_SIDE_MOST, &layer->kernel_h);

	(void)classes;
	if (status)
		return status;
	layer->kernel_w = layer->stride = layer->kernel_h;
	if (words->count == 2)
		return STATUS_OK;
	if (strcmp(words->word[2], "stride") != 0 || words->count > 4)
		return unexpected(words, words->count > 4 ? 4 : 2, kind);
	return parse_count(words, 3, kind, NET_SIDE_MOST, &layer->stride);
}

/* As strtod where a point is a point, whatever the locale says. */
static double
read_real(const char *text, char **end)
{
	locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	locale_t before = uselocale(plain);
	double value = strtod(text, end);

	uselocale(before);
	freelocale(plain);
	return value;
}

static Status
parse_dropout(const Words *words, uint32_t classes, Layer *layer)
{
	const Kind *kind = &kinds[LAYER_DROPOUT];
	char *end;

	(void)classes;
	if (words->count != 2)
		return unexpected(words, words->count < 2 ? 1 : 2, kind);
	/* strtod also takes signs, hexadecimal numbers, inf and nan */
	const size_t plain = strspn(words->word[1], "0123456789.eE-+");
	layer->rate = read_real(words->word[1], &end);
	if (*end || words->word[1][plain] || strchr("+-", *words->word[1]) || !(layer->rate >= 0 && layer->rate < 1))
		return fail(STATUS_USAGE, "%s: \"%s\" is not a rate from 0 up to, not including, 1; expected %s",
			    words->label, words->word[1], kind->form);
	return STATUS_OK;
}

static Status
parse_bare(const Words *words, uint32_t classes, Layer *layer)
{
	(void)classes;
	return words->count == 1 ? STATUS_OK : unexpected(words, 1, &kinds[layer->kind]);
}

static const Kind *
find_kind(const char *word)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (!strcmp(kinds[i].word, word))
			return &kinds[i];
	return NULL;
}

/* Cut a layer's text into words, in place. */
static Status
split_words(char *text, size_t number, Words *words)
{
	char *rest = NULL;

	words->count = 0;
	for (char *word = strtok_r(text, " \t\r\n", &rest); word; word = strtok_r(NULL, " \t\r\n", &rest)) {
		if (words->count == WORDS_MOST)
			return fail(STATUS_USAGE, "layer %zu of the architecture: too many words after \"%s\"", number,
				    words->word[0]);
		words->word[words->count++] = word;
	}
	if (!words->count)
		return fail(STATUS_USAGE, "layer %zu of the architecture is empty; layers are separated by one comma",
			    number);
	return STATUS_OK;
}

/* A single word at the beginning was perhaps meant as a preset's name. */
static Status
unknown_layer(const Words *words, size_t number)
{
	const bool is_name = number == 1 && words->count == 1;
	char presets[256] = "";
	size_t used = 0;

	for (const char *const *name = preset_names(); is_name && *name && used < sizeof presets; name++)
		used += (size_t)snprintf(presets + used, sizeof presets - used, "%s%s", used ? ", " : "; presets: ", *name);
	return fail(STATUS_USAGE,
		    "layer %zu of the architecture: unknown layer%s \"%s\"; there are conv, depthwise, bn, relu, "
		    "maxpool, avgpool, globalavgpool, flatten, dense, dropout, softmax and residual(A | B)%s",
		    number, is_name ? " or preset" : "", words->word[0], presets);
}

Status
layer_parse(char *text, size_t number, uint32_t classes, uint32_t *ordinals, Layer *layer)
{
	Words words = { 0 };
	const Kind *kind;
	Status status = split_words(text, number, &words);

	if (status)
		return status;
	kind = find_kind(words.word[0]);
	if (!kind)
		return unknown_layer(&words, number);
	*layer = (Layer){ .kind = kind->kind,
			  .weight = NO_TENSOR,
			  .bias = NO_TENSOR,
			  .mean = NO_TENSOR,
			  .variance = NO_TENSOR };
	snprintf(layer->name, sizeof layer->name, "%s%u", kind->prefix, ++ordinals[kind->kind]);
	words.label = layer->name;
	return kind->parse(&words, classes, layer);
}

char *
layer_text(const Layer *layer, char text[static LAYER_TEXT_MOST])
{
	const char *word = kinds[layer->kind].word, *nobias = layer->bias == NO_TENSOR ? " nobias" : "";
	char rate[32];

	switch (layer->kind) {
	case LAYER_CONV:
		snprintf(text, LAYER_TEXT_MOST, "%s %u %ux%u stride %u %s%s", word, layer->units, layer->kernel_h,
			 layer->kernel_w, layer->stride, layer->is_same ? "same" : "valid", nobias);
		break;
	case LAYER_DEPTHWISE:
		snprintf(text, LAYER_TEXT_MOST, "%s %ux%u stride %u %s%s", word, layer->kernel_h, layer->kernel_w,
			 layer->stride, layer->is_same ? "same" : "valid", nobias);
		break;
	case LAYER_DENSE:
		snprintf(text, LAYER_TEXT_MOST, "%s %u%s", word, layer->units, nobias);
		break;
	case LAYER_MAXPOOL:
	case LAYER_AVGPOOL:
		snprintf(text, LAYER_TEXT_MOST, "%s %u stride %u", word, layer->kernel_h, layer->stride);
		break;
	case LAYER_DROPOUT:
		snprintf(text, LAYER_TEXT_MOST, "%s %s", word, json_number(layer->rate, rate));
		break;
	case LAYER_RESIDUAL:
		snprintf(text, LAYER_TEXT_MOST, "%s", kinds[LAYER_RESIDUAL].form);
		break;
	default:
		snprintf(text, LAYER_TEXT_MOST, "%s", word);
	}
	return text;
}
