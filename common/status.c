/* status.c: the calling thread's last failure. */
#include "status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[2048];

const char *
status_message(void)
{
	return message;
}

Status
fail(Status status, const char *format, ...)
{
	/* written aside first: an argument may be the old message */
	char text[sizeof message];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	memcpy(message, text, sizeof message);
	return status;
}

Status
fail_errno(const char *format, ...)
{
	char text[sizeof message / 2];
	const char *reason = strerror(errno);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return fail(STATUS_IO, "%s: %s", text, reason);
}

Status
fail_in(Status status, const char *format, ...)
{
	char text[sizeof message / 4];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return fail(status, "%s: %s", text, message);
}
