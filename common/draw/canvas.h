/* draw/canvas.h: a page to draw on, and the few marks that all our pictures are made of.
 *
 * Units are points (1/72 inch), y down. A PNG is rendered at `scale` pixels a point. */
#ifndef FM_DRAW_CANVAS_H
#define FM_DRAW_CANVAS_H

#include "status.h"

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum CanvasFormat { CANVAS_PNG, CANVAS_SVG, CANVAS_PDF } CanvasFormat;

typedef struct Colour {
	double r, g, b;
} Colour;

/** What the marks look like: dark on light, or light on dark. */
typedef struct Theme {
	Colour background, ink, faint; /* faint: grid lines, secondary text */
} Theme;

extern const Theme theme_light, theme_dark;

typedef struct Canvas {
	cairo_t *cr;
	cairo_surface_t *surface;
	CanvasFormat format;
	double width, height; /* points */
	const Theme *theme;
	char *bytes; /* what cairo has written, complete after canvas_finish */
	size_t size, room;
	bool is_full; /* memory ran out */
} Canvas;

/**
 * @param width, height  points
 * @param scale          pixels a point, for PNG
 * @return STATUS_OK, or STATUS_IO (memory) and nothing is held
 */
MUST_CHECK Status canvas_init(Canvas *canvas, CanvasFormat format, double width, double height, double scale,
			      const Theme *theme);

/** End the picture: its file's bytes stand in canvas->bytes. */
MUST_CHECK Status canvas_finish(Canvas *canvas);

void canvas_release(Canvas *canvas);

/** By a file name's ending. @return false for one that is none of png, svg, pdf */
bool canvas_format_of(const char *path, CanvasFormat *format);

/** Colour-blind safe series colours (Okabe and Ito, 2008, "Color universal design"), used again after eight. */
Colour series_colour(size_t index);

/** 0 = background of the theme … 1 = strongest: one hue, so that grey print and colour blindness keep the order. */
Colour shade(const Theme *theme, double share);

/** The ink that reads better on this colour. */
Colour ink_on(Colour colour);

typedef enum Anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END } Anchor;

void set_colour(Canvas *canvas, Colour colour);

void fill_rectangle(Canvas *canvas, double x, double y, double width, double height, Colour colour);

void draw_line(Canvas *canvas, double x0, double y0, double x1, double y1, double width, Colour colour);

/** Width of a text at a size. */
double text_width(Canvas *canvas, const char *text, double size);

/**
 * One line of text around its middle height: cut with an ellipsis to `room` points (0 = all of it); control bytes and
 * invalid UTF-8 are shown as a replacement mark.
 *
 * @param angle  degrees, anticlockwise around (x, y)
 */
void draw_text(Canvas *canvas, double x, double y, const char *text, double size, Anchor anchor, double angle, double room,
	       Colour colour);

/** As draw_text, bold, without rotation. */
void draw_title(Canvas *canvas, double x, double y, const char *text, double size, Anchor anchor, double room);

#endif
