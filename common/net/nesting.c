/* nesting.c: the architecture language above the single layer: commas, and residual(A | B). */
#include "net/parse.h"

#include <stdlib.h>
#include <string.h>

/* Where reading is. */
typedef struct Parser {
	const char *at;
	uint32_t classes;
	Layer *layers;
	size_t count, room;
	size_t number;	 /* of the layer being read, from 1, as a person counts: a residual comes before what is in it */
	size_t last;	 /* the layer whose output the next one reads, or FROM_PIXELS */
	uint32_t nesting;
	uint32_t ordinals[LAYER_KINDS];
} Parser;

static Status parse_sequence(Parser *parser);

static Status
make_room(Parser *parser)
{
	size_t room = parser->room ? 2 * parser->room : 32;
	Layer *layers;

	if (parser->count == NET_LAYERS_MOST)
		return fail(STATUS_USAGE, "the architecture has more than %d layers", NET_LAYERS_MOST);
	if (parser->count < parser->room)
		return STATUS_OK;
	layers = realloc(parser->layers, room * sizeof *layers);
	if (!layers)
		return fail_errno("no memory for an architecture of %zu layers", room);
	parser->layers = layers;
	parser->room = room;
	return STATUS_OK;
}

static Status
append(Parser *parser, const Layer *layer)
{
	Status status = make_room(parser);

	if (status)
		return status;
	parser->layers[parser->count] = *layer;
	parser->last = parser->count++;
	return STATUS_OK;
}

static void
skip_blanks(Parser *parser)
{
	parser->at += strspn(parser->at, " \t\r\n");
}

/* The words up to the next sign, as a layer that is not yet among the others. */
static Status
parse_words(Parser *parser, size_t length, Layer *layer)
{
	char *text = strndup(parser->at, length);
	Status status;

	if (!text)
		return fail_errno("no memory for an architecture");
	parser->at += length;
	status = layer_parse(text, ++parser->number, parser->classes, parser->ordinals, layer);
	free(text);
	return status;
}

static Status
expected(const Parser *parser, const Layer *residual, const char *what)
{
	return fail(STATUS_USAGE, "%s: expected %s, found %s%.20s%s; a residual is written residual(A | B)", residual->name,
		    what, *parser->at ? "\"" : "the end", parser->at, *parser->at ? "\"" : "");
}

/* A, up to the line; it may not be empty, B may. */
static Status
parse_first(Parser *parser, const Layer *residual)
{
	parser->at++;
	skip_blanks(parser);
	if (strchr("|)", *parser->at)) /* or the text's end */
		return fail(STATUS_USAGE, "%s: nothing stands before the line; a residual is written residual(A | B), and "
			    "B alone may be empty", residual->name);
	Status status = parse_sequence(parser);
	if (!status && *parser->at != '|')
		status = expected(parser, residual, "\"|\"");
	return status;
}

static Status
parse_second(Parser *parser, const Layer *residual)
{
	parser->at++;
	skip_blanks(parser);
	Status status = strchr(")", *parser->at) ? STATUS_OK : parse_sequence(parser); /* or the text's end */
	if (!status && *parser->at != ')')
		status = expected(parser, residual, "\")\"");
	return status;
}

/* after the parenthesis there are only blanks up to the next sign */
static Status
parse_close(Parser *parser, const Layer *residual)
{
	parser->at++;
	skip_blanks(parser);
	return !*parser->at || strchr(",|)", *parser->at) ? STATUS_OK : expected(parser, residual, "a comma");
}

static Status
parse_branches(Parser *parser, Layer *residual)
{
	size_t fork = parser->last;
	Status status;

	if (residual->kind != LAYER_RESIDUAL)
		return fail(STATUS_USAGE, "%s: unexpected \"(\"; only residual(A | B) has parentheses", residual->name);
	if (++parser->nesting > NET_NESTING_MOST)
		return fail(STATUS_USAGE, "%s: residuals are nested more than %d deep", residual->name, NET_NESTING_MOST);
	residual->first = parser->count;
	status = parse_first(parser, residual);
	residual->from = parser->last;
	residual->second = parser->count;
	parser->last = fork;
	if (!status)
		status = parse_second(parser, residual);
	residual->other = parser->last;
	parser->nesting--;
	return status ? status : parse_close(parser, residual);
}

/* One layer, or a residual with everything in it. */
static Status
parse_item(Parser *parser)
{
	Layer layer;
	Status status = parse_words(parser, strcspn(parser->at, ",()|"), &layer);

	if (status)
		return status;
	layer.from = parser->last;
	if (*parser->at == '(')
		status = parse_branches(parser, &layer);
	else if (layer.kind == LAYER_RESIDUAL)
		status = expected(parser, &layer, "\"(\"");
	return status ? status : append(parser, &layer);
}

/* Layers separated by commas, up to the end, a line or a closing parenthesis, which stays. */
static Status
parse_sequence(Parser *parser)
{
	Status status = parse_item(parser);

	while (!status && *parser->at == ',') {
		parser->at++;
		status = parse_item(parser);
	}
	return status;
}

Status
layers_parse(const char *text, uint32_t classes, Layer **layers, size_t *count)
{
	Parser parser = { .at = text, .classes = classes, .last = FROM_PIXELS };
	Status status;

	if (strlen(text) > NET_TEXT_MOST)
		return fail(STATUS_USAGE, "the architecture text has %zu bytes; at most %d are read", strlen(text),
			    NET_TEXT_MOST);
	status = parse_sequence(&parser);
	if (!status && *parser.at)
		status = fail(STATUS_USAGE, "after layer %zu of the architecture: unexpected \"%c\"; only residual(A | B) has "
			      "lines and parentheses", parser.number, *parser.at);
	if (status) {
		free(parser.layers);
		return status;
	}
	*layers = parser.layers;
	*count = parser.count;
	return STATUS_OK;
}

/* ---- and back ---- */

/* Layers begin <= i < end, one sequence. @return the text's new end */
static char *
write_sequence(const Layer *layers, size_t begin, size_t end, char *text)
{
	const Layer *last;
	size_t last_begin;

	*text = '\0';
	if (end == begin)
		return text;
	last = &layers[end - 1];
	last_begin = last->kind == LAYER_RESIDUAL ? last->first : end - 1;
	if (last_begin > begin)
		text = stpcpy(write_sequence(layers, begin, last_begin, text), ", ");
	if (last->kind != LAYER_RESIDUAL)
		return text + strlen(layer_text(last, text));
	text = stpcpy(text, RESIDUAL_WORD "(");
	text = stpcpy(write_sequence(layers, last->first, last->second, text), " | ");
	return stpcpy(write_sequence(layers, last->second, end - 1, text), ")");
}

char *
layers_text(const Layer *layers, size_t count)
{
	char *text = malloc(count * (LAYER_TEXT_MOST + sizeof RESIDUAL_WORD) + 1);

	if (text)
		write_sequence(layers, 0, count, text);
	return text;
}
