/* source/chosen.c */
#include "source/chosen.h"

#include <stdlib.h>
#include <string.h>

Status
chosen_begin(Chosen *chosen, const Record *record)
{
	if (record->n > chosen->room) {
		uint8_t *keep = realloc(chosen->keep, record->n);
		uint64_t *rows = reallocarray(chosen->rows, record->n, sizeof *rows);

		chosen->keep = keep ? keep : chosen->keep;
		chosen->rows = rows ? rows : chosen->rows;
		if (!keep || !rows)
			return fail(STATUS_IO, "no memory to choose from %llu samples", (unsigned long long)record->n);
		chosen->room = record->n;
	}
	if (record->n)
		memset(chosen->keep, 1, record->n);
	return STATUS_OK;
}

void
chosen_apply(Chosen *chosen, Record *record)
{
	uint64_t kept = 0;

	for (uint64_t i = 0; i < record->n; i++)
		if (chosen->keep[i])
			chosen->rows[kept++] = i;
	record_filter(record, chosen->keep);
}

void
chosen_release(Chosen *chosen)
{
	free(chosen->keep);
	free(chosen->rows);
	*chosen = (Chosen){ 0 };
}
