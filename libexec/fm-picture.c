/* fm-picture: decode picture files for fm-fetch, which starts it; see picture/helper.h. Not for people. */
#include "decode/decode.h"
#include "picture/helper.h"
#include "stream/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static void
limit(int what, rlim_t most)
{
	const struct rlimit limit = { most, most };

	if (setrlimit(what, &limit) < 0)
		exit(4);
}

/* Decoders need no files, and only so much memory; a sanitizer needs more address space than there is. */
static void
set_limits(void)
{
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	limit(RLIMIT_AS, HELPER_MEMORY_MOST);
#endif
}

/* SIGPROF ends the process when a picture has had its time. */
static void
set_timer(int seconds)
{
	const struct itimerval timer = { .it_value = { .tv_sec = seconds } };

	setitimer(ITIMER_PROF, &timer, NULL);
}

static bool
read_form(char **arguments, Form *form)
{
	form->height = (uint32_t)strtoul(arguments[0], NULL, 10);
	form->width = (uint32_t)strtoul(arguments[1], NULL, 10);
	form->channels = (uint32_t)strtoul(arguments[2], NULL, 10);
	form->fit = fit_of_name(arguments[3]);
	return form->fit != FIT_COUNT && background_parse(arguments[4], form->background);
}

static Status
check_size(const Picture *picture)
{
	if (picture->height <= STREAM_SIDE_MOST && picture->width <= STREAM_SIDE_MOST)
		return STATUS_OK;
	return fail(STATUS_INPUT, "a picture of %ux%u; a stream's have at most %d pixels a side: use --size HxW", picture->height,
		    picture->width, STREAM_SIDE_MOST);
}

static Status
make(const uint8_t *data, size_t size, const Form *form, Picture *fitted)
{
	Picture picture;
	Status status = decode(data, size, &picture);

	if (status < 0)
		return status;
	status = form->height ? STATUS_OK : check_size(&picture);
	if (status >= 0)
		status = picture_fit(&picture, form, fitted);
	free(picture.pixels);
	return status;
}

static Status
answer(HelperLine *line, Status status, const Picture *picture)
{
	HelperAnswer reply = { .status = status, .size = strlen(status_message()) };
	const void *what = status_message();

	if (status >= 0) {
		reply = (HelperAnswer){ 0, picture->height, picture->width, picture->channels,
					(uint64_t)picture->height * picture->width * picture->channels };
		what = picture->pixels;
	}
	Status sent = helper_put(line, &reply, sizeof reply);

	return sent <= 0 ? sent : helper_put(line, what, reply.size);
}

/* Pictures that came with one read share their time: when it isn't enough, fm-fetch sends them again, one by one.
 * @return 1 a picture, 0 the end */
static Status
serve(HelperLine *line, const Form *form)
{
	const uint64_t reads = line->reads;
	uint64_t size;
	Picture picture = { 0 };
	Status status = helper_get(line, &size, sizeof size);

	if (status <= 0 || size > HELPER_FILE_MOST)
		return status <= 0 ? status : STATUS_INPUT;
	uint8_t *data = malloc(size ? size : 1);

	if (!data)
		return STATUS_IO;
	status = helper_get(line, data, size);
	if (line->reads != reads)
		set_timer(HELPER_CPU_SECONDS);
	if (status > 0)
		status = answer(line, make(data, size, form, &picture), &picture);
	free(picture.pixels);
	free(data);
	return status;
}

int
main(int argc, char **argv)
{
	static HelperLine line = { .fd = STDIN_FILENO };
	Form form;
	Status status;

	if (argc != 1 + HELPER_ARGUMENTS || !read_form(argv + 1, &form)) {
		fputs("fm-picture: a part of fm-fetch, which decodes pictures with it; see fm-fetch(1)\n", stderr);
		return 2;
	}
	set_limits();
	while ((status = serve(&line, &form)) > 0)
		;
	return -status;
}
