/* train/consumed.h: what training has consumed of a stream, as a running fm.content that can be saved and taken up. */
#ifndef FM_TRAIN_CONSUMED_H
#define FM_TRAIN_CONSUMED_H

#include "status.h"
#include "stream/content.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of one column's running state, see fm-model(5). */
enum { CONSUMED_STATE_SIZE = 344 };

/** consumed_init, consumed_release. */
typedef struct Consumed {
	uint64_t samples;
	const About *about; /* borrowed */
	Content *content;
} Consumed;

/** Nothing consumed; columns that are implied are left out, here and below. @param about  borrowed; must outlive it */
void consumed_init(Consumed *consumed, const About *about);

/** @param to  initialised with the same about */
void consumed_copy(Consumed *to, const Consumed *from);

/** The samples begin <= i < end of a record. */
void consumed_add(Consumed *consumed, const Record *record, uint64_t begin, uint64_t end);

/** Is the data set the same in both, two lazy streams with the same columns? */
bool consumed_has_same_data_set(const Consumed *a, const Consumed *b);

/** fm.content of a stream that holds just what was consumed. */
uint64_t consumed_content(const Consumed *consumed);

/** How many running states there are: the stream's columns. */
size_t consumed_columns(const Consumed *consumed);

/** @param bytes  out, [consumed_columns, CONSUMED_STATE_SIZE] */
void consumed_save(const Consumed *consumed, uint8_t *bytes);

/**
 * Take up what consumed_save left, perhaps written with another version of the hash library.
 *
 * @param content  what consumed_content said then
 * @return STATUS_OK; STATUS_INPUT if it says something else now
 */
MUST_CHECK Status consumed_restore(Consumed *consumed, const uint8_t *bytes, uint64_t samples, uint64_t content);

void consumed_release(Consumed *consumed);

#endif
