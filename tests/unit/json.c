/* json.c: canonical JSON: one text for equal values, numbers that read back, UTF-8. */
#include "json/canonical.h"
#include "json/number.h"
#include "json/utf8.h"
#include "unit/check.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
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
		{ 512.00006103515625, "512.0000610351562" }, { 512.00018310546875, "512.0001831054688" }, /* halfway: to the even digit */
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

/* Does it read back, and nothing with a digit fewer? */
static bool
is_shortest(double value)
{
	char text[32], nearest[48];
	const double found = strtod(json_number(value, text), NULL);
	int count = 0;

	for (const char *at = text; *at && *at != 'e'; at++)
		if (*at >= '0' && *at <= '9')
			count += count || *at != '0';
	for (const char *at = strchr(text, '.') ? "" : text + strcspn(text, "e"); at > text && at[-1] == '0'; at--)
		count--;
	snprintf(nearest, sizeof nearest, "%.*e", count < 2 ? 0 : count - 2, value);
	return found == value && (count < 2 || strtod(nearest, NULL) != value);
}

/* What is written most: ratios, probabilities; and what lies at the edge of either way to the digits. */
TEST(numbers_are_shortest)
{
	static const double edges[] = { 1e-11, 1e-12, 9.999999999999999e-12, 1e14, 1e15, 1e16, 1e17, 1e18, 123456789012345678.0,
					9007199254740991.0, 9007199254740993.0, 0.30000000000000004, 4503599627370496.5, 5e-324,
					2.2250738585072014e-308, 999999999999999.9, 0.1 + 0.7 };
	uint64_t bits = 1;
	char text[32];

	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		CHECK(is_shortest(edges[i]), "%s", json_number(edges[i], text));
	for (int power = -64; power < 64; power++)
		CHECK(is_shortest(ldexp(1, power)), "%s", json_number(ldexp(1, power), text));
	for (int i = 0; i < 20000; i++) {
		bits = bits * 6364136223846793005u + 1442695040888963407u;
		const double a = (double)(bits >> 40), b = (double)((bits >> 20 & 0xffff) + 1), share = a / b;
		const double prob = (double)(float)exp(-(double)(bits >> 33) * 0x1p-26), wide = ldexp((double)(bits | 1), i % 128 - 112);
		CHECK(is_shortest(share), "%s", json_number(share, text));
		CHECK(is_shortest(prob), "%s", json_number(prob, text));
		CHECK(is_shortest(wide), "%s", json_number(wide, text));
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
	RUN(numbers_are_shortest);
	RUN(utf8);
	return check_done();
}
