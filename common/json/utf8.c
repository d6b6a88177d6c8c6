/* json/utf8.c: well-formed UTF-8, table 3-7 of the Unicode standard. */
#include "json/utf8.h"

#include <stdint.h>

/* Bytes of the sequence that begins with lead, and the range of its second byte; 0 for no lead byte. */
static size_t
sequence(uint8_t lead, uint8_t *least, uint8_t *most)
{
	*least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	*most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
	return lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

size_t
utf8_length(const void *bytes, size_t left)
{
	const uint8_t *at = bytes;
	uint8_t least, most;
	size_t count = left ? sequence(*at, &least, &most) : 0;

	if (count > left)
		return 0;
	for (size_t i = 1; i < count; i++) {
		if (at[i] < least || at[i] > most)
			return 0;
		least = 0x80;
		most = 0xBF;
	}
	return count;
}

bool
utf8_is_valid(const void *bytes, size_t length)
{
	const uint8_t *at = bytes, *end = at + length;

	while (at < end) {
		size_t count = utf8_length(at, (size_t)(end - at));

		if (!count)
			return false;
		at += count;
	}
	return true;
}
