/* escape.c */
#include "predict/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
escape_tsv(const char *text, size_t length)
{
	char *escaped = malloc(4 * length + 1), *to = escaped;

	for (size_t i = 0; escaped && i < length; i++) {
		unsigned char byte = (unsigned char)text[i];
		if (byte == '\t' || byte == '\n' || byte == '\\')
			to += sprintf(to, "\\%c", byte == '\t' ? 't' : byte == '\n' ? 'n' : '\\');
		else if (byte < 0x20 || byte == 0x7f)
			to += sprintf(to, "\\x%02x", byte);
		else
			*to++ = text[i];
	}
	if (escaped)
		*to = '\0';
	return escaped;
}

/* How many bytes the character at text takes, 0 if it is not UTF-8: overlong forms and surrogates are not. */
static size_t
character_length(const unsigned char *text, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
	uint32_t code = length > 1 ? text[0] & (0x7fu >> length) : text[0];

	if (!length || length > left)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < least[length] || code > 0x10ffff || code >> 11 == 0x1b ? 0 : length;
}

static char *
put_json_character(char *to, const unsigned char *text, size_t length)
{
	if (!length)
		return stpcpy(to, "\xef\xbf\xbd");
	if (*text < 0x20)
		return to + sprintf(to, "\\u%04x", *text);
	if (*text == '"' || *text == '\\')
		*to++ = '\\';
	memcpy(to, text, length);
	return to + length;
}

char *
escape_json(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	char *escaped = malloc(6 * length + 3), *to = escaped;

	if (!escaped)
		return NULL;
	*to++ = '"';
	for (size_t i = 0; i < length;) {
		size_t character = character_length(bytes + i, length - i);
		to = put_json_character(to, bytes + i, character);
		i += character ? character : 1;
	}
	strcpy(to, "\"");
	return escaped;
}
