#include "report/html.h"

#include "json/utf8.h"

#include <stdint.h>
#include <string.h>

static const char *
entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void
html_text(FILE *out, const char *text)
{
	for (size_t left = strlen(text); left;) {
		size_t length = utf8_length(text, left);
		unsigned char c = (unsigned char)*text;
		const char *named = entity(*text);
		if (!length || c == 0x7f || (c < 0x20 && c != '\n' && c != '\t')) {
			fputs("\xef\xbf\xbd", out);
			length = 1;
		} else if (named) {
			fputs(named, out);
		} else {
			fwrite(text, 1, length, out);
		}
		text += length;
		left -= length;
	}
}

void
html_data(FILE *out, const char *type, const void *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *at = bytes;
	fprintf(out, "data:%s;base64,", type);
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) | (left > 2 ? at[i + 2] : 0);
		char text[4] = { digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
				 left > 2 ? digits[group & 63] : '=' };
		fwrite(text, 1, 4, out);
	}
}
