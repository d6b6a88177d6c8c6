/* visible.c: control bytes and broken UTF-8 don't reach a terminal. */
#include "check.h"

#include "cli/visible.h"

#include <string.h>

static const char *
shown(const char *text)
{
	static char out[256];

	visible(out, sizeof out, text, NULL);
	return out;
}

#define CHECK_SHOWN(text, expected) CHECK(!strcmp(shown(text), expected), "found %s", shown(text))

TEST(plain_text_passes)
{
	CHECK_SHOWN("a b~", "a b~");
	CHECK_SHOWN("é € 🙂", "é € 🙂");
}

TEST(control_bytes_are_escaped)
{
	CHECK_SHOWN("a\nb\tc\033[2J\177", "a\\nb\\tc\\x1b[2J\\x7f");
	CHECK_SHOWN("\xc2\x9b" "31m", "\\xc2\\x9b31m");
}

TEST(broken_utf8_is_escaped)
{
	CHECK_SHOWN("\xff", "\\xff");
	CHECK_SHOWN("\xc3", "\\xc3");
	CHECK_SHOWN("\xc0\xaf", "\\xc0\\xaf");
	CHECK_SHOWN("\xed\xa0\x80", "\\xed\\xa0\\x80");
	CHECK_SHOWN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

TEST(cut_between_characters)
{
	char out[6];
	size_t columns;

	CHECK(visible(out, sizeof out, "a€€", &columns) == 4 && columns == 2, "%s", out);
	CHECK(visible(out, sizeof out, "abc\n", &columns) == 5 && columns == 5, "%s", out);
	CHECK(visible(out, 5, "abc\n", &columns) == 3 && columns == 3, "%s", out);
}

int
main(void)
{
	RUN(plain_text_passes);
	RUN(control_bytes_are_escaped);
	RUN(broken_utf8_is_escaped);
	RUN(cut_between_characters);
	return check_done();
}
