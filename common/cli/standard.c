/* standard.c: stdin, stdout, stderr. */
#include "cli/standard.h"

#include "cli/message.h"
#include "cli/options.h"
#include "cli/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Opened the wrong way round on purpose: use of a descriptor that was closed stays an error. */
static const int missing_flags[] = { O_WRONLY, O_RDONLY, O_WRONLY };

Status
standard_begin(void)
{
	signal(SIGPIPE, SIG_DFL);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", missing_flags[fd]) != fd)
			return fail_errno("/dev/null can't stand in for a closed descriptor %d", fd);
	return STATUS_OK;
}

int
cli_finish(Status status)
{
	int exit_status = status < 0 ? -status : 0;

	progress_clear();
	/* a write that failed earlier has set the mark; what is still buffered, and a delayed error (NFS), show here */
	bool is_bad = ferror(stdout) != 0;
	errno = is_bad ? EIO : 0;
	is_bad |= fflush(stdout) != 0;
	is_bad |= close(STDOUT_FILENO) < 0 && errno != EBADF;
	if (is_bad) {
		(void)fail_errno("standard output");
		say_failure();
	}
	return exit_status ? exit_status : is_bad ? -STATUS_IO : 0;
}
