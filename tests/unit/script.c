/* info/script.h: histories into scripts, hostile ones into errors. */
#include "check.h"

#include "info/quote.h"
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
	make("[{\"tool\":\"fm-augment\",\"options\":{\"flip\":true},\"inputs\":[{\"name\":\"stdin\",\"history\":"
	     "[{\"tool\":\"fm-fetch\",\"options\":{\"dedup\":true}}]}]}]");
	CHECK(has("fm-fetch --dedup |\nfm-augment --flip\n"), "%s", script ? script : refusal);
}

TEST(members_are_joined)
{
	make("[{\"tool\":\"fm-augment\",\"inputs\":[{\"name\":\"member\",\"history\":[{\"tool\":\"fm-fetch\"}]},"
	     "{\"name\":\"member\",\"history\":[{\"tool\":\"fm-fetch\"}]}]}]");
	CHECK(has("{ fm-fetch; fm-fetch; } |\nfm-augment\n"), "%s", script ? script : refusal);
}

TEST(members_of_a_side_input_are_joined)
{
	make("[{\"tool\":\"fm-train\",\"inputs\":[{\"name\":\"stdin\",\"history\":[{\"tool\":\"fm-fetch\",\"options\":{\"SOURCE\":\"a\"}}]},"
	     "{\"name\":\"val\",\"history\":[{\"tool\":\"fm-fetch\",\"options\":{\"SOURCE\":\"b\"}}]},"
	     "{\"name\":\"val\",\"content\":\"0123456789abcdef\",\"history\":[]}]}]");
	CHECK(has("\n{ fm-fetch b; cat \"$FM_INPUT_1\"; } >\"$files/1\"\n"), "%s", script ? script : refusal);
	CHECK(has("\nfm-fetch a |\nfm-train --val=\"$files/1\" --output=\"$1\"\n"), "%s", script ? script : refusal);
}

TEST(joined_streams_are_made_one_after_the_other)
{
	static const char *const refused[] = { "[{}]", "[{\"history\":7}]", "[]", "{}",
					       "[{\"history\":[{\"tool\":\"fm-fetch\"}]},{\"history\":[{\"tool\":\"rm\"}]}]" };
	json_t *inputs = json_loads("[{\"history\":[{\"tool\":\"fm-fetch\"}]},{\"content\":\"0123456789abcdef\"}]", 0, NULL);

	free(script);
	CHECK(script_from_inputs(inputs, &script) == STATUS_OK, "%s", status_message());
	CHECK(has("\nfm-fetch\ncat \"$FM_INPUT_1\"\n"), "%s", script);
	json_decref(inputs);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		inputs = json_loads(refused[i], 0, NULL);
		free(script);
		CHECK(script_from_inputs(inputs, &script) == STATUS_INPUT && !script, "%s was accepted: %s", refused[i], script);
		json_decref(inputs);
	}
	CHECK(script_from_history(NULL, &script) == STATUS_INPUT && !script, "no history was accepted");
}

TEST(an_unknown_input_is_asked_for)
{
	make("[{\"tool\":\"fm-augment\",\"inputs\":[{\"name\":\"stdin\",\"content\":\"0123456789abcdef\",\"history\":[]}]}]");
	CHECK(has("${FM_INPUT_1:?a file with content 0123456789abcdef}"), "%s", script ? script : refusal);
	make("[{\"tool\":\"fm-augment\",\"inputs\":[{\"name\":\"stdin\",\"content\":\"}\\nreboot #xxxxxxx\"}]}]");
	CHECK(script && !strstr(script, "reboot"), "%s", script ? script : refusal);
}

TEST(what_fetch_has_read_from_a_pipe_is_asked_for)
{
	static const char *const cases[][2] = {
		{ "\"raw\":\"2x2x1\",\"SOURCE\":\"-\"", "${FM_INPUT_1:?a file with what fm-fetch has read from standard input}" },
		{ "\"files0-from\":\"-\"", "${FM_INPUT_1:?a file with the paths of the pictures, each ended by a NUL}" },
		{ "\"webdataset\":true,\"SOURCE\":\"-\"", "${FM_INPUT_1:?a file with the shards, one after the other}" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char history[200];
		snprintf(history, sizeof history, "[{\"tool\":\"fm-fetch\",\"options\":{%s}}]", cases[i][0]);
		make(history);
		CHECK(has(cases[i][1]) && has("cat \"$FM_INPUT_1\" |\nfm-fetch --"), "%s", script ? script : refusal);
	}
	make("[{\"tool\":\"fm-fetch\",\"options\":{\"SOURCE\":\"-\"},\"inputs\":[{\"name\":\"stdin\",\"history\":"
	     "[{\"tool\":\"fm-fetch\"}]}]}]");
	CHECK(has("fm-fetch |\nfm-fetch -\n") && !has("FM_INPUT"), "%s", script ? script : refusal);
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
		"[{\"tool\":\"fm-augment; reboot\"}]",
		"[{\"tool\":\"fm-augment\",\"options\":{\"flip; reboot\":true}}]",
		"[{\"tool\":\"fm-augment\",\"options\":{\"flip\":\"; reboot\"}}]",
		"[{\"tool\":\"fm-augment\",\"options\":{\"REBOOT\":\"x\"}}]",
		"[{\"tool\":\"fm-augment\",\"inputs\":[{\"name\":\"reboot\"}]}]",
		"[{\"tool\":\"fm-augment\",\"inputs\":[{\"name\":\"stdin\"},{\"name\":\"stdin\"}]}]",
		"[{\"tool\":\"fm-augment\",\"inputs\":[{\"name\":\"stdin\"},{\"name\":\"member\"}]}]",
		"[{\"tool\":\"fm-predict\",\"inputs\":[{\"name\":\"model\"},{\"name\":\"model\"}]}]",
	};
	for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
		make(histories[i]);
		CHECK(refusal && !script, "%s was accepted: %s", histories[i], script);
	}
}

