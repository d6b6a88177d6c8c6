/* interrupt.c: the flag that SIGINT and SIGTERM set. */
#include "train/interrupt.h"

#include <stddef.h>

volatile sig_atomic_t interrupt_flag;

static void
raise_flag(int number)
{
	(void)number;
	interrupt_flag = 1;
}

/* one that is ignored, as SIGINT is in a shell's background, stays so */
static void
watch(int number)
{
	/* without SA_RESTART: a read that waits has to return */
	struct sigaction old, action = { .sa_handler = raise_flag };

	sigemptyset(&action.sa_mask);
	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void
interrupt_watch(void)
{
	watch(SIGINT);
	watch(SIGTERM);
}
