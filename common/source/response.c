/* source/response.c: an HTTP answer's header lines. */
#include "source/response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_MOST = 1024 };

/* The value of a line "Name: value", else NULL. */
static const char *
value_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

static uint64_t
begin_of(const char *range)
{
	char *end;

	if (strncasecmp(range, "bytes ", 6) != 0 || range[6] < '0' || range[6] > '9')
		return UINT64_MAX;
	uint64_t begin = strtoull(range + 6, &end, 10);

	return *end == '-' ? begin : UINT64_MAX;
}

static void
set_validator(Response *response, const char *text)
{
	if (strlen(text) < sizeof response->validator)
		strcpy(response->validator, text);
}

static void
read_field(Response *response, const char *line)
{
	const char *range = value_of(line, "Content-Range"), *tag = value_of(line, "ETag");
	const char *changed = value_of(line, "Last-Modified");

	if (range)
		response->begin = begin_of(range);
	if (value_of(line, "Content-Length"))
		response->has_length = true;
	if (tag && *tag == '"') /* a weak one begins with W/ and proves nothing */
		set_validator(response, tag);
	if (changed && *response->validator != '"')
		set_validator(response, changed);
}

void
response_read_line(Response *response, const char *line, size_t size)
{
	char text[LINE_MOST];

	while (size && strchr("\r\n", line[size - 1]))
		size--;
	if (!size || size >= sizeof text || memchr(line, '\0', size))
		return;
	memcpy(text, line, size);
	text[size] = '\0';
	if (strncasecmp(text, "HTTP/", 5) != 0) {
		read_field(response, text);
		return;
	}
	*response = (Response){ .begin = UINT64_MAX };
	response->code = strtol(text + strcspn(text, " "), NULL, 10);
}
