/* show/tiles.h: the first samples of a stream, ready to be looked at. */
#ifndef FM_SHOW_TILES_H
#define FM_SHOW_TILES_H

#include "status.h"
#include "stream/reader.h"

#include <stdbool.h>
#include <stdint.h>

/** One picture and what is known of it. */
typedef struct Tile {
	uint8_t *rgb;	   /* [height, width, 3] */
	int64_t id;
	int64_t epoch;	   /* -1: none */
	int32_t label;	   /* -1: unknown */
	int32_t predicted; /* -1: there is no prediction */
	float prob;	   /* of predicted */
	char *name;	   /* path within the source, or NULL */
} Tile;

typedef struct Tiles {
	uint32_t height, width;
	uint32_t class_count;
	char **classes; /* [class_count] */
	size_t count;
	Tile *tiles;
} Tiles;

/** No pictures yet, room for `most`; classes copied. tiles_release gives it back. */
MUST_CHECK Status tiles_init(Tiles *tiles, const About *about, size_t most);

/** A sample's id, label and prediction alone, without its picture: nothing is allocated. */
void tile_predict(Tile *tile, const Record *record, uint64_t row);

/** A sample with its picture. @param id  where the record has none. tile_release gives it back */
MUST_CHECK Status tile_init(Tile *tile, const About *about, const Record *record, uint64_t row, int64_t id);
void tile_release(Tile *tile);

/**
 * Keep the first `most` samples, and read and verify the rest.
 *
 * @return STATUS_OK, or why the stream can't be read; nothing is held then
 */
MUST_CHECK Status tiles_read(Tiles *tiles, Reader *reader, size_t most);

/** Put them in the order of (id, epoch), for a grid with a row a picture. */
void tiles_group(Tiles *tiles);

/** How many of the first tiles share the first one's id: the grid's columns. */
size_t tiles_group_size(const Tiles *tiles);

/** A class's name, "" for -1. */
const char *tile_class(const Tiles *tiles, int32_t index);

void tiles_release(Tiles *tiles);

#endif
