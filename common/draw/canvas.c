#include "draw/canvas.h"

#include "json/utf8.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const Theme theme_light = { { 1, 1, 1 }, { 0.13, 0.13, 0.13 }, { 0.62, 0.62, 0.62 } };
const Theme theme_dark = { { 0.10, 0.11, 0.12 }, { 0.92, 0.92, 0.92 }, { 0.48, 0.48, 0.48 } };

enum { TEXT_MOST = 512 };

static cairo_status_t
keep(void *closure, const unsigned char *data, unsigned int length)
{
	Canvas *canvas = closure;
	if (canvas->size + length > canvas->room) {
		size_t room = 2 * (canvas->size + length);
		char *bytes = realloc(canvas->bytes, room);
		if (!bytes) {
			canvas->is_full = true;
			return CAIRO_STATUS_WRITE_ERROR;
		}
		canvas->bytes = bytes;
		canvas->room = room;
	}
	memcpy(canvas->bytes + canvas->size, data, length);
	canvas->size += length;
	return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *
make_surface(Canvas *canvas, double scale)
{
	switch (canvas->format) {
	case CANVAS_SVG:
		return cairo_svg_surface_create_for_stream(keep, canvas, canvas->width, canvas->height);
	case CANVAS_PDF:
		return cairo_pdf_surface_create_for_stream(keep, canvas, canvas->width, canvas->height);
	default:
		return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(canvas->width * scale),
						  (int)ceil(canvas->height * scale));
	}
}

