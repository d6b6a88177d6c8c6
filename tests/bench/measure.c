/* measure.c: run a command so many times; print its time and how much memory it kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* @return seconds, or -1 if it failed. @param kilobytes  out: most memory resident */
static double
run(char **command, long *kilobytes)
{
	struct rusage usage;
	int status;
	double start = seconds_now();
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0 || status != 0)
		return -1;
	*kilobytes = usage.ru_maxrss;
	return seconds_now() - start;
}

int
main(int argc, char **argv)
{
	int times = argc > 3 ? atoi(argv[2]) : 0;
	double least = 1e9, sum = 0;
	long kilobytes = 0;

	if (times < 1) {
		fprintf(stderr, "usage: measure NAME TIMES COMMAND...\n");
		return 2;
	}
	for (int i = 0; i < times; i++) {
		double seconds = run(argv + 3, &kilobytes);
		if (seconds < 0) {
			fprintf(stderr, "measure: %s failed\n", argv[3]);
			return 1;
		}
		least = seconds < least ? seconds : least;
		sum += seconds;
	}
	printf("%-44s %10.2f ms least %10.2f ms mean %8.1f MB resident\n", argv[1], least * 1e3, sum / times * 1e3,
	       (double)kilobytes / 1024);
	return 0;
}
