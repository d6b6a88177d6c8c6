/* picture/form.c: how pictures were made, as fm.input says it. */
#include "picture/fit.h"

#include <stdio.h>
#include <string.h>

static const char filter[] = "triangle", grey[] = "bt601";

void
form_describe(const Form *form, json_t *input)
{
	char background[8];

	snprintf(background, sizeof background, "%02x%02x%02x", form->background[0], form->background[1], form->background[2]);
	json_object_set_new(input, "fit", json_string(fit_name(form->fit)));
	json_object_set_new(input, "filter", json_string(filter));
	json_object_set_new(input, "grey", json_string(grey));
	json_object_set_new(input, "background", json_string(background));
}

/* A side or a number of channels. */
static Status
read_number(const json_t *input, const char *key, uint32_t *number, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(input, key));

	if (value < 1 || value > 1024)
		return fail(STATUS_INPUT, "%s: its fm.input has no sensible \"%s\"", name, key);
	*number = (uint32_t)value;
	return STATUS_OK;
}

/* This program has one filter and one grey: what was made otherwise it can't make. */
static Status
check_word(const json_t *input, const char *key, const char *ours, const char *name)
{
	const char *word = json_string_value(json_object_get(input, key));

	if (!word || !strcmp(word, ours))
		return STATUS_OK;
	return fail(STATUS_INPUT, "%s: its pictures were made with the %s \"%s\"; this version knows only \"%s\"", name, key, word,
		    ours);
}

Status
form_read(Form *form, const json_t *input, const char *name)
{
	const char *fit = json_string_value(json_object_get(input, "fit"));
	const char *background = json_string_value(json_object_get(input, "background"));
	Status status = read_number(input, "h", &form->height, name);

	if (status >= 0)
		status = read_number(input, "w", &form->width, name);
	if (status >= 0)
		status = read_number(input, "c", &form->channels, name);
	if (status >= 0)
		status = check_word(input, "filter", filter, name);
	if (status >= 0)
		status = check_word(input, "grey", grey, name);
	if (status < 0)
		return status;
	if (fit && (form->fit = fit_of_name(fit)) == FIT_COUNT)
		return fail(STATUS_INPUT, "%s: its pictures were made to fit by \"%s\"; this version knows pad, crop and stretch",
			    name, fit);
	if (background && !background_parse(background, form->background))
		return fail(STATUS_INPUT, "%s: its background \"%s\" is no colour; expected six hexadecimal digits", name, background);
	return STATUS_OK;
}
