/* source/chosen.h: the bookkeeping of a choice that drops single samples of a record. */
#ifndef FM_SOURCE_CHOSEN_H
#define FM_SOURCE_CHOSEN_H

#include "source/source.h"

/** Which rows of the inner source's last record were kept. Zeroed, it is empty; chosen_release. */
typedef struct Chosen {
	uint8_t *keep;	/* [room] of the record, to be filled in after chosen_begin */
	uint64_t *rows; /* [n] that were kept */
	uint64_t room;
} Chosen;

/** All of the record is kept, until keep says otherwise. */
MUST_CHECK Status chosen_begin(Chosen *chosen, const Record *record);

/** Drop the others. */
void chosen_apply(Chosen *chosen, Record *record);

void chosen_release(Chosen *chosen);

#endif
