/* latency.c: send a command one picture after the other, each when the answer to the one before is there; print how long
 * answers take, from the write that sends to the read that has the line's end. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 50 }; /* pictures at the start that are not counted */

typedef struct Bytes {
	unsigned char *data;
	size_t size;
} Bytes;

static double
microseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static int
complain(const char *text)
{
	fprintf(stderr, "latency: %s\n", text);
	return 1;
}

static Bytes
read_file(const char *path)
{
	Bytes bytes = { malloc(1 << 28), 0 };
	FILE *file = fopen(path, "rb");

	if (file && bytes.data)
		bytes.size = fread(bytes.data, 1, 1 << 28, file);
	if (file)
		fclose(file);
	return bytes;
}

/* ---- units: frames of so many bytes ("784"), names ended by a NUL ("names"), records of a stream ("records") ---- */

/* The largest end of a tensor, from a record's own header as our writers have it. */
static size_t
record_size(const unsigned char *at, size_t left)
{
	static const char key[] = "\"data_offsets\":[";
	uint64_t header = 0, begin, end = 0;

	if (left < 8)
		return left;
	memcpy(&header, at, 8);
	if (header > left - 8)
		return left;
	for (const char *text = (const char *)at + 8, *stop = text + header; text < stop; text++)
		if (!strncmp(text, key, sizeof key - 1))
			sscanf(text + sizeof key - 1, "%lu,%lu", &begin, &end);
	return 8 + header + end;
}

static size_t
unit_size(const char *units, const unsigned char *at, size_t left)
{
	size_t size = (size_t)atol(units);

	if (!strcmp(units, "records"))
		size = record_size(at, left);
	else if (!strcmp(units, "names"))
		size = strnlen((const char *)at, left) + 1;
	return size < left ? size : left;
}

/* ---- the command ---- */

static pid_t
start(char **command, int *to, int *from)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		return -1;
	pid_t child = fork();

	if (child == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]), close(in[1]), close(out[0]), close(out[1]);
		execvp(command[0], command);
		_exit(127);
	}
	close(in[0]), close(out[1]);
	*to = in[1];
	*from = out[0];
	return child;
}

/* @return whether a whole line came */
static int
read_line(int from)
{
	char text[65536];
	ssize_t got;

	do {
		got = read(from, text, sizeof text);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
	} while (got < 0 || text[got - 1] != '\n');
	return 1;
}

/* @return how many answers came; seconds go to times */
static size_t
ask(int to, int from, const char *units, const Bytes *bytes, double *times, size_t most)
{
	size_t count = 0;

	for (size_t at = 0, size; at < bytes->size; at += size) {
		double begin = microseconds_now();

		size = unit_size(units, bytes->data + at, bytes->size - at);
		if (write(to, bytes->data + at, size) != (ssize_t)size)
			return count;
		if (at + size == bytes->size && !strcmp(units, "records")) /* the end record */
			break;
		if (count == most || !read_line(from))
			return count;
		times[count++] = microseconds_now() - begin;
	}
	return count;
}

static int
compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

int
main(int argc, char **argv)
{
	enum { MOST = 1 << 20 };
	int to, from, status;

	if (argc < 5) {
		fprintf(stderr, "usage: latency NAME UNITS FILE COMMAND...\n");
		return 2;
	}
	Bytes bytes = read_file(argv[3]);
	double *times = malloc(MOST * sizeof *times);
	pid_t child = times && bytes.size ? start(argv + 4, &to, &from) : -1;

	if (child < 0)
		return complain("nothing to send, or nobody to send it to");
	size_t count = ask(to, from, argv[2], &bytes, times, MOST);

	close(to);
	if (waitpid(child, &status, 0) < 0 || status != 0 || count <= WARM_UP)
		return complain("the command failed, or answered too little");
	times += WARM_UP;
	count -= WARM_UP;
	qsort(times, count, sizeof *times, compare);
	printf("%-44s %7.1f us median %7.1f us p99 %7.1f us least, %zu answers\n", argv[1], times[count / 2],
	       times[count * 99 / 100], times[0], count);
	return 0;
}
