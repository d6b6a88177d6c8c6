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

void
interrupt_watch(void)
{
	/* without SA_RESTART: a read that waits has to return */
	struct sigaction action = { .sa_handler = raise_flag };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}
