/* stream/lazy.h: the lazy form: a data set once, then a row and a transform for each sample of each epoch; fm-stream(5). */
#ifndef FM_STREAM_LAZY_H
#define FM_STREAM_LAZY_H

#include "pixel/transform.h"
#include "status.h"
#include "stream/record.h"

#include <stdint.h>

/** The columns that records of epochs have. */
typedef enum LazyColumn { LAZY_ROW, LAZY_AFFINE, LAZY_TONE, LAZY_ERASE, LAZY_COLUMNS } LazyColumn;

extern const Column lazy_columns[LAZY_COLUMNS];

/**
 * Make a repeated stream lazy: its columns become those of the data set, and those of epochs are added.
 *
 * @return STATUS_OK; STATUS_INPUT if the data set has a tensor of such a name
 */
MUST_CHECK Status lazy_describe(About *about, Fill fill, uint8_t value);

/** The stream that a lazy one stands for. @param to  uninitialised, becomes the caller's */
void lazy_plain(About *to, const About *from);

/** Is a record of this stream, with this epoch or -1, one of rows and transforms? */
static inline bool
lazy_is_epoch(const About *about, int64_t epoch)
{
	return about->is_lazy && epoch >= 0;
}

/** What fm.fill says: "reflect", "constant 127". */
void lazy_fill_write(const About *about, char text[static 16]);

/** @return STATUS_OK; STATUS_INPUT for any other text, NULL included */
MUST_CHECK Status lazy_fill_read(const char *text, Fill *fill, uint8_t *value);

/** The tensors of one record of an epoch. */
typedef struct LazyRows {
	const int64_t *rows;	/* [n] */
	const int32_t *affine;	/* [n, 6] */
	const int32_t *tone;	/* [n, 2] */
	const int32_t *erase;	/* [n, 5] */
} LazyRows;

/** Where they are in a record that has them, aligned. */
LazyRows lazy_rows(const Record *record);

Transform lazy_transform(const LazyRows *rows, uint64_t i);

/**
 * Rows may be begin <= row < end, and transforms what fm-stream(5) allows.
 *
 * @return STATUS_OK, or STATUS_INPUT and the message says which sample and what it has
 */
MUST_CHECK Status lazy_check(const Record *record, const About *about, uint64_t begin, uint64_t end);

#endif
