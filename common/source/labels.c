/* source/labels.c */
#include "source/labels.h"

#include "json/utf8.h"
#include "memory.h"
#include "stream/record.h"

#include <stdio.h>

void
labels_init(Labels *labels)
{
	*labels = (Labels){ .index = json_object(), .are_numbers = true, .most = -1 };
}

void
labels_init_known(Labels *labels, uint32_t count, char *const *names, const char *file)
{
	*labels = (Labels){ .index = json_object(), .count = count, .are_known = true, .file = file };
	for (uint32_t i = 0; i < count; i++)
		json_object_set_new(labels->index, names[i], json_integer(i));
}

/* "0", "17"; -1 and no other number below 0. @return false: not a number, or one above all that can be */
static bool
number_parse(const char *text, int32_t *number)
{
	const char *c = text;

	*number = -1;
	if (!strcmp(text, "-1"))
		return true;
	for (*number = 0; *c >= '0' && *c <= '9'; c++)
		if ((*number = *number * 10 + (*c - '0')) >= STREAM_CLASSES_MOST)
			return false;
	return c > text && !*c;
}

/* A copy without the white space around it; false: too long. */
static bool
trim(char tidy[static LABEL_TEXT_MOST], const char *text)
{
	static const char blanks[] = " \t\r\n";

	text += strspn(text, blanks);
	size_t length = strlen(text);

	while (length && strchr(blanks, text[length - 1]))
		length--;
	if (length >= LABEL_TEXT_MOST)
		return false;
	memcpy(tidy, text, length);
	tidy[length] = '\0';
	return true;
}

static Status
find_known(const Labels *labels, const char *text, int32_t *label)
{
	const json_t *index = json_object_get(labels->index, text);

	if (index || number_parse(text, label)) {
		*label = index ? (int32_t)json_integer_value(index) : *label;
		if (*label < (int32_t)labels->count)
			return STATUS_OK;
	}
	return fail(STATUS_INPUT, "the label \"%.60s\" is out of range: %s has %u classes, 0 to %d, and none of this name", text,
		    labels->file, labels->count, (int)labels->count - 1);
}

/* The text's place in the order in which texts were met. */
static Status
find_met(Labels *labels, const char *text, int32_t *label)
{
	const json_t *index = json_object_get(labels->index, text);
	int32_t number;
	bool is_number = number_parse(text, &number);

	if (index) {
		*label = (int32_t)json_integer_value(index);
		return STATUS_OK;
	}
	if (labels->count == STREAM_CLASSES_MOST)
		return fail(STATUS_INPUT, "the label \"%.60s\" is one too many: there are at most %d classes", text, STREAM_CLASSES_MOST);
	*label = (int32_t)labels->count++;
	labels->are_numbers = labels->are_numbers && is_number;
	labels->most = is_number && number > labels->most ? number : labels->most;
	json_object_set_new(labels->index, text, json_integer(*label));
	return STATUS_OK;
}

Status
labels_find(Labels *labels, const char *text, int32_t *label)
{
	char tidy[LABEL_TEXT_MOST];

	*label = -1;
	if (!trim(tidy, text))
		return fail(STATUS_INPUT, "a label of more than %d bytes", LABEL_TEXT_MOST - 1);
	if (!utf8_is_valid(tidy, strlen(tidy)))
		return fail(STATUS_INPUT, "a label that is not UTF-8");
	if (!*tidy)
		return fail(STATUS_INPUT, "an empty label; expected a class's number or name, or no label at all");
	if (!strcmp(tidy, "-1"))
		return STATUS_OK;
	return labels->are_known ? find_known(labels, tidy, label) : find_met(labels, tidy, label);
}

/* ---- in the end ---- */

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void
settle_numbers(const Labels *labels, uint32_t *count, char ***names, int32_t *final)
{
	const char *text;
	json_t *met;

	*count = (uint32_t)(labels->most + 1);
	*names = memory_zeroed(*count, sizeof **names);
	for (uint32_t i = 0; i < *count; i++)
		if (asprintf(&(*names)[i], "%u", i) < 0)
			abort();
	json_object_foreach(labels->index, text, met)
		(void)number_parse(text, &final[json_integer_value(met)]);
}

static void
settle_names(const Labels *labels, uint32_t *count, char ***names, int32_t *final)
{
	const char *text;
	json_t *met;
	uint32_t n = 0;

	*names = memory_zeroed(labels->count, sizeof **names);
	json_object_foreach(labels->index, text, met)
		(*names)[n++] = memory_text(text);
	qsort(*names, n, sizeof **names, compare_names);
	for (uint32_t i = 0; i < n; i++)
		final[json_integer_value(json_object_get(labels->index, (*names)[i]))] = (int32_t)i;
	*count = n;
}

void
labels_settle(const Labels *labels, uint32_t *count, char ***names, int32_t **final)
{
	*final = memory_zeroed(labels->count, sizeof **final);
	if (labels->are_numbers)
		settle_numbers(labels, count, names, *final);
	else
		settle_names(labels, count, names, *final);
}

void
labels_release(Labels *labels)
{
	json_decref(labels->index);
	*labels = (Labels){ 0 };
}
