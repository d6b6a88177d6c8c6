#include "show/sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 8, MARGIN = 10, LINE = 10, TEXT_SIZE = 8, EDGE = 2 };

size_t
sheet_columns(size_t asked, size_t count)
{
	size_t most = count ? count : 1, square = (size_t)ceil(sqrt((double)most));
	if (asked)
		return asked < most ? asked : most;
	return square;
}

Colour
verdict_colour(bool is_right)
{
	return is_right ? (Colour){ 0.00, 0.45, 0.70 } : (Colour){ 0.84, 0.37, 0.00 };
}

/* Whole pixels, not blurred: a person wants to see what the net sees. */
static Status
draw_picture(Canvas *canvas, const Tiles *tiles, const Tile *tile, double x, double y, double scale)
{
	int stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, (int)tiles->width);
	uint8_t *bytes = calloc(tiles->height, (size_t)stride);
	if (!bytes)
		return fail_errno("no memory for a picture");
	for (uint32_t row = 0; row < tiles->height; row++)
		for (uint32_t column = 0; column < tiles->width; column++) {
			const uint8_t *rgb = tile->rgb + 3 * ((size_t)row * tiles->width + column);
			uint32_t pixel = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
			memcpy(bytes + (size_t)row * (size_t)stride + 4 * column, &pixel, sizeof pixel);
		}
	cairo_surface_t *picture = cairo_image_surface_create_for_data(bytes, CAIRO_FORMAT_RGB24, (int)tiles->width,
								       (int)tiles->height, stride);
	cairo_save(canvas->cr);
	cairo_translate(canvas->cr, x, y);
	cairo_scale(canvas->cr, scale, scale);
	cairo_set_source_surface(canvas->cr, picture, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(canvas->cr), CAIRO_FILTER_NEAREST);
	cairo_rectangle(canvas->cr, 0, 0, tiles->width, tiles->height);
	cairo_fill(canvas->cr);
	cairo_restore(canvas->cr);
	/* vector surfaces read the picture only when the page ends: this makes them copy it now */
	cairo_surface_finish(picture);
	cairo_surface_destroy(picture);
	free(bytes);
	return STATUS_OK;
}

static void
draw_caption(Canvas *canvas, const Tiles *tiles, const Tile *tile, double x, double y, double room)
{
	char text[300];
	const char *truth = tile->label < 0 ? "(unlabelled)" : tile_class(tiles, tile->label);
	draw_text(canvas, x + room / 2, y, truth, TEXT_SIZE, ANCHOR_MIDDLE, 0, room, canvas->theme->ink);
	if (tile->predicted < 0)
		return;
	snprintf(text, sizeof text, "%.0f %% %s", 100 * tile->prob, tile_class(tiles, tile->predicted));
	Colour colour = tile->label < 0 ? canvas->theme->ink : verdict_colour(tile->label == tile->predicted);
	draw_text(canvas, x + room / 2, y + LINE, text, TEXT_SIZE, ANCHOR_MIDDLE, 0, room, colour);
}

static Status
draw_tile(Canvas *canvas, const SheetStyle *style, const Tiles *tiles, const Tile *tile, double x, double y)
{
	double scale = style->side / fmax(tiles->width, tiles->height);
	double width = tiles->width * scale, height = tiles->height * scale;
	if (tile->label >= 0 && tile->predicted >= 0)
		fill_rectangle(canvas, x - EDGE, y - EDGE, width + 2 * EDGE, height + 2 * EDGE,
			       verdict_colour(tile->label == tile->predicted));
	Status status = draw_picture(canvas, tiles, tile, x, y, scale);
	if (!style->is_grid)
		draw_caption(canvas, tiles, tile, x - GAP / 2.0 + 1, y + height + EDGE + 6, width + GAP - 2);
	return status;
}

Status
sheet_draw(Canvas *canvas, const SheetStyle *style, const Tiles *tiles)
{
	size_t columns = sheet_columns(style->columns, tiles->count);
	size_t rows = tiles->count ? (tiles->count + columns - 1) / columns : 1;
	double scale = style->side / fmax(tiles->width, tiles->height);
	double step_x = tiles->width * scale + GAP;
	double step_y = tiles->height * scale + GAP + (style->is_grid ? 0 : 2 * LINE + 4);
	Status status = canvas_init(canvas, style->format, (double)columns * step_x - GAP + 2 * MARGIN,
				    (double)rows * step_y - GAP + 2 * MARGIN, style->scale, style->theme);
	if (status < 0)
		return status;
	if (!tiles->count)
		draw_text(canvas, canvas->width / 2, canvas->height / 2, "no pictures", TEXT_SIZE, ANCHOR_MIDDLE, 0,
			  canvas->width, canvas->theme->ink);
	for (size_t i = 0; i < tiles->count && status >= 0; i++)
		status = draw_tile(canvas, style, tiles, &tiles->tiles[i], MARGIN + (double)(i % columns) * step_x,
				   MARGIN + (double)(i / columns) * step_y);
	if (status >= 0)
		status = canvas_finish(canvas);
	if (status < 0)
		canvas_release(canvas);
	return status;
}

Status
picture_draw(Canvas *canvas, const Tiles *tiles, const Tile *tile)
{
	Status status = canvas_init(canvas, CANVAS_PNG, tiles->width, tiles->height, 1, &theme_light);
	if (status < 0)
		return status;
	status = draw_picture(canvas, tiles, tile, 0, 0, 1);
	if (status >= 0)
		status = canvas_finish(canvas);
	if (status < 0)
		canvas_release(canvas);
	return status;
}
