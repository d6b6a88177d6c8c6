/* source/csv.h: lines of "label,p0,p1,…": the format. */
#ifndef FM_SOURCE_CSV_H
#define FM_SOURCE_CSV_H

#include "source/bytes.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CSV_LABEL_MOST = 1024, CSV_COLUMNS_MOST = 1024 * 1024 * 16, CSV_BLOCK = 128 << 10 };

/** A file being read, line by line. csv_release gives back what it holds, not the bytes. */
typedef struct Csv {
	Bytes *bytes;
	uint8_t *block; /* [CSV_BLOCK] */
	size_t at, end;
	uint64_t line;
	size_t columns; /* values after the label, in every line */
	uint8_t *first; /* [columns] of the first line, where it is no header */
	char first_label[CSV_LABEL_MOST];
	bool has_first;
} Csv;

/**
 * Read the first line: how many values follow the label, and is it a header? It is where what follows the first comma is no
 * number, or where no number stands in front of values, ten or more, that count up from 0 or 1. Lines end with LF or CR LF, empty ones are passed over; fields may stand in double quotes.
 *
 * @param bytes  borrowed
 * @return STATUS_OK; STATUS_INPUT: no line, or one that can't be; STATUS_IO
 */
MUST_CHECK Status csv_init(Csv *csv, Bytes *bytes);

/**
 * The next line.
 *
 * @param label   [CSV_LABEL_MOST], out: as it stands there, without quotes
 * @param values  [columns], out; NULL: checked only
 * @return 1 a line, 0 the end; STATUS_INPUT with the line's number: another number of values, no whole number 0 to 255
 */
MUST_CHECK Status csv_next(Csv *csv, char *label, uint8_t *values);

void csv_release(Csv *csv);

#endif
