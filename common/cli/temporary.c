/* temporary.c: a list that a signal handler can read. */
#include "cli/temporary.h"

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 32 };

/* Fixed memory: nothing is freed that a handler may be reading. */
static char paths[SLOTS][PATH_MAX];
static volatile sig_atomic_t is_used[SLOTS];
static pid_t owner; /* a child that exits must not take its parent's files along */

static void
remove_all(void)
{
	if (getpid() != owner)
		return;
	for (int i = 0; i < SLOTS; i++)
		if (is_used[i])
			unlink(paths[i]);
}

/* SA_RESETHAND: the second one, raised here, does what the signal does by itself. */
static void
remove_and_die(int number)
{
	remove_all();
	raise(number);
}

/* A signal that is ignored, or that the tool handles itself, is left alone: it ends in exit(), and so in remove_all. */
static void
watch(int number)
{
	struct sigaction old, new = { .sa_handler = remove_and_die, .sa_flags = (int)SA_RESETHAND };

	if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
		sigaction(number, &new, NULL);
}

static void
begin(void)
{
	static const int deadly[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE };

	if (owner)
		return;
	owner = getpid();
	atexit(remove_all);
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		watch(deadly[i]);
}

Status
temporary_remember(const char *path)
{
	begin();
	if (strlen(path) >= PATH_MAX)
		return fail(STATUS_IO, "%s: the name is too long", path);
	for (int i = 0; i < SLOTS; i++) {
		if (is_used[i])
			continue;
		strcpy(paths[i], path);
		is_used[i] = true;
		return i;
	}
	return fail(STATUS_IO, "%s: more than %d outputs are open at once", path, SLOTS);
}

void
temporary_forget(int slot)
{
	is_used[slot] = false;
}
