/* value.c: one parser and one printer for each kind of option. */
#include "cli/value.h"

#include "json/number.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
value_is_bounded(const Option *option)
{
	return option->least != 0 || option->most != 0;
}

bool
value_is_bounded_above(const Option *option)
{
	return value_is_bounded(option) && option->most >= option->least;
}

static void
range_words(const Option *option, char *words, size_t size)
{
	if (value_is_bounded_above(option))
		snprintf(words, size, " from %.15g to %.15g", option->least, option->most);
	else if (value_is_bounded(option))
		snprintf(words, size, ", at least %.15g", option->least);
	else
		words[0] = '\0';
}

static void
choice_words(const char *choices, char *words, size_t size)
{
	size_t used = (size_t)snprintf(words, size, "one of ");

	for (; *choices && used + 3 < size; choices++) {
		if (*choices == '|') {
			words[used++] = ',';
			words[used++] = ' ';
		} else {
			words[used++] = *choices;
		}
	}
	words[used] = '\0';
}

void
value_expectation(const Option *option, char *words, size_t size)
{
	char range[96];

	range_words(option, range, sizeof range);
	switch (option->kind) {
	case OPTION_COUNT:
		snprintf(words, size, "a whole number%s", range);
		break;
	case OPTION_REAL:
		snprintf(words, size, "a number%s%s", option->is_share ? " or a percentage" : "", range);
		break;
	case OPTION_SIZE:
		snprintf(words, size, "a size in bytes, such as 512M or 2G");
		break;
	case OPTION_CHOICE:
		choice_words(option->choices, words, size);
		break;
	default:
		snprintf(words, size, "%s", option->argument ? option->argument : "nothing");
	}
}

static bool
is_in_range(const Option *option, double value)
{
	if (!value_is_bounded(option))
		return true;
	return value >= option->least && (!value_is_bounded_above(option) || value <= option->most);
}

/* Digits alone: no sign, no space, no base. */
static bool
read_whole(const char *text, uint64_t *value, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	unsigned long long number = strtoull(text, &stop, 10);
	*value = number;
	*end = stop;
	return errno == 0;
}

static bool
read_count(const Option *option, const char *text)
{
	uint64_t value;
	const char *end;

	if (!read_whole(text, &value, &end) || *end || !is_in_range(option, (double)value))
		return false;
	*(uint64_t *)option->value = value;
	return true;
}

static bool
read_size(const Option *option, const char *text)
{
	static const char letters[] = "KMGT";
	uint64_t value;
	const char *end;
	int shift = 0;

	if (!read_whole(text, &value, &end))
		return false;
	if (*end) {
		const char *letter = strchr(letters, toupper((unsigned char)*end));
		if (!letter || end[1])
			return false;
		shift = 10 * (int)(letter - letters + 1);
	}
	if (value > UINT64_MAX >> shift || !is_in_range(option, (double)(value << shift)))
		return false;
	*(uint64_t *)option->value = value << shift;
	return true;
}

/* The programs never leave the C locale, so strtod wants a point whatever LC_ALL says. */
static bool
read_real(const Option *option, const char *text)
{
	char *end;

	if (text[strspn(text, "0123456789.eE+-%")] || !*text)
		return false;
	double value = strtod(text, &end);
	if (end == text || !isfinite(value))
		return false;
	if (option->is_share && *end == '%') {
		value /= 100;
		end++;
	}
	if (*end || !is_in_range(option, value))
		return false;
	*(double *)option->value = value;
	return true;
}

static bool
read_choice(const Option *option, const char *text)
{
	size_t length = strlen(text);

	for (const char *word = option->choices; word; word = strchr(word, '|')) {
		word += *word == '|';
		if (length && strcspn(word, "|") == length && !strncmp(word, text, length)) {
			*(const char **)option->value = text;
			return true;
		}
	}
	return false;
}

static bool
read_value(const Option *option, const char *text)
{
	switch (option->kind) {
	case OPTION_COUNT:
		return read_count(option, text);
	case OPTION_REAL:
		return read_real(option, text);
	case OPTION_SIZE:
		return read_size(option, text);
	case OPTION_CHOICE:
		return read_choice(option, text);
	default:
		*(const char **)option->value = text;
		return true;
	}
}

Status
value_read(const Option *option, const char *text)
{
	char words[512];
	const char *expected = option->kind == OPTION_PARSED ? option->parse(text) : NULL;

	if (!expected && read_value(option, text))
		return STATUS_OK;
	value_expectation(option, words, sizeof words);
	return fail(STATUS_USAGE, "--%s wants %s, not \"%s\"", option->name, expected ? expected : words, text);
}

char *
value_text(const Option *option)
{
	char number[32];

	switch (option->kind) {
	case OPTION_COUNT:
	case OPTION_SIZE:
		snprintf(number, sizeof number, "%llu", (unsigned long long)*(const uint64_t *)option->value);
		return strdup(number);
	case OPTION_REAL:
		return strdup(json_number(*(const double *)option->value, number));
	case OPTION_FLAG:
		return strdup(*(const bool *)option->value ? "true" : "false");
	default:
		return *(const char *const *)option->value ? strdup(*(const char *const *)option->value) : NULL;
	}
}
