#include "json/file.h"

#include "json/canonical.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status
read_text(FILE *file, const char *name, char **text, size_t *size)
{
	size_t room = 0;
	for (*size = 0;;) {
		if (*size == room) {
			room = room ? 2 * room : 65536;
			char *grown = room <= JSON_FILE_MOST ? realloc(*text, room) : NULL;
			if (!grown)
				return fail(STATUS_INPUT, "%s: more than %zu bytes of JSON", name, *size);
			*text = grown;
		}
		size_t got = fread(*text + *size, 1, room - *size, file);
		*size += got;
		if (!got)
			return ferror(file) ? fail_errno("%s", name) : STATUS_OK;
	}
}

Status
json_read(json_t **value, const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	const char *name = is_stdin ? "standard input" : path;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t size;
	if (!file)
		return fail_errno("%s", path);
	Status status = read_text(file, name, &text, &size);
	if (status >= 0)
		status = json_parse(value, text, size, name);
	free(text);
	if (!is_stdin)
		fclose(file);
	return status;
}
