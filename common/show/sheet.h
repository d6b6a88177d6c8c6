/* show/sheet.h: a contact sheet: pictures with true and predicted names. */
#ifndef FM_SHOW_SHEET_H
#define FM_SHOW_SHEET_H

#include "draw/canvas.h"
#include "show/tiles.h"

typedef struct SheetStyle {
	CanvasFormat format;
	const Theme *theme;
	double scale;	/* pixels a point, for PNG */
	double side;	/* points, of a picture's longer side */
	size_t columns; /* 0: about a square sheet */
	bool is_grid;	/* no captions */
} SheetStyle;

/** Leaves a finished canvas, which the caller releases. A sheet without pictures says so. */
MUST_CHECK Status sheet_draw(Canvas *canvas, const SheetStyle *style, const Tiles *tiles);

/** One picture as a PNG of its own pixels. Leaves a finished canvas, which the caller releases. */
MUST_CHECK Status picture_draw(Canvas *canvas, const Tiles *tiles, const Tile *tile);

/** Columns of a sheet of that many pictures: as many as asked for (0: about a square), but none that would be empty. */
size_t sheet_columns(size_t asked, size_t count);

/** Right is blue and wrong vermilion, which no common colour blindness confuses. */
Colour verdict_colour(bool is_right);

#endif