Status
canvas_init(Canvas *canvas, CanvasFormat format, double width, double height, double scale, const Theme *theme)
{
	*canvas = (Canvas){ .format = format, .width = width, .height = height, .theme = theme };
	canvas->surface = make_surface(canvas, scale);
	canvas->cr = cairo_create(canvas->surface);
	if (cairo_status(canvas->cr) != CAIRO_STATUS_SUCCESS) {
		const char *why = cairo_status_to_string(cairo_status(canvas->cr));
		canvas_release(canvas);
		return fail(STATUS_IO, "a picture of %.0f x %.0f points can't be made: %s", width, height, why);
	}
	if (format == CANVAS_PNG)
		cairo_scale(canvas->cr, scale, scale);
	cairo_select_font_face(canvas->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	fill_rectangle(canvas, 0, 0, width, height, theme->background);
	return STATUS_OK;
}

Status
canvas_finish(Canvas *canvas)
{
	cairo_status_t status = cairo_status(canvas->cr);
	if (status == CAIRO_STATUS_SUCCESS && canvas->format == CANVAS_PNG)
		status = cairo_surface_write_to_png_stream(canvas->surface, keep, canvas);
	cairo_surface_finish(canvas->surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(canvas->surface);
	if (status != CAIRO_STATUS_SUCCESS || canvas->is_full)
		return fail(STATUS_IO, "the picture can't be made: %s", cairo_status_to_string(status));
	return STATUS_OK;
}

void
canvas_release(Canvas *canvas)
{
	cairo_destroy(canvas->cr);
	cairo_surface_destroy(canvas->surface);
	free(canvas->bytes);
	*canvas = (Canvas){ 0 };
}

bool
canvas_format_of(const char *path, CanvasFormat *format)
{
	static const char *const endings[] = { [CANVAS_PNG] = ".png", [CANVAS_SVG] = ".svg", [CANVAS_PDF] = ".pdf" };
	const char *dot = strrchr(path, '.');
	for (int i = 0; dot && i < 3; i++)
		if (!strcmp(dot, endings[i])) {
			*format = (CanvasFormat)i;
			return true;
		}
	return false;
}

Colour
series_colour(size_t index)
{
	/* black is left out, because it is invisible on dark; a grey stands for it */
	static const Colour colours[] = {
		{ 0.00, 0.45, 0.70 }, { 0.90, 0.62, 0.00 }, { 0.00, 0.62, 0.45 }, { 0.80, 0.40, 0.00 },
		{ 0.80, 0.47, 0.65 }, { 0.34, 0.71, 0.91 }, { 0.94, 0.89, 0.26 }, { 0.50, 0.50, 0.50 },
	};
	return colours[index % (sizeof colours / sizeof *colours)];
}

Colour
shade(const Theme *theme, double share)
{
	Colour from = theme->background, to = { 0.03, 0.27, 0.53 };
	if (theme == &theme_dark)
		to = (Colour){ 0.45, 0.75, 1.00 };
	double t = share < 0 ? 0 : share > 1 ? 1 : share;
	return (Colour){ from.r + t * (to.r - from.r), from.g + t * (to.g - from.g), from.b + t * (to.b - from.b) };
}

Colour
ink_on(Colour colour)
{
	/* relative luminance (WCAG 2: black and white contrast alike at 0.179) */
	double light = 0.2126 * pow(colour.r, 2.2) + 0.7152 * pow(colour.g, 2.2) + 0.0722 * pow(colour.b, 2.2);
	return light > 0.179 ? theme_light.ink : theme_light.background;
}

void
set_colour(Canvas *canvas, Colour colour)
{
	cairo_set_source_rgb(canvas->cr, colour.r, colour.g, colour.b);
}

void
fill_rectangle(Canvas *canvas, double x, double y, double width, double height, Colour colour)
{
	set_colour(canvas, colour);
	cairo_rectangle(canvas->cr, x, y, width, height);
	cairo_fill(canvas->cr);
}

void
draw_line(Canvas *canvas, double x0, double y0, double x1, double y1, double width, Colour colour)
{
	set_colour(canvas, colour);
	cairo_set_line_width(canvas->cr, width);
	cairo_move_to(canvas->cr, x0, y0);
	cairo_line_to(canvas->cr, x1, y1);
	cairo_stroke(canvas->cr);
}

/* A text that cairo takes without complaint: valid UTF-8, no control bytes, of bounded length. */
static void
clean(const char *text, char out[static TEXT_MOST])
{
	const unsigned char *c = (const unsigned char *)text;
	size_t left = strlen(text);
	char *to = out, *end = out + TEXT_MOST - 5;
	while (left && to < end) {
		size_t length = utf8_length(c, left);
		if (!length || *c < 0x20 || *c == 0x7f) {
			to = stpcpy(to, "\xef\xbf\xbd");
			length = 1;
		} else {
			to = mempcpy(to, c, length);
		}
		c += length;
		left -= length;
	}
	*to = '\0';
}

static double
clean_width(Canvas *canvas, const char *text, double size)
{
	cairo_text_extents_t extents;
	cairo_set_font_size(canvas->cr, size);
	cairo_text_extents(canvas->cr, text, &extents);
	return extents.x_advance;
}

double
text_width(Canvas *canvas, const char *text, double size)
{
	char line[TEXT_MOST];
	clean(text, line);
	return clean_width(canvas, line, size);
}

/* Cut whole characters off until text and ellipsis fit. */
static void
cut(Canvas *canvas, char *line, double size, double room)
{
	if (room <= 0 || clean_width(canvas, line, size) <= room)
		return;
	size_t length = strlen(line);
	do {
		do
			length -= length > 0;
		while (length && ((unsigned char)line[length] & 0xc0) == 0x80);
		strcpy(line + length, "…");
	} while (length && clean_width(canvas, line, size) > room);
}

void
draw_text(Canvas *canvas, double x, double y, const char *text, double size, Anchor anchor, double angle, double room,
	  Colour colour)
{
	char line[TEXT_MOST];
	cairo_font_extents_t font;
	clean(text, line);
	cut(canvas, line, size, room);
	double width = clean_width(canvas, line, size);
	cairo_font_extents(canvas->cr, &font);
	cairo_save(canvas->cr);
	cairo_translate(canvas->cr, x, y);
	cairo_rotate(canvas->cr, -angle * M_PI / 180);
	cairo_move_to(canvas->cr, anchor == ANCHOR_START ? 0 : anchor == ANCHOR_MIDDLE ? -width / 2 : -width,
		      (font.ascent - font.descent) / 2);
	set_colour(canvas, colour);
	cairo_show_text(canvas->cr, line);
	cairo_restore(canvas->cr);
}

void
draw_title(Canvas *canvas, double x, double y, const char *text, double size, Anchor anchor, double room)
{
	cairo_select_font_face(canvas->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
	draw_text(canvas, x, y, text, size, anchor, 0, room, canvas->theme->ink);
	cairo_select_font_face(canvas->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
}
