#include "info/kind.h"

#include <string.h>
#include <unistd.h>

Status
kind_look(int fd, const char *name, bool *is_stream)
{
	static const char magic[] = "{\"__metadata__\":{\"fm.xxh3\":\"";
	char start[8 + sizeof magic - 1];

	*is_stream = true;
	if (lseek(fd, 0, SEEK_CUR) < 0)
		return STATUS_OK;
	ssize_t got = pread(fd, start, sizeof start, 0);
	if (got < 0)
		return fail_errno("%s", name);
	*is_stream = got == sizeof start && !memcmp(start + 8, magic, sizeof magic - 1);
	return STATUS_OK;
}
