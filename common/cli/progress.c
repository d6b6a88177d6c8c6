/* progress.c: one line over and over. */
#include "cli/progress.h"

#include "cli/atomic.h"
#include "cli/message.h"
#include "cli/visible.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MOST = 1024, INTERVAL_MS = 100 };

static size_t shown; /* columns of the line that stands there */

bool
progress_is_on(void)
{
	return !is_quiet() && isatty(STDERR_FILENO);
}

static size_t
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return 80;
	return size.ws_col;
}

static bool
is_due(void)
{
	static int64_t last_ms = -INTERVAL_MS;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (now_ms - last_ms < INTERVAL_MS)
		return false;
	last_ms = now_ms;
	return true;
}

/* Cut to so many characters. @return those left */
static size_t
cut(char *text, size_t columns, size_t most)
{
	if (columns <= most)
		return columns;
	for (size_t seen = 0; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80 && seen++ == most)
			break;
	*text = '\0';
	return most;
}

/* Spaces over the rest of a longer line: works on every terminal, without control sequences. */
static void
put(const char *text, size_t columns)
{
	char line[3 * LINE_MOST];
	int spaces = shown > columns ? (int)(shown - columns) : 0;
	int length = snprintf(line, sizeof line, "\r%s%*s%s", text, spaces, "", columns ? "" : "\r");

	shown = columns;
	if (write_all(STDERR_FILENO, line, (size_t)length, "standard error") < 0)
		return; /* the terminal went away; the work goes on */
}

void
progress(const char *format, ...)
{
	char text[LINE_MOST], line[LINE_MOST];
	size_t columns;
	va_list arguments;

	if (!progress_is_on() || !is_due())
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	visible(line, sizeof line, text, &columns);
	columns = cut(line, columns, terminal_width() - 1);
	put(line, columns);
}

void
progress_clear(void)
{
	if (shown)
		put("", 0);
}
