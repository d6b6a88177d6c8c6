/* info/script.h: histories into scripts, hostile ones into errors. */
#include "check.h"

#include "info/script.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char *script;
static const char *refusal;

/* The script of a history in text, or NULL and why. */
static void
make(const char *text)
{
	json_t *history = json_loads(text, 0, NULL);
	free(script);
	script = NULL;
	refusal = script_from_history(history, &script) < 0 ? status_message() : NULL;
	json_decref(history);
}

static bool
has(const char *part)
{
	return script && strstr(script, part);
}

TEST(words_are_quoted)
{
	static const char *const words[][2] = {
		{ "plain-1.5", "plain-1.5" }, { "", "''" },	       { "two words", "'two words'" },
		{ "it's", "'it'\\''s'" },     { "$(reboot)", "'$(reboot)'" }, { "a\nb", "'a\nb'" },
		{ "~", "'~'" },		      { "*", "'*'" },
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char *quoted = shell_quote(words[i][0]);
		CHECK(!strcmp(quoted, words[i][1]), "%s became %s", words[i][0], quoted);
		free(quoted);
	}
}

TEST(a_pipe_becomes_a_pipeline)
{
	make("[{\"tool\":\"fm-info\",\"options\":{\"json\":true},\"inputs\":[{\"name\":\"stdin\",\"history\":"
	     "[{\"tool\":\"fm-info\",\"options\":{\"script\":true}}]}]}]");
	CHECK(has("fm-info --script |\nfm-info --json\n"), "%s", script ? script : refusal);
}

TEST(members_are_joined)
{
	make("[{\"tool\":\"fm-info\",\"inputs\":[{\"name\":\"member\",\"history\":[{\"tool\":\"fm-info\"}]},"
	     "{\"name\":\"member\",\"history\":[{\"tool\":\"fm-info\"}]}]}]");
	CHECK(has("{ fm-info; fm-info; } |\nfm-info\n"), "%s", script ? script : refusal);
}

TEST(an_unknown_input_is_asked_for)
{
	make("[{\"tool\":\"fm-info\",\"inputs\":[{\"name\":\"stdin\",\"content\":\"0123456789abcdef\",\"history\":[]}]}]");
	CHECK(has("${FM_INPUT_1:?a file with content 0123456789abcdef}"), "%s", script ? script : refusal);
	make("[{\"tool\":\"fm-info\",\"inputs\":[{\"name\":\"stdin\",\"content\":\"}\\nreboot #xxxxxxx\"}]}]");
	CHECK(script && !strstr(script, "reboot"), "%s", script ? script : refusal);
}

TEST(strangers_are_refused)
{
	static const char *const histories[] = {
		"[]",
		"[{},{}]",
		"[{}]",
		"[7]",
		"{}",
		"[{\"tool\":\"rm\"}]",
		"[{\"tool\":\"fm-info; reboot\"}]",
		"[{\"tool\":\"fm-info\",\"options\":{\"json; reboot\":true}}]",
		"[{\"tool\":\"fm-info\",\"options\":{\"json\":\"; reboot\"}}]",
		"[{\"tool\":\"fm-info\",\"options\":{\"REBOOT\":\"x\"}}]",
		"[{\"tool\":\"fm-info\",\"inputs\":[{\"name\":\"reboot\"}]}]",
	};
	for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
		make(histories[i]);
		CHECK(refusal && !script, "%s was accepted: %s", histories[i], script);
	}
}

TEST(depth_is_bounded)
{
	json_t *history = json_pack("[{ss}]", "tool", "fm-info");
	for (int i = 0; i < 1000; i++)
		history = json_pack("[{sss[{ssso}]}]", "tool", "fm-info", "inputs", "name", "stdin", "history", history);
	free(script);
	CHECK(script_from_history(history, &script) == STATUS_INPUT && !script, "a depth of 1,000 was accepted");
	json_decref(history);
}

int
main(void)
{
	RUN(words_are_quoted);
	RUN(a_pipe_becomes_a_pipeline);
	RUN(members_are_joined);
	RUN(an_unknown_input_is_asked_for);
	RUN(strangers_are_refused);
	RUN(depth_is_bounded);
	free(script);
	return check_done();
}
