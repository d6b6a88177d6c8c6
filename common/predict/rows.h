/* predict/rows.h: predictions as lines, TSV or JSON. */
#ifndef FM_PREDICT_ROWS_H
#define FM_PREDICT_ROWS_H

#include "status.h"
#include "stream/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum RowFormat { ROWS_TSV, ROWS_JSONL } RowFormat;

/** rows_open, rows_close. */
typedef struct Rows {
	FILE *out;
	RowFormat format;
	uint32_t classes, top;
	char **names;	 /* [classes]: written as the format wants them */
	uint32_t *order; /* [classes] */
	uint64_t sent;	 /* samples; the id of one that has none */
} Rows;

/**
 * Begin: TSV has a header line.
 *
 * @param top  how many of the most probable classes are written; at most all
 * @return STATUS_OK, or STATUS_IO (memory) and nothing is held
 */
MUST_CHECK Status rows_open(Rows *rows, FILE *out, RowFormat format, const About *about, uint64_t top);

/** Write a record's samples; label and prob are in the classes of about. That all was written is for the caller to check. */
MUST_CHECK Status rows_put(Rows *rows, const Record *record);

void rows_close(Rows *rows);

#endif
