/* json/canonical.c: one text for equal values. */
#include "json/canonical.h"

#include "json/number.h"
#include "memory.h"

#include <stdio.h>

typedef struct Text {
	char *bytes;
	size_t length, capacity;
} Text;

static void
append(Text *text, const char *bytes, size_t length)
{
	if (text->capacity - text->length <= length) {
		text->capacity = (text->length + length + 64) * 2;
		text->bytes = memory_grow(text->bytes, text->capacity, 1);
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

static void
append_string(Text *text, const char *string, size_t length)
{
	size_t begin = 0;

	append(text, "\"", 1);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)string[i];
		char escape[8];

		if (byte >= ' ' && byte != '"' && byte != '\\')
			continue;
		append(text, string + begin, i - begin);
		begin = i + 1;
		snprintf(escape, sizeof escape, byte < ' ' ? "\\u%04x" : "\\%c", byte);
		append(text, escape, strlen(escape));
	}
	append(text, string + begin, length - begin);
	append(text, "\"", 1);
}

static void append_value(Text *text, const json_t *value);

static void
append_object(Text *text, const json_t *object)
{
	json_t *members = (json_t *)object; /* jansson's iterators know no const */
	const char *before = "{";

	for (void *i = json_object_iter(members); i; i = json_object_iter_next(members, i)) {
		const char *key = json_object_iter_key(i);

		append(text, before, 1);
		append_string(text, key, strlen(key));
		append(text, ":", 1);
		append_value(text, json_object_iter_value(i));
		before = ",";
	}
	if (*before == '{')
		append(text, before, 1);
	append(text, "}", 1);
}

static void
append_array(Text *text, const json_t *array)
{
	append(text, "[", 1);
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i)
			append(text, ",", 1);
		append_value(text, json_array_get(array, i));
	}
	append(text, "]", 1);
}

static void
append_value(Text *text, const json_t *value)
{
	char number[32];

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		append_object(text, value);
		return;
	case JSON_ARRAY:
		append_array(text, value);
		return;
	case JSON_STRING:
		append_string(text, json_string_value(value), json_string_length(value));
		return;
	case JSON_INTEGER:
		snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		append(text, number, strlen(number));
		return;
	case JSON_REAL:
		json_number(json_real_value(value), number);
		append(text, number, strlen(number));
		return;
	case JSON_TRUE:
		append(text, "true", 4);
		return;
	case JSON_FALSE:
		append(text, "false", 5);
		return;
	case JSON_NULL:
		append(text, "null", 4);
	}
}

char *
json_canonical(const json_t *value, size_t *length)
{
	Text text = { 0 };

	append_value(&text, value);
	if (length)
		*length = text.length;
	return text.bytes;
}

Status
json_parse(json_t **value, const char *text, size_t length, const char *what)
{
	json_error_t error;

	*value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!*value)
		return fail(STATUS_INPUT, "%s is not valid JSON: %s (byte %d)", what, error.text, error.position);
	return STATUS_OK;
}
