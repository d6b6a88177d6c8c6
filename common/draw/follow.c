#include "draw/follow.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* Files on a network tell no other machine of a change, so looking is what works everywhere. */
static void
pause_shortly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
}

Status
follow_wait_for(char **paths, int count)
{
	for (int i = 0; i < count; i++) {
		struct stat state;
		while (stat(paths[i], &state) < 0 ? errno == ENOENT : !state.st_size)
			pause_shortly();
		if (stat(paths[i], &state) < 0)
			return fail_errno("%s", paths[i]);
	}
	return STATUS_OK;
}

/* A number that differs when size or time of any file does. */
static Status
fingerprint(char **paths, int count, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < count; i++) {
		struct stat state;
		if (stat(paths[i], &state) < 0)
			return fail_errno("%s", paths[i]);
		*value = *value * 1000003 + (uint64_t)state.st_size * 31 + (uint64_t)state.st_mtim.tv_sec * 1000000007 +
			 (uint64_t)state.st_mtim.tv_nsec;
	}
	return STATUS_OK;
}

Status
follow_change(char **paths, int count)
{
	static uint64_t last;
	uint64_t now;
	Status status;
	while ((status = fingerprint(paths, count, &now)) >= 0 && now == last)
		pause_shortly();
	last = now;
	return status;
}
