/* json.c: canonical JSON: one text for equal values, numbers that read back, UTF-8. */
#include "json/canonical.h"
#include "json/utf8.h"
#include "unit/check.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool
becomes(const char *text, const char *expected)
{
	json_t *value;
	size_t length;

	if (json_parse(&value, text, strlen(text), "text") < 0)
		return false;
	char *canonical = json_canonical(value, &length);
	bool is_right = length == strlen(expected) && !strcmp(canonical, expected);
	if (!is_right)
		printf("# %s became %s\n", text, canonical);
	free(canonical);
	json_decref(value);
	return is_right;
}

TEST(layout)
{
	CHECK(becomes(" { \"b\" : [ 1 , 2.50 , null ] , \"a\" : { } , \"t\" : true, \"f\":false, \"e\":[] } ",
		      "{\"b\":[1,2.5,null],\"a\":{},\"t\":true,\"f\":false,\"e\":[]}"));
	CHECK(becomes("\"\\u00fc\\n\\t\\u001f\\u007f\\\"\\\\\\/\"", "\"\u00fc\\u000a\\u0009\\u001f\x7f\\\"\\\\/\""));
	CHECK(becomes("-9223372036854775808", "-9223372036854775808"));
}

static bool
refused(const char *text)
{
	json_t *value;

	return json_parse(&value, text, strlen(text), "text") == STATUS_INPUT && !value;
}

TEST(refusals)
{
	CHECK(refused("{\"a\":1,\"a\":2}"));
	CHECK(refused("{\"a\":{\"b\":1,\"b\":1}}"));
	CHECK(refused("[1] 2"));
	CHECK(refused(""));
	CHECK(refused("\"\xff\""));
	CHECK(refused("9223372036854775808"));
	CHECK(refused("\"\\u0000\""));
	CHECK(refused("NaN"));
}

TEST(numbers)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { -0.0, "0" }, { 1, "1" }, { -1.5, "-1.5" }, { 0.1, "0.1" }, { 0.001, "0.001" }, { 1e-6, "0.000001" },
		{ 1e-7, "1e-7" }, { 1e21, "1e+21" }, { 1e20, "100000000000000000000" }, { 123456.789, "123456.789" },
		{ 1.0 / 255, "0.00392156862745098" }, { 5e-324, "5e-324" }, { 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 0x1p-44, "5.684341886080802e-14" }, { 9007199254740993.0, "9007199254740992" },
	};
	char text[32];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(!strcmp(json_number(cases[i].value, text), cases[i].text), "%s, expected %s", text, cases[i].text);
}

TEST(numbers_read_back)
{
	uint64_t bits = 1;
	char text[32];

	for (int i = 0; i < 100000; i++) {
		double value;

		bits = bits * 6364136223846793005u + 1442695040888963407u;
		memcpy(&value, &bits, sizeof value);
		if (isfinite(value))
			CHECK(strtod(json_number(value, text), NULL) == value, "%s", text);
	}
}

TEST(utf8)
{
	static const char *const good[] = { "", "a", "\u00fc", "\u20ac", "\U0001F600", "\uD7FF", "\uE000", "\U0010FFFF" };
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
					   "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc3" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(utf8_is_valid(good[i], strlen(good[i])), "good %zu", i);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!utf8_is_valid(bad[i], strlen(bad[i])), "bad %zu", i);
}

int
main(void)
{
	RUN(layout);
	RUN(refusals);
	RUN(numbers);
	RUN(numbers_read_back);
	RUN(utf8);
	return check_done();
}
