/* json/number.c: a double to its shortest decimal text, in ECMAScript's layout. */
#include "json/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 Wide;

enum {
	DIGITS_SAFE = 15, /* what fewer digits say, these say with zeros behind, but for subnormal numbers */
	DIGITS_MOST = 17, /* these always read back */
	SCALE_MOST = 27,  /* the largest power of 5 below 2^63, so that it times 53 bits, doubled, stays below 2^117 */
};

#define DIGITS_END 100000000000000000 /* 10^DIGITS_MOST */

/* ---- any number, by way of libc ---- */

/* Written without a decimal point, which is a locale's business. */
static double
decimal(uint64_t digits, int exponent)
{
	char text[48];

	snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
	return strtod(text, NULL);
}

/* The fewest digits (at most 17) that read back as value: value = digits x 10^exponent. */
static uint64_t
shortest_slowly(double value, int *exponent)
{
	uint64_t digits = 0;

	for (int count = value < DBL_MIN ? 1 : DIGITS_SAFE; count <= DIGITS_MOST; count++) {
		char text[48];
		const char *at = text;

		snprintf(text, sizeof text, "%.*e", count - 1, value);
		for (digits = 0; *at != 'e'; at++) {
			if (*at >= '0' && *at <= '9')
				digits = digits * 10 + (uint64_t)(*at - '0');
		}
		*exponent = atoi(at + 1) - (count - 1);
		if (decimal(digits, *exponent) == value)
			return digits;
		/* beside a power of two the nearest decimal may miss where the next one up does not */
		if (decimal(digits + 1, *exponent) == value)
			return digits + 1;
	}
	return digits;
}

/* ---- usual numbers, in whole ones ---- */

/* value x 10^scale = (whole x 2^shift + rest) / 2^shift, whole has 17 digits. What is nearer than half, in units of the rest,
 * reads back as value; nothing is as far, because half is odd and the rest of whatever is written here even. */
typedef struct Scaled {
	uint64_t whole, half;
	Wide rest;
	int shift, scale;
} Scaled;

static uint64_t
power_of_5(int n)
{
	uint64_t power = 1;

	for (uint64_t base = 5; n; n /= 2, base *= base)
		if (n % 2)
			power *= base;
	return power;
}

/* @return false: it doesn't fit */
static bool
scale_by(Scaled *scaled, uint64_t mantissa, int exponent, int scale)
{
	const int shift = 1 - exponent - scale; /* 10^scale = 5^scale 2^scale; doubled, so that half a unit is whole */

	if (scale < 0 || scale > SCALE_MOST || shift < 1 || shift > 100)
		return false;
	scaled->half = power_of_5(scale);
	const Wide product = 2 * (Wide)scaled->half * mantissa;
	if (product >> shift >= DIGITS_END)
		return false;
	scaled->whole = (uint64_t)(product >> shift);
	scaled->rest = product & (((Wide)1 << shift) - 1);
	scaled->shift = shift;
	scaled->scale = scale;
	return scaled->whole >= DIGITS_END / 10;
}

/* The nearest number of so many digits fewer than 17, in units of the last of those. @return false: it reads back as another */
static bool
round_to(const Scaled *scaled, uint64_t unit, uint64_t *digits)
{
	const Wide width = (Wide)unit << scaled->shift;
	const Wide below = ((Wide)(scaled->whole % unit) << scaled->shift) + scaled->rest, above = width - below;
	const bool is_up = above < below || (above == below && scaled->whole / unit % 2);
	const Wide distance = is_up ? above : below;

	*digits = scaled->whole / unit + is_up;
	return distance < scaled->half;
}

/* Numbers from 1e-11 to 1e16, roughly. @return false: ask libc */
static bool
shortest_quickly(double value, uint64_t *digits, int *exponent)
{
	int binary;
	const uint64_t mantissa = (uint64_t)ldexp(frexp(value, &binary), DBL_MANT_DIG);
	/* the power of ten below 2^(binary - 1), by log10(2) = 1233 / 4096; value's own is that or the next */
	const int guess = DIGITS_MOST - 1 - ((binary - 1 + 4096) * 1233 / 4096 - 1233);
	Scaled scaled;

	if (!scale_by(&scaled, mantissa, binary - DBL_MANT_DIG, guess) &&
	    !scale_by(&scaled, mantissa, binary - DBL_MANT_DIG, guess - 1))
		return false;
	*exponent = 2 - scaled.scale;
	if (mantissa == (uint64_t)1 << (DBL_MANT_DIG - 1)) { /* below it numbers lie twice as close: only what is exact */
		scaled.half = 1;
		return round_to(&scaled, 100, digits);
	}
	for (uint64_t unit = 100; unit; unit /= 10, --*exponent)
		if (round_to(&scaled, unit, digits))
			return true;
	return false;
}

/* ---- text ---- */

/* @return how many digits, without zeros at the end, for which *exponent makes up */
static int
write_digits(uint64_t digits, int *exponent, char text[static 24])
{
	char reversed[24];
	int count = 0;

	for (; digits % 10 == 0; digits /= 10)
		++*exponent;
	for (; digits; digits /= 10)
		reversed[count++] = (char)('0' + digits % 10);
	for (int i = 0; i < count; i++)
		text[i] = reversed[count - 1 - i];
	return count;
}

static char *
put(char *to, const char *from, int count)
{
	return (char *)memcpy(to, from, (size_t)count) + count;
}

static char *
put_zeros(char *to, int count)
{
	return (char *)memset(to, '0', (size_t)count) + count;
}

/* ECMAScript's layout: plain from 1e-6 to below 1e21, else with an exponent. */
char *
json_number(double value, char text[static 32])
{
	uint64_t shortest;
	int exponent;
	char digits[24], *to = text;

	if (value == 0 || !isfinite(value))
		return strcpy(text, "0");
	if (!shortest_quickly(fabs(value), &shortest, &exponent))
		shortest = shortest_slowly(fabs(value), &exponent);
	const int count = write_digits(shortest, &exponent, digits);
	const int point = count + exponent; /* value = 0.DIGITS x 10^point */
	if (value < 0)
		*to++ = '-';
	if (point > 0 && point <= 21 && exponent >= 0) {
		to = put_zeros(put(to, digits, count), exponent);
	} else if (point > 0 && point <= 21) {
		to = put(put(to, digits, point), ".", 1);
		to = put(to, digits + point, count - point);
	} else if (point > -6 && point <= 0) {
		to = put_zeros(put(to, "0.", 2), -point);
		to = put(to, digits, count);
	} else {
		*to++ = *digits;
		if (count > 1)
			to = put(put(to, ".", 1), digits + 1, count - 1);
		to += snprintf(to, 8, "e%+d", point - 1);
	}
	*to = '\0';
	return text;
}
