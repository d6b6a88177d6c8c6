/* stream/expand.h: plain records from those of a lazy stream. */
#ifndef FM_STREAM_EXPAND_H
#define FM_STREAM_EXPAND_H

#include "status.h"
#include "stream/record.h"

#include <stdint.h>

typedef struct Expander Expander;

/**
 * @param lazy   the stream
 * @param plain  the one that it stands for, as of lazy_plain; borrowed until expander_close
 * @return STATUS_OK; a failure of memory or of the choice of an instruction set, and nothing is held
 */
MUST_CHECK Status expander_open(Expander **expander, const About *lazy, const About *plain);

/** Of the data set keep that many bytes in memory and the rest in a file; a share of what is free if this isn't called. */
void expander_limit(Expander *expander, uint64_t memory);

/** Take the next record of the data set: what is to fit is kept, hold-out samples are counted. @return as spool_append */
MUST_CHECK Status expander_keep(Expander *expander, const Record *record);

/**
 * Samples of an epoch's record, which lazy_check has passed, from *begin on: as many as a usual record holds.
 *
 * @param begin  in and out: rows of the record that have been made
 * @param plain  out: the expander's until the next call; its data may be changed
 */
MUST_CHECK Status expander_make(Expander *expander, const Record *record, uint64_t *begin, Record *plain);

void expander_close(Expander *expander);

#endif
