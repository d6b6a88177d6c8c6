/* hangup.c: the handler counts in an eventfd, so that poll(2) sees the signal however close to it the wait begins. */
#include "predict/hangup.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_bool is_wished; /* spares a system call a record; the handler may run in any thread */
static int counter = -1;

static void
wish(int number)
{
	const uint64_t one = 1;
	const int error = errno;
	/* it can't fail but by 2^64 wishes, and then there are some */
	ssize_t ignored = write(counter, &one, sizeof one);

	(void)number;
	(void)ignored;
	is_wished = true;
	errno = error;
}

Status
hangup_watch(int *fd)
{
	struct sigaction old, action = { .sa_handler = wish, .sa_flags = SA_RESTART };

	*fd = -1;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
		return STATUS_OK;
	counter = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (counter < 0)
		return fail_errno("no descriptor for SIGHUP");
	*fd = counter;
	return sigaction(SIGHUP, &action, NULL) ? fail_errno("SIGHUP can't be watched") : STATUS_OK;
}

bool
hangup_take(void)
{
	uint64_t wishes;

	if (!is_wished)
		return false;
	is_wished = false; /* before the count, so that no later wish is lost */
	return read(counter, &wishes, sizeof wishes) == sizeof wishes;
}
