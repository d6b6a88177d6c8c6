#include "export/stop.h"

#include <stddef.h>

volatile sig_atomic_t stop_number;

static void
note(int number)
{
	stop_number = number;
}

void
stop_watch(void)
{
	static const int deadly[] = { SIGHUP, SIGINT, SIGTERM };
	/* without SA_RESTART: a read that waits has to return */
	struct sigaction old, action = { .sa_handler = note };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
}

void
stop_die(void)
{
	if (!stop_number)
		return;
	signal(stop_number, SIG_DFL);
	raise(stop_number);
}
