/* options.c: a command line against a table, tried in a child process each, for a usage error exits. */
#include "check.h"

#include "cli/message.h"
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t batch = 128, memory;
static double rate = 1e-3, share = 0.25;
static const char *schedule = "constant", *output, *file, *parsed, *list, *log_path;
static bool flip;

static const char *
parse_even(const char *text)
{
	return atoi(text) % 2 ? "an even number" : NULL;
}

static const Option options[] = {
	OPT_COUNT('b', "batch", "N", &batch, "samples a step", .least = 1, .most = 65536),
	OPT_REAL(0, "lr", "R", &rate, "learning rate", .least = 1e-12, .most = 1),
	OPT_REAL(0, "share", "R", &share, "share", .is_share = true, .least = 0, .most = 1),
	OPT_SIZE(0, "memory", "SIZE", &memory, "memory", .is_manner = true),
	OPT_CHOICE(0, "schedule", "constant|step|cosine", &schedule, "schedule"),
	OPT_TEXT('o', "output", "FILE", &output, "output", .is_manner = true),
	OPT_PARSED(0, "even", "N", &parsed, parse_even, "even"),
	OPT_PARSED(0, "list", "A,...", &list, parse_even, "a list", .joint = ","),
	OPT_TEXT('l', "log", "FILE", &log_path, "a file that is read", .joint = ""),
	OPT_FLAG('f', "flip", &flip, "flip"),
	OPT_OPERAND("FILE", &file, "a stream"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-try", .summary = "try options", .usage = "fm-try [FILE]", .options = options, .operands = 1,
};

enum { WORDS_MOST = 16 };

/* A whole command line in a child. @return its exit status; what it printed, both ways, in text */
static int
run_child(const char *line, char *text, size_t size)
{
	char copy[512], *argv[WORDS_MOST] = { "fm-try" };
	int argc = 1, both[2], status;

	snprintf(copy, sizeof copy, "%s", line);
	for (char *word = strtok(copy, " "); word && argc < WORDS_MOST - 1; word = strtok(NULL, " "))
		argv[argc++] = word;
	fflush(stdout);
	if (pipe(both) < 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		char **operands = argv;
		dup2(both[1], STDOUT_FILENO);
		dup2(both[1], STDERR_FILENO);
		close(both[0]);
		close(both[1]);
		const char *path = cli_start(&manual, &argc, &operands);
		json_t *recorded = cli_options();
		char *json = json_dumps(recorded, JSON_COMPACT);
		printf("%s %d %s%s", path, argc, json, cli_given("batch") ? " batch given" : "");
		free(json);
		json_decref(recorded);
		exit(cli_finish(STATUS_OK));
	}
	close(both[1]);
	size_t used = 0;
	for (ssize_t got; used < size - 1 && (got = read(both[0], text + used, size - 1 - used)) > 0;)
		used += (size_t)got;
	text[used] = '\0';
	close(both[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CHECK_RUN(line, expected_status, expected)                                                                     \
	do {                                                                                                           \
		char found[4096];                                                                                      \
		int found_status = run_child(line, found, sizeof found);                                               \
		CHECK(found_status == (expected_status) && strstr(found, expected), "\"%s\": status %d, said: %s", line, \
		      found_status, found);                                                                            \
	} while (0)

TEST(defaults_are_recorded)
{
	CHECK_RUN("", 0, "- 0 {\"batch\":\"128\",\"lr\":\"0.001\",\"share\":\"0.25\",\"schedule\":\"constant\"}");
}

TEST(every_way_of_writing)
{
	CHECK_RUN("--batch 5", 0, "\"batch\":\"5\"");
	CHECK_RUN("--batch=5", 0, "batch given");
	CHECK_RUN("-b5", 0, "\"batch\":\"5\"");
	CHECK_RUN("-b 5", 0, "\"batch\":\"5\"");
	CHECK_RUN("-fb5", 0, "\"batch\":\"5\"");
	CHECK_RUN("--ba 5 --flip", 0, "\"flip\":true");
	CHECK_RUN("--batch 5 --batch 6", 0, "\"batch\":\"6\"");
	CHECK_RUN("in.fms --batch 5", 0, "in.fms 1 {");
	CHECK_RUN("in.fms --batch 5", 0, "\"FILE\":\"in.fms\"");
	CHECK_RUN("-- --batch", 0, "--batch 1 {");
	CHECK_RUN("- -q", 0, "- 1 {");
}

TEST(nothing_is_dropped_unsaid)
{
	CHECK_RUN("--list 2 --list=4 --list 6", 0, "\"list\":\"2,4,6\"");
	CHECK_RUN("--list 2", 0, "\"list\":\"2\"");
	CHECK_RUN("--list 2 --list 3", 2, "--list wants an even number, not \"3\"");
	CHECK_RUN("-l a --log b", 2, "fm-try: --log was given twice: \"a\" and \"b\"; it takes one; see");
	CHECK_RUN("-l a --log a", 0, "\"log\":\"a\"");
	CHECK_RUN("-o a -o b", 0, "- 0 {");
}

TEST(numbers_have_ranges)
{
	CHECK_RUN("-b 1", 0, "\"batch\":\"1\"");
	CHECK_RUN("-b 65536", 0, "\"batch\":\"65536\"");
	CHECK_RUN("--lr 1e-12", 0, "\"lr\":\"1e-12\"");
	CHECK_RUN("-b 0", 2, "fm-try: --batch wants a whole number from 1 to 65536, not \"0\"");
	CHECK_RUN("-b 65537", 2, "--batch wants");
	CHECK_RUN("-b -1", 2, "--batch wants");
	CHECK_RUN("-b +1", 2, "--batch wants");
	CHECK_RUN("-b 1x", 2, "--batch wants");
	CHECK_RUN("-b 99999999999999999999999", 2, "--batch wants");
	CHECK_RUN("--lr 0", 2, "--lr wants a number from 1e-12 to 1");
	CHECK_RUN("--lr 0,5", 2, "--lr wants");
	CHECK_RUN("--lr nan", 2, "--lr wants");
	CHECK_RUN("--lr 0x1p-3", 2, "--lr wants");
	CHECK_RUN("--lr 1e-3", 0, "\"lr\":\"0.001\"");
	CHECK_RUN("--lr 0.1", 0, "\"lr\":\"0.1\"");
	CHECK_RUN("--lr 10%", 2, "--lr wants");
	CHECK_RUN("--share 10%", 0, "\"share\":\"0.1\"");
	CHECK_RUN("--share 101%", 2, "--share wants a number or a percentage");
}

TEST(sizes_choices_and_parsed_text)
{
	CHECK_RUN("--memory 2G", 0, "{");
	CHECK_RUN("--memory 2Q", 2, "--memory wants a size in bytes");
	CHECK_RUN("--memory 99999999999T", 2, "--memory wants");
	CHECK_RUN("--schedule cosine", 0, "\"schedule\":\"cosine\"");
	CHECK_RUN("--schedule cos", 2, "--schedule wants one of constant, step, cosine, not \"cos\"");
	CHECK_RUN("--schedule constant|step", 2, "--schedule wants");
	CHECK_RUN("--even 3", 2, "--even wants an even number, not \"3\"");
	CHECK_RUN("--even 4", 0, "\"even\":\"4\"");
}

TEST(what_is_wrong_is_said)
{
	CHECK_RUN("--nothing", 2, "fm-try: unknown option --nothing; see 'fm-try --help'");
	CHECK_RUN("-x", 2, "unknown option -x");
	CHECK_RUN("--s 1", 2, "ambiguous option --s");
	CHECK_RUN("--batch", 2, "--batch wants a whole number");
	CHECK_RUN("--flip=1", 2, "--flip takes no argument");
	CHECK_RUN("a b", 2, "takes at most 1 operand, found another: \"b\"");
	CHECK_RUN("--\033[2J", 2, "unknown option --\\x1b[2J");
}

TEST(questions_are_answered)
{
	CHECK_RUN("--help", 0, "fm-try - try options\nusage: fm-try [FILE]\n");
	CHECK_RUN("--batch 5 --help", 0, "samples a step (1 to 65536; default 128)");
	CHECK_RUN("--version", 0, "fm-try (fm-tools) ");
	CHECK_RUN("--dump-options", 0, "b\tbatch\tN\t-\tsamples a step\n");
	CHECK_RUN("--dump-options", 0, "-\tschedule\tconstant|step|cosine\tconstant|step|cosine\tschedule\n");
}

int
main(void)
{
	RUN(defaults_are_recorded);
	RUN(every_way_of_writing);
	RUN(nothing_is_dropped_unsaid);
	RUN(numbers_have_ranges);
	RUN(sizes_choices_and_parsed_text);
	RUN(what_is_wrong_is_said);
	RUN(questions_are_answered);
	return check_done();
}
