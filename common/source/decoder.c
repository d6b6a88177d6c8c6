/* source/decoder.c: start fm-picture, ask it, bury it. */
#include "source/decoder.h"

#include "machine/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_SIDE_MOST = 1024, MESSAGE_MOST = 4096 };

static Status
spawn(Decoder *decoder, const char *path, int theirs)
{
	const Form *form = &decoder->form;
	char height[12], width[12], channels[12], background[8];
	posix_spawn_file_actions_t actions;

	snprintf(height, sizeof height, "%u", form->height);
	snprintf(width, sizeof width, "%u", form->width);
	snprintf(channels, sizeof channels, "%u", form->channels);
	snprintf(background, sizeof background, "%02x%02x%02x", form->background[0], form->background[1], form->background[2]);
	char *const arguments[] = { (char *)"fm-picture", height, width, channels, (char *)fit_name(form->fit), background, NULL };

	if (posix_spawn_file_actions_init(&actions))
		return fail(STATUS_IO, "no memory to start %s", path);
	/* its standard output is not ours: nothing that a decoder prints may get into the stream */
	int error = posix_spawn_file_actions_adddup2(&actions, theirs, STDIN_FILENO);

	if (!error)
		error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!error)
		error = posix_spawn(&decoder->child, path, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (!error)
		return STATUS_OK;
	decoder->child = 0;
	errno = error;
	return fail_errno("%s: the program that decodes pictures can't be started", path);
}

static Status
start(Decoder *decoder)
{
	char path[PATH_MAX];
	int pair[2];
	Status status = place_beside("/libexec/fm-tools/fm-picture", path);

	if (status < 0)
		return status;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_errno("a socket for the program that decodes pictures");
	decoder->line = (HelperLine){ .fd = pair[0] };
	status = spawn(decoder, path, pair[1]);
	close(pair[1]);
	if (status < 0)
		close(pair[0]);
	return status;
}

/* The child has gone: what of? */
static int
bury(Decoder *decoder)
{
	int how = 0;

	close(decoder->line.fd);
	while (waitpid(decoder->child, &how, 0) < 0 && errno == EINTR)
		;
	decoder->child = 0;
	if (WIFSIGNALED(how) && WTERMSIG(how) == SIGPROF)
		fail(STATUS_INPUT, "decoding took more than %d seconds of processor time", HELPER_CPU_SECONDS);
	else if (WIFSIGNALED(how))
		fail(STATUS_INPUT, "the decoder crashed (%s)", strsignal(WTERMSIG(how)));
	else
		fail(STATUS_INPUT, "the decoder gave up (exit status %d)", WEXITSTATUS(how));
	return DECODER_GONE;
}

static bool
is_sensible(const HelperAnswer *answer, const Form *form)
{
	uint64_t area = (uint64_t)answer->height * answer->width;

	if (answer->status < 0)
		return answer->size < MESSAGE_MOST;
	return answer->height && answer->width && answer->height <= ANSWER_SIDE_MOST && answer->width <= ANSWER_SIDE_MOST &&
	       answer->channels && answer->channels <= PICTURE_CHANNELS_MOST && answer->size == area * answer->channels &&
	       (!form->height || (answer->height == form->height && answer->width == form->width)) &&
	       (!form->channels || answer->channels == form->channels);
}

Status
decoder_send(Decoder *decoder, const uint8_t *data, size_t size)
{
	uint64_t length = size;
	Status status = decoder->child ? STATUS_OK : start(decoder);

	if (status < 0)
		return status;
	status = helper_put(&decoder->line, &length, sizeof length);
	if (status > 0)
		status = helper_put(&decoder->line, data, size);
	return 1; /* of a child that has gone decoder_take tells */
}

int
decoder_take(Decoder *decoder, Picture *picture)
{
	HelperLine *line = &decoder->line;
	HelperAnswer answer;

	if (helper_get(line, &answer, sizeof answer) <= 0 || !is_sensible(&answer, &decoder->form))
		return bury(decoder);
	uint8_t *data = calloc(answer.size + 1, 1);

	if (!data || helper_get(line, data, answer.size) <= 0) {
		free(data);
		return bury(decoder);
	}
	if (answer.status >= 0) {
		*picture = (Picture){ answer.height, answer.width, answer.channels, data };
		return 1;
	}
	fail(STATUS_INPUT, "%s", (const char *)data);
	free(data);
	return 0;
}

void
decoder_close(Decoder *decoder)
{
	if (!decoder->child)
		return;
	close(decoder->line.fd);
	while (waitpid(decoder->child, NULL, 0) < 0 && errno == EINTR)
		;
	decoder->child = 0;
}
