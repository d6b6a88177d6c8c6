/* visible.c: control bytes and broken UTF-8 as escapes. */
#include "cli/visible.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 character that begins with this byte; 0 if none does. */
static size_t
announced_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Length of the UTF-8 character that text begins with; 0 if it is none, or a control character. */
static size_t
character_length(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length = announced_length(byte[0]);

	if (length == 1)
		return byte[0] >= 0x20 && byte[0] != 0x7f;
	for (size_t i = 1; i < length; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	bool is_overlong = (byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xf0 && byte[1] < 0x90);
	bool is_surrogate = byte[0] == 0xed && byte[1] > 0x9f;
	bool is_beyond = byte[0] == 0xf4 && byte[1] > 0x8f;
	bool is_control = byte[0] == 0xc2 && byte[1] < 0xa0; /* U+0080 to U+009F: a terminal may obey them */
	return is_overlong || is_surrogate || is_beyond || is_control ? 0 : length;
}

/* What stands for one byte that can't be shown. @return its length */
static size_t
escape(char out[static 8], unsigned char byte)
{
	if (byte == '\n' || byte == '\t')
		return (size_t)snprintf(out, 8, "\\%c", byte == '\n' ? 'n' : 't');
	return (size_t)snprintf(out, 8, "\\x%02x", byte);
}

size_t
visible(char *out, size_t size, const char *text, size_t *columns)
{
	size_t used = 0, wide = 0;
	char escaped[8];

	while (*text) {
		size_t length = character_length(text), taken = length ? length : 1;
		const char *piece = text;

		if (!length) {
			length = escape(escaped, (unsigned char)*text);
			piece = escaped;
		}
		if (used + length >= size)
			break;
		memcpy(out + used, piece, length);
		used += length;
		wide += piece == escaped ? length : 1;
		text += taken;
	}
	out[used] = '\0';
	if (columns)
		*columns = wide;
	return used;
}
