/* source/operand.c */
#include "source/operand.h"

#include "memory.h"
#include "source/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

Status
path_open(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return STATUS_OK;
	if (errno == ENOENT && !strchr(path, '/'))
		return fail(STATUS_IO, "%s: neither a file nor a data set that is known by name; see fm-fetch(1)", path);
	return fail_errno("%s", path);
}

static Status
open_stdin(int *fd, char **name)
{
	*fd = dup(STDIN_FILENO);
	if (*fd < 0)
		return fail_errno("standard input");
	*name = memory_text("standard input");
	return STATUS_OK;
}

Status
operand_open(const char *operand, const char *sha256, const DownloadManners *manners, int *fd, char **name)
{
	if (!strcmp(operand, "-"))
		return open_stdin(fd, name);
	bool is_remote = is_address(operand);
	Status status = is_remote ? remote_open(operand, sha256, manners, fd) : path_open(operand, fd);

	if (status >= 0)
		*name = is_remote ? address_public(operand) : memory_text(operand);
	return status;
}
