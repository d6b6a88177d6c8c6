/* source/csv.c: lines of "label,p0,p1,…". */
#include "source/csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { END = -1, COUNT_LEAST = 10 /* fewer values may count up by chance */ };

/* The next byte without taking it; END at the end. */
static Status
peek(Csv *csv, int *byte)
{
	Status status = STATUS_OK;

	if (csv->at == csv->end) {
		csv->at = 0;
		status = bytes_read(csv->bytes, csv->block, CSV_BLOCK, &csv->end);
	}
	*byte = status < 0 || csv->at == csv->end ? END : csv->block[csv->at];
	return status;
}

static Status
fail_line(const Csv *csv, const char *what)
{
	return fail(STATUS_INPUT, "%s: line %" PRIu64 ": %s", csv->bytes->name, csv->line, what);
}

static bool
ends_field(int byte)
{
	return byte == END || byte == ',' || byte == '\n' || byte == '\r';
}

/* A field as text; longer than size - 1 bytes is an error. */
static Status
read_text(Csv *csv, char *text, size_t size)
{
	size_t length = 0;
	bool is_quoted = false;
	int byte;
	Status status;

	while ((status = peek(csv, &byte)) >= 0 && byte != END && (is_quoted || !ends_field(byte))) {
		csv->at++;
		if (byte == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (length + 1 == size || !byte)
			return fail_line(csv, byte ? "a field of more than 1023 bytes" : "a NUL: this is no text");
		text[length++] = (char)byte;
	}
	text[length] = '\0';
	return status < 0 || !is_quoted ? status : fail_line(csv, "a quote that is not closed");
}

/* Pass over the end of a line. @return 1 it was one, 0 a comma, which is passed over too */
static Status
read_separator(Csv *csv)
{
	int byte;
	Status status = peek(csv, &byte);

	if (status < 0)
		return status;
	if (byte == ',') {
		csv->at++;
		return 0;
	}
	if (byte == '\r') {
		csv->at++;
		if ((status = peek(csv, &byte)) < 0)
			return status;
		if (byte != '\n' && byte != END)
			return fail_line(csv, "a carriage return within the line");
	}
	csv->at += byte == '\n';
	return byte == '\n' || byte == END ? 1 : fail_line(csv, "text behind a closing quote");
}

/* "0" to "255", spaces around it allowed. */
static bool
value_of(const char *text, uint8_t *value)
{
	unsigned number = 0;
	const char *c = text + strspn(text, " "), *digits = c;

	for (; *c >= '0' && *c <= '9' && number < 256; c++)
		number = number * 10 + (unsigned)(*c - '0');
	if (c == digits || number > 255 || c[strspn(c, " ")])
		return false;
	*value = (uint8_t)number;
	return true;
}

static Status
fail_value(const Csv *csv, size_t column, const char *text)
{
	return fail(STATUS_INPUT, "%s: line %" PRIu64 ": value %zu is \"%.40s\"; expected a whole number from 0 to 255",
		    csv->bytes->name, csv->line, column, text);
}

/* Digits in the block up to a comma or the line's end: what nearly every field is. */
static bool
read_quickly(Csv *csv, uint8_t *value)
{
	unsigned number = 0;
	size_t at = csv->at;

	while (at < csv->end && at < csv->at + 3 && csv->block[at] >= '0' && csv->block[at] <= '9')
		number = number * 10 + (csv->block[at++] - '0');
	if (at == csv->at || at == csv->end || !ends_field(csv->block[at]) || number > 255)
		return false;
	csv->at = at;
	*value = (uint8_t)number;
	return true;
}

static Status
read_value(Csv *csv, size_t column, uint8_t *value)
{
	char text[CSV_LABEL_MOST];

	if (read_quickly(csv, value))
		return STATUS_OK;
	Status status = read_text(csv, text, sizeof text);

	if (status < 0)
		return status;
	return value_of(text, value) ? STATUS_OK : fail_value(csv, column, text);
}

/* @return 1 a line begins, 0 the end */
static Status
begin_line(Csv *csv)
{
	int byte;
	Status status;

	csv->line++;
	while ((status = peek(csv, &byte)) >= 0 && (byte == '\n' || byte == '\r')) {
		csv->line += byte == '\n';
		csv->at++;
	}
	return status < 0 ? status : byte != END;
}

static Status
fail_columns(const Csv *csv, size_t found)
{
	return fail(STATUS_INPUT, "%s: line %" PRIu64 " has %s%zu values after the label; expected %zu, as in the first line",
		    csv->bytes->name, csv->line, found > csv->columns ? "more than " : "",
		    found > csv->columns ? csv->columns : found, csv->columns);
}

static Status
next_line(Csv *csv, char *label, uint8_t *values)
{
	uint8_t ignored;
	Status status = read_text(csv, label, CSV_LABEL_MOST);
	size_t count = 0;

	while (status >= 0 && !(status = read_separator(csv))) {
		if (count == csv->columns)
			return fail_columns(csv, count + 1);
		status = read_value(csv, count, values ? values + count : &ignored);
		count++;
	}
	if (status < 0)
		return status;
	return count == csv->columns ? 1 : fail_columns(csv, count);
}

Status
csv_next(Csv *csv, char *label, uint8_t *values)
{
	if (csv->has_first) {
		csv->has_first = false;
		memcpy(label, csv->first_label, CSV_LABEL_MOST);
		if (values)
			memcpy(values, csv->first, csv->columns);
		return 1;
	}
	Status status = begin_line(csv);

	return status <= 0 ? status : next_line(csv, label, values);
}

/* ---- the first line ---- */

/* What the first line's values look like; a header is no data, but may be numbers, too. */
typedef struct FirstLine {
	bool begins_with_number, counts_up; /* label,0,1,2,… or label,1,2,3,… */
	uint64_t next;
	bool has_bad;
	size_t bad_column;
	char bad[40];
} FirstLine;

static bool
is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* A number of any kind: data that can't be used, and no name of a column. */
static bool
is_numeric(const char *text)
{
	char *end;

	text += strspn(text, " ");
	if (!*text || text[strspn(text, "0123456789.eE+- ")])
		return false;
	strtod(text, &end);
	return end != text && !end[strspn(end, " ")];
}

static void
look(FirstLine *line, size_t column, const char *text, bool is_value)
{
	uint64_t number = is_number(text) ? strtoull(text, NULL, 10) : UINT64_MAX;

	if (!column) {
		line->begins_with_number = is_value || is_numeric(text);
		line->counts_up = number <= 1;
	} else
		line->counts_up = line->counts_up && number == line->next;
	line->next = number + 1;
	if (is_value || line->has_bad)
		return;
	line->has_bad = true;
	line->bad_column = column;
	snprintf(line->bad, sizeof line->bad, "%.39s", text);
}

static Status
keep_value(Csv *csv, FirstLine *line, const char *text)
{
	uint8_t value = 0;

	if (csv->columns == CSV_COLUMNS_MOST)
		return fail_line(csv, "more values than the largest picture has pixels");
	look(line, csv->columns, text, value_of(text, &value));
	if (!(csv->columns & (csv->columns - 1))) { /* room doubles */
		uint8_t *larger = realloc(csv->first, csv->columns ? 2 * csv->columns : 1);

		if (!larger)
			return fail(STATUS_IO, "%s: no memory for its first line", csv->bytes->name);
		csv->first = larger;
	}
	csv->first[csv->columns++] = value;
	return STATUS_OK;
}

/* Is it data, or a header? */
static Status
judge(Csv *csv, const FirstLine *line)
{
	if (!csv->columns)
		return fail_line(csv, "no comma in it; expected \"label,p0,p1,...\"");
	csv->has_first = line->begins_with_number && (is_number(csv->first_label) || !line->counts_up || csv->columns < COUNT_LEAST);
	return csv->has_first && line->has_bad ? fail_value(csv, line->bad_column, line->bad) : STATUS_OK;
}

static Status
read_first(Csv *csv)
{
	FirstLine line = { 0 };
	char text[CSV_LABEL_MOST];
	Status status = begin_line(csv);

	if (!status)
		return fail(STATUS_INPUT, "%s: empty; expected lines of \"label,p0,p1,...\"", csv->bytes->name);
	if (status > 0)
		status = read_text(csv, csv->first_label, CSV_LABEL_MOST);
	while (status >= 0 && !(status = read_separator(csv)))
		if ((status = read_text(csv, text, sizeof text)) >= 0)
			status = keep_value(csv, &line, text);
	return status < 0 ? status : judge(csv, &line);
}

/* What some programs put in front of UTF-8. */
static Status
skip_mark(Csv *csv)
{
	int byte;
	Status status = peek(csv, &byte);

	if (status >= 0 && csv->end >= 3 && !memcmp(csv->block, "\xef\xbb\xbf", 3))
		csv->at = 3;
	return status;
}

Status
csv_init(Csv *csv, Bytes *bytes)
{
	*csv = (Csv){ .bytes = bytes, .block = malloc(CSV_BLOCK) };
	Status status = csv->block ? skip_mark(csv) : fail(STATUS_IO, "%s: no memory to read it", bytes->name);

	if (status >= 0)
		status = read_first(csv);
	if (status < 0)
		csv_release(csv);
	return status;
}

void
csv_release(Csv *csv)
{
	free(csv->block);
	free(csv->first);
	*csv = (Csv){ 0 };
}
