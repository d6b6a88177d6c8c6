/* stream/content.c: XXH3-64 of one line a tensor: NAME DTYPE D2,D3,… HASH, in name order. */
#include "stream/content.h"

#include "hash.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

struct Content {
	const About *about;
	Hash **hashes; /* [columns]; NULL: the column has not occurred */
};

Content *
content_open(const About *about)
{
	Content *content = memory_zeroed(1, sizeof *content);

	content->about = about;
	content->hashes = memory_zeroed(about->column_count, sizeof(void *));
	return content;
}

/* Each name up to its first NUL, plus one: so the width that they are padded to plays no part. */
static void
add_names(Hash *hash, const Tensor *tensor)
{
	size_t width = tensor->shape[1];

	for (uint64_t i = 0; i < tensor->shape[0]; i++) {
		const uint8_t *name = tensor->data + i * width;

		hash_update(hash, name, strnlen((const char *)name, width));
		hash_update(hash, "", 1);
	}
}

void
content_add(Content *content, size_t column, const Tensor *tensor)
{
	Hash *hash = content_hash(content, column);

	if (!strcmp(tensor->name, "name"))
		add_names(hash, tensor);
	else if (tensor->size)
		hash_update(hash, tensor->data, tensor->size);
}

Hash *
content_hash(Content *content, size_t column)
{
	if (!content->hashes[column])
		content->hashes[column] = hash_open();
	return content->hashes[column];
}

void
content_copy(Content *to, const Content *from)
{
	for (size_t i = 0; i < from->about->column_count; i++)
		if (from->hashes[i])
			XXH3_copyState(content_hash(to, i), from->hashes[i]);
}

static void
add_line(Hash *hash, const Column *column, uint64_t value)
{
	char text[64];

	hash_update(hash, column->name, strlen(column->name));
	snprintf(text, sizeof text, " %s ", dtype_name(column->dtype));
	hash_update(hash, text, strlen(text));
	if (!strcmp(column->name, "name"))
		hash_update(hash, "*", 1);
	for (int i = 0; i < column->rank && strcmp(column->name, "name") != 0; i++) {
		snprintf(text, sizeof text, "%s%" PRIu64, i ? "," : "", column->shape[i]);
		hash_update(hash, text, strlen(text));
	}
	snprintf(text, sizeof text, " %016" PRIx64 "\n", value);
	hash_update(hash, text, strlen(text));
}

static int
by_name(const void *left, const void *right, void *columns)
{
	const size_t *a = left, *b = right;
	const Column *column = columns;

	return strcmp(column[*a].name, column[*b].name);
}

uint64_t
content_value(const Content *content)
{
	const About *about = content->about;
	size_t *order = memory_zeroed(about->column_count, sizeof *order);
	Hash *hash = hash_open();

	for (size_t i = 0; i < about->column_count; i++)
		order[i] = i;
	qsort_r(order, about->column_count, sizeof *order, by_name, about->columns);
	for (size_t i = 0; i < about->column_count; i++) {
		if (content->hashes[order[i]])
			add_line(hash, &about->columns[order[i]], hash_value(content->hashes[order[i]]));
	}
	uint64_t value = hash_value(hash);
	hash_close(hash);
	free(order);
	return value;
}

void
content_close(Content *content)
{
	if (!content)
		return;
	for (size_t i = 0; i < content->about->column_count; i++)
		hash_close(content->hashes[i]);
	free(content->hashes);
	free(content);
}
