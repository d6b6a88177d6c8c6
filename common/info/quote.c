#include "info/quote.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

char *
shell_quote(const char *text)
{
	static const char plain[] = "%+,-./:=@_";
	bool is_plain = *text;
	size_t size = 3;
	for (const char *c = text; *c; c++) {
		is_plain = is_plain && (isalnum((unsigned char)*c) || strchr(plain, *c));
		size += *c == '\'' ? 4 : 1;
	}
	if (is_plain)
		return strdup(text);
	char *quoted = malloc(size), *to = quoted;
	if (!quoted)
		return NULL;
	*to++ = '\'';
	for (const char *c = text; *c; c++)
		if (*c == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *c;
	strcpy(to, "'");
	return quoted;
}
