/* source/npy.c: NumPy's array files, format versions 1 to 3. */
#include "source/npy.h"

#include <stdlib.h>
#include <string.h>

typedef struct Text {
	const char *at, *end;
} Text;

static void
skip_space(Text *text)
{
	while (text->at < text->end && (*text->at == ' ' || *text->at == '\n' || *text->at == '\t'))
		text->at++;
}

static bool
take(Text *text, char c)
{
	skip_space(text);
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

static bool
take_word(Text *text, const char *word)
{
	size_t length = strlen(word);

	skip_space(text);
	if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
		return false;
	text->at += length;
	return true;
}

/* 'text' or "text", of at most size - 1 bytes */
static bool
take_string(Text *text, char *string, size_t size)
{
	char quote = take(text, '\'') ? '\'' : take(text, '"') ? '"' : '\0';
	size_t length = 0;

	while (quote && text->at < text->end && *text->at != quote && length + 1 < size)
		string[length++] = *text->at++;
	string[length] = '\0';
	return quote && take(text, quote);
}

static bool
take_number(Text *text, uint64_t *number)
{
	const char *begin;

	skip_space(text);
	for (begin = text->at, *number = 0; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*text->at - '0'), number))
			return false;
	return text->at > begin;
}

/* (60000, 28, 28) or (60000,) */
static bool
take_shape(Text *text, NpyHeader *header)
{
	if (!take(text, '('))
		return false;
	while (!take(text, ')')) {
		if (header->rank == NPY_RANK_MOST || !take_number(text, &header->shape[header->rank]))
			return false;
		header->rank++;
		if (!take(text, ',') && (text->at == text->end || *text->at != ')'))
			return false;
	}
	return true;
}

/* "<i8", "|u1" */
static bool
take_type(Text *text, NpyHeader *header)
{
	char type[16];

	if (!take_string(text, type, sizeof type) || !strchr("<>|=", type[0]) || !type[0] || !type[1])
		return false;
	header->is_big_endian = type[0] == '>';
	header->kind = type[1];
	header->size = (uint32_t)strtoul(type + 2, NULL, 10);
	return header->size > 0;
}

static bool
take_member(Text *text, NpyHeader *header, unsigned *seen)
{
	char key[16];

	if (!take_string(text, key, sizeof key) || !take(text, ':'))
		return false;
	if (!strcmp(key, "descr") && !(*seen & 1)) {
		*seen |= 1;
		return take_type(text, header);
	}
	if (!strcmp(key, "fortran_order") && !(*seen & 2)) {
		*seen |= 2;
		return take_word(text, "False");
	}
	if (strcmp(key, "shape") != 0 || *seen & 4)
		return false;
	*seen |= 4;
	return take_shape(text, header);
}

Status
npy_parse(NpyHeader *header, const char *text, size_t length, const char *name)
{
	Text rest = { text, text + length };
	unsigned seen = 0;
	bool is_fine = take(&rest, '{');

	*header = (NpyHeader){ .shape = { 1, 1, 1, 1 } };
	while (is_fine && !take(&rest, '}'))
		is_fine = take_member(&rest, header, &seen) && (take(&rest, ',') || (rest.at < rest.end && *rest.at == '}'));
	if (is_fine && seen == 7)
		return STATUS_OK;
	return fail(STATUS_INPUT, "%s: a NumPy array that can't be read; expected one of whole numbers in C order (not Fortran's) of "
		    "at most %d dimensions, saved without pickling", name, NPY_RANK_MOST);
}

static Status
read_exactly(Bytes *bytes, void *data, size_t size)
{
	size_t got;
	Status status = bytes_read(bytes, data, size, &got);

	if (status >= 0 && got < size)
		return fail(STATUS_INPUT, "%s: not a NumPy array, or truncated within its header", bytes->name);
	return status;
}

Status
npy_header_read(Bytes *bytes, NpyHeader *header)
{
	uint8_t start[12];
	Status status = read_exactly(bytes, start, 10);

	if (status < 0)
		return status;
	if (memcmp(start, NPY_MAGIC, NPY_MAGIC_SIZE) != 0 || start[6] < 1 || start[6] > 3)
		return fail(STATUS_INPUT, "%s: not a NumPy array of format 1, 2 or 3", bytes->name);
	size_t length = start[8] | (size_t)start[9] << 8;

	if (start[6] > 1) {
		if ((status = read_exactly(bytes, start + 10, 2)) < 0)
			return status;
		length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
	}
	if (length > NPY_HEADER_MOST)
		return fail(STATUS_INPUT, "%s: a NumPy header of %zu bytes, more than %d", bytes->name, length, NPY_HEADER_MOST);
	char *text = malloc(length + 1);

	if (!text)
		return fail(STATUS_IO, "%s: no memory for its header", bytes->name);
	if ((status = read_exactly(bytes, text, length)) >= 0)
		status = npy_parse(header, text, length, bytes->name);
	free(text);
	return status;
}

bool
npy_integer(const NpyHeader *header, const uint8_t *value, int64_t *number)
{
	uint64_t bits = 0;
	uint32_t size = header->size;

	for (uint32_t i = 0; i < size; i++)
		bits |= (uint64_t)value[header->is_big_endian ? size - 1 - i : i] << (8 * i);
	if (header->kind == 'i' && size < 8 && bits >> (8 * size - 1))
		bits |= UINT64_MAX << (8 * size);
	*number = (int64_t)bits;
	return header->kind == 'i' || *number >= 0;
}
