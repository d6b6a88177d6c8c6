#include "show/mistakes.h"

/* Less than zero: a comes first. */
static int
by_confidence(const Tile *a, const Tile *b)
{
	if (a->prob != b->prob)
		return a->prob > b->prob ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* Into the place where the order wants it; the last one falls out of a full collection. Few are kept, so moving is cheap. */
static void
insert(Tiles *worst, size_t most, Tile tile)
{
	if (worst->count == most)
		tile_release(&worst->tiles[--worst->count]);
	size_t i = worst->count++;
	for (; i && by_confidence(&tile, &worst->tiles[i - 1]) < 0; i--)
		worst->tiles[i] = worst->tiles[i - 1];
	worst->tiles[i] = tile;
}

Status
mistakes_add(Tiles *worst, size_t most, const About *about, const Record *record)
{
	for (uint64_t row = 0; row < record->n; row++) {
		Tile tile;
		tile_predict(&tile, record, row);
		if (tile.label < 0 || tile.predicted == tile.label)
			continue;
		if (worst->count == most && by_confidence(&tile, &worst->tiles[most - 1]) >= 0)
			continue;
		Status status = tile_init(&tile, about, record, row, (int64_t)row);
		if (status < 0)
			return status;
		insert(worst, most, tile);
	}
	return STATUS_OK;
}
