/* message.c: one line a message, written at once so that the lines of a pipe's programs don't mix. */
#include "cli/message.h"

#include "cli/atomic.h"
#include "cli/progress.h"
#include "cli/visible.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MOST = 4096 }; /* bytes of a line; one write of that size to a pipe is whole (PIPE_BUF) */

static const char *tool = "fm-tools";
static bool quiet_is_on, verbose_is_on;

void
message_start(const char *name, bool quiet, bool verbosely)
{
	tool = name;
	quiet_is_on = quiet;
	verbose_is_on = verbosely;
}

bool
is_quiet(void)
{
	return quiet_is_on;
}

bool
is_verbose(void)
{
	return verbose_is_on;
}

static void
say(const char *text)
{
	char line[MESSAGE_MOST];
	size_t used = (size_t)snprintf(line, sizeof line / 2, "%s: ", tool);

	used += visible(line + used, sizeof line - used - 1, text, NULL);
	line[used++] = '\n';
	progress_clear();
	/* nobody to tell when stderr itself is gone */
	if (write_all(STDERR_FILENO, line, used, "standard error") < 0)
		return;
}

static void
say_formatted(const char *format, va_list arguments)
{
	char text[MESSAGE_MOST];

	vsnprintf(text, sizeof text, format, arguments);
	say(text);
}

void
warn(const char *format, ...)
{
	va_list arguments;

	if (quiet_is_on)
		return;
	va_start(arguments, format);
	say_formatted(format, arguments);
	va_end(arguments);
}

void
verbose(const char *format, ...)
{
	va_list arguments;

	if (!verbose_is_on)
		return;
	va_start(arguments, format);
	say_formatted(format, arguments);
	va_end(arguments);
}

void
say_failure(void)
{
	char text[MESSAGE_MOST];

	/* kept aside: writing may fail, and would put its own message in its place */
	snprintf(text, sizeof text, "%s", status_message());
	say(text);
}

Status
must(Status status)
{
	if (status >= 0)
		return status;
	say_failure();
	exit(-status);
}
