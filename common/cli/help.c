/* help.c: words made from the option table. */
#include "cli/help.h"

#include "cli/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 79, HELP_COLUMN = 26 };

static void
usage_print(FILE *out, const Manual *manual)
{
	const char *line = manual->usage;

	fprintf(out, "%s - %s\n", manual->name, manual->summary);
	for (const char *start = "usage: "; *line; start = "       ") {
		int length = (int)strcspn(line, "\n");
		fprintf(out, "%s%.*s\n", start, length, line);
		line += length + (line[length] == '\n');
	}
}

void
help_short(FILE *out, const Manual *manual)
{
	usage_print(out, manual);
	fprintf(out, "Try '%s --help' or 'man %s'.\n", manual->name, manual->name);
}

/* Words from a column on, broken at spaces. */
static void
wrapped_print(FILE *out, const char *text, int column)
{
	int at = column;

	while (*text) {
		int length = (int)strcspn(text, " ");
		if (at > column && at + 1 + length > WIDTH) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		}
		at += fprintf(out, "%s%.*s", at > column ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* "1 to 65536", "at least 1", "" */
static void
range_text(const Option *option, char *text, size_t size)
{
	bool has_range = option->kind == OPTION_COUNT || option->kind == OPTION_REAL;

	text[0] = '\0';
	if (has_range && value_is_bounded_above(option))
		snprintf(text, size, "%.15g to %.15g", option->least, option->most);
	else if (has_range && value_is_bounded(option))
		snprintf(text, size, "at least %.15g", option->least);
}

/* "default 128", "" */
static void
default_text(const Option *option, char *text, size_t size)
{
	char *value = option->kind == OPTION_FLAG || option->kind == OPTION_OPERAND ? NULL : value_text(option);
	const char *shown = option->fallback ? option->fallback : value;

	text[0] = '\0';
	if (shown && *shown)
		snprintf(text, size, "default %s", shown);
	free(value);
}

static void
help_text(const Option *option, char *text, size_t size)
{
	char range[96], standard[256];

	range_text(option, range, sizeof range);
	default_text(option, standard, sizeof standard);
	if (*range || *standard)
		snprintf(text, size, "%s (%s%s%s)", option->help, range, *range && *standard ? "; " : "", standard);
	else
		snprintf(text, size, "%s", option->help);
}

/* In capitals, as in the usage and in a history. */
static int
operand_print(FILE *out, const Option *option)
{
	int at = fprintf(out, "  ");

	for (const char *letter = option->argument; *letter; letter++, at++)
		fputc(toupper((unsigned char)*letter), out);
	return at;
}

static int
head_print(FILE *out, const Option *option)
{
	const char *argument = option->kind == OPTION_CHOICE ? option->choices : option->argument;

	if (option->kind == OPTION_OPERAND)
		return operand_print(out, option);
	char letter[8] = "    ";
	if (option->letter)
		snprintf(letter, sizeof letter, "-%c, ", option->letter);
	return fprintf(out, "  %s--%s%s%s", letter, option->name, argument ? " " : "", argument ? argument : "");
}

static void
option_print(FILE *out, const Option *option)
{
	char text[1024];
	int at = head_print(out, option);

	if (at + 2 > HELP_COLUMN)
		fprintf(out, "\n%*s", HELP_COLUMN, "");
	else
		fprintf(out, "%*s", HELP_COLUMN - at, "");
	help_text(option, text, sizeof text);
	wrapped_print(out, text, HELP_COLUMN);
}

/* Those of the table that are, or are not, operands. */
static void
section_print(FILE *out, const char *title, const Option *options, bool operands)
{
	for (; options->kind != OPTION_END; options++) {
		if ((options->kind == OPTION_OPERAND) != operands)
			continue;
		if (title)
			fprintf(out, "\n%s\n", title);
		title = NULL;
		option_print(out, options);
	}
}

void
help_print(FILE *out, const Manual *manual, const Option *added)
{
	usage_print(out, manual);
	if (manual->note)
		fprintf(out, "\n%s\n", manual->note);
	section_print(out, "Operands:", manual->options, true);
	fprintf(out, "\nOptions:\n");
	section_print(out, NULL, manual->options, false);
	section_print(out, NULL, added, false);
}

static void
table_dump(FILE *out, const Option *options)
{
	for (; options->kind != OPTION_END; options++) {
		if (options->kind == OPTION_OPERAND)
			continue;
		fprintf(out, "%c\t%s\t%s\t%s\t%s\n", options->letter ? options->letter : '-', options->name,
			options->argument ? options->argument : "-", options->choices ? options->choices : "-",
			options->help);
	}
}

void
help_dump(FILE *out, const Manual *manual, const Option *added)
{
	table_dump(out, manual->options);
	table_dump(out, added);
}
