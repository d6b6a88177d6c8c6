/* stream/history.c: entries of fm.history. */
#include "stream/history.h"

#include "version.h"

#include <string.h>

json_t *
history_make(const char *tool, json_t *options, const char *seed, const char *backend, json_t *inputs)
{
	json_t *entry = json_pack("{s:s, s:s}", "tool", tool, "version", FM_VERSION);
	json_t *history = json_array();

	json_object_set_new(entry, "options", options ? options : json_object());
	if (seed)
		json_object_set_new(entry, "seed", json_string(seed));
	if (backend)
		json_object_set_new(entry, "backend", json_string(backend));
	if (inputs)
		json_object_set_new(entry, "inputs", inputs);
	json_array_append_new(history, entry);
	return history;
}

static bool
repeats(const json_t *entry)
{
	const char *tool = json_string_value(json_object_get(entry, "tool"));

	return tool && !strcmp(tool, "fm-augment") && json_object_get(json_object_get(entry, "options"), "epochs");
}

/* What has repeated it is the last that repeats anything; an earlier one's epochs are samples like others. */
void
history_forget_start(json_t *history)
{
	for (size_t i = 0; i < json_array_size(history); i++) {
		json_t *entry = json_array_get(history, i), *inputs = json_object_get(entry, "inputs");

		if (repeats(entry)) {
			json_object_del(json_object_get(entry, "options"), "start-epoch");
			continue;
		}
		for (size_t k = 0; k < json_array_size(inputs); k++)
			history_forget_start(json_object_get(json_array_get(inputs, k), "history"));
	}
}

/* An amount is text, "0" where there is none; a mirror is true or left out. */
static bool
is_given(const json_t *options, const char *name)
{
	const json_t *value = json_object_get(options, name);
	const char *text = json_string_value(value);

	return json_is_true(value) || (text && strcmp(text, "0") != 0);
}

static bool
has_chance(const json_t *entry)
{
	static const char *const names[] = { "rotation", "zoom", "shift", "shift-pixels", "shear", "shear-degrees", "flip",
					     "flip-alternate", "erase", "brightness", "contrast" };
	const char *tool = json_string_value(json_object_get(entry, "tool"));
	const json_t *options = json_object_get(entry, "options");

	for (size_t i = 0; tool && !strcmp(tool, "fm-augment") && i < sizeof names / sizeof *names; i++)
		if (is_given(options, names[i]))
			return true;
	return false;
}

/* Entries hold inputs, which hold a history, which holds entries: an array of either is looked through. */
bool
history_has_chance(const json_t *history)
{
	for (size_t i = 0; i < json_array_size(history); i++) {
		const json_t *item = json_array_get(history, i);

		if (has_chance(item) || history_has_chance(json_object_get(item, "inputs")) ||
		    history_has_chance(json_object_get(item, "history")))
			return true;
	}
	return false;
}
