/* provenance.c: the options that change a result, for a stream's or a model's history. */
#include "cli/options.h"
#include "cli/value.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An operand stands under its upper-case name, so that it can't be taken for an option. */
static void
key_of(const Option *option, char *key, size_t size)
{
	snprintf(key, size, "%s", option->name);
	if (option->kind == OPTION_OPERAND)
		for (; *key; key++)
			*key = (char)toupper((unsigned char)*key);
}

static json_t *
value_of(const Option *option)
{
	char *text = value_text(option);
	json_t *value = NULL;

	if (option->kind == OPTION_FLAG)
		value = *(const bool *)option->value ? json_true() : NULL;
	else if (text && !(option->kind == OPTION_OPERAND && !*text))
		value = json_string(text);
	/* a file's name may be any bytes, JSON may not */
	if (!value && text && *text && option->kind != OPTION_FLAG)
		value = json_string("?");
	free(text);
	return value;
}

json_t *
cli_options(void)
{
	json_t *options = json_object();
	char key[64];

	for (const Option *option = cli_manual()->options; option->kind != OPTION_END; option++) {
		json_t *value = option->is_manner ? NULL : value_of(option);

		key_of(option, key, sizeof key);
		if (value)
			json_object_set_new(options, key, value);
	}
	return options;
}