/* Manners are never in a history; a forged one would have files written wherever it likes. */
TEST(a_script_writes_no_file_of_the_historys_choice)
{
	static const char *const histories[][2] = {
		{ "[{\"tool\":\"fm-train\",\"options\":{\"log\":\"/home/me/.profile\"}}]", "--log" },
		{ "[{\"tool\":\"fm-train\",\"options\":{\"checkpoint\":\"/etc/passwd\"}}]", "--checkpoint" },
		{ "[{\"tool\":\"fm-train\",\"options\":{\"batch\":\"8\",\"output\":\"x\"}}]", "--output" },
		{ "[{\"tool\":\"fm-train\",\"options\":{\"resume\":true}}]", "--resume" },
		{ "[{\"tool\":\"fm-augment\",\"options\":{\"threads\":\"999\"}}]", "--threads" },
		{ "[{\"tool\":\"fm-augment\",\"options\":{\"memory\":\"1\"}}]", "--memory" },
		{ "[{\"tool\":\"fm-export\",\"options\":{\"output\":\"/home/me/.profile\"}}]", "fm-export" },
		{ "[{\"tool\":\"fm-report\",\"options\":{\"output\":\"/home/me/.profile\"}}]", "fm-report" },
		{ "[{\"tool\":\"fm-plot\",\"options\":{\"KIND\":\"bars\"}}]", "fm-plot" },
		{ "[{\"tool\":\"fm-info\"}]", "fm-info" },
		{ "[{\"tool\":\"fm-train\",\"inputs\":[{\"name\":\"checkpoint\"}]}]", "checkpoint" },
		{ "[{\"tool\":\"fm-train\",\"inputs\":[{\"name\":\"stdin\",\"history\":[{\"tool\":\"fm-show\",\"options\":"
		  "{\"output\":\"x.png\"}}]}]}]", "fm-show" },
	};
	for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
		make(histories[i][0]);
		CHECK(refusal && !script, "%s was accepted: %s", histories[i][0], script);
		CHECK(strstr(refusal, histories[i][1]), "%s, which doesn't name %s", refusal, histories[i][1]);
	}
}

TEST(what_a_history_holds_is_written)
{
	make("[{\"tool\":\"fm-train\",\"options\":{\"arch\":\"dense classes\",\"batch\":\"8\",\"skip-unlabelled\":true},"
	     "\"inputs\":[{\"name\":\"val\",\"history\":[{\"tool\":\"fm-fetch\",\"options\":{\"SOURCE\":\"x\"}}]}]}]");
	CHECK(has("fm-fetch x >\"$files/1\"\n"), "%s", script ? script : refusal);
	CHECK(has("fm-train --arch='dense classes' --batch=8 --skip-unlabelled --val=\"$files/1\" --output=\"$1\"\n"), "%s",
	      script ? script : refusal);
}

TEST(depth_is_bounded)
{
	json_t *history = json_pack("[{ss}]", "tool", "fm-augment");
	for (int i = 0; i < 1000; i++)
		history = json_pack("[{sss[{ssso}]}]", "tool", "fm-augment", "inputs", "name", "stdin", "history", history);
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
	RUN(members_of_a_side_input_are_joined);
	RUN(joined_streams_are_made_one_after_the_other);
	RUN(an_unknown_input_is_asked_for);
	RUN(what_fetch_has_read_from_a_pipe_is_asked_for);
	RUN(strangers_are_refused);
	RUN(a_script_writes_no_file_of_the_historys_choice);
	RUN(what_a_history_holds_is_written);
	RUN(depth_is_bounded);
	free(script);
	return check_done();
}
