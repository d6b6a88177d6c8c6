#include "draw/matrix.h"

#include <math.h>
#include <stdio.h>

enum { TEXT_SIZE = 9, TITLE_SIZE = 11, NAME_MOST = 110, TOP = 26, AXIS = 14 };

/* Cells large enough for a count and a percentage up to 20 classes, smaller beyond so that a page stays a page. */
static double
cell_size(uint32_t classes)
{
	return classes <= 12 ? 38 : classes <= 20 ? 30 : fmax(3, 600.0 / classes);
}

static bool
has_numbers(uint32_t classes)
{
	return classes <= 20;
}

/* Names are left out where lines of text would overlap. */
static bool
has_names(uint32_t classes)
{
	return cell_size(classes) >= 6;
}

static double
name_size(uint32_t classes)
{
	return fmin(TEXT_SIZE, cell_size(classes) - 1);
}

static double
name_room(Canvas *canvas, const Matrix *matrix)
{
	double widest = 0;
	if (!has_names(matrix->classes))
		return 8;
	for (uint32_t i = 0; i < matrix->classes; i++)
		widest = fmax(widest, text_width(canvas, matrix->names[i], name_size(matrix->classes)));
	return fmin(widest, NAME_MOST) + 8;
}

void
matrix_size(Canvas *canvas, const Matrix *matrix, double *width, double *height)
{
	double side = cell_size(matrix->classes) * matrix->classes, room = name_room(canvas, matrix);
	*width = AXIS + room + side + 10;
	*height = TOP + side + room + AXIS + 6;
}

static void
draw_cell(Canvas *canvas, double x, double y, double cell, double count, double row_sum, bool is_numbered)
{
	double share = row_sum > 0 ? count / row_sum : 0;
	/* the root lets small confusions be seen beside a strong diagonal */
	Colour colour = shade(canvas->theme, sqrt(share));
	char text[32];
	fill_rectangle(canvas, x, y, cell, cell, colour);
	if (!is_numbered || count == 0)
		return;
	double size = fmin(TEXT_SIZE, cell / 4);
	snprintf(text, sizeof text, "%.0f", count);
	draw_text(canvas, x + cell / 2, y + cell * 0.36, text, size, ANCHOR_MIDDLE, 0, cell - 2, ink_on(colour));
	snprintf(text, sizeof text, share < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * share);
	draw_text(canvas, x + cell / 2, y + cell * 0.70, text, size * 0.8, ANCHOR_MIDDLE, 0, cell - 2, ink_on(colour));
}

static void
draw_names(Canvas *canvas, const Matrix *matrix, double left, double top, double cell)
{
	double side = cell * matrix->classes, size = name_size(matrix->classes);
	for (uint32_t i = 0; i < matrix->classes; i++) {
		double middle = (i + 0.5) * cell;
		draw_text(canvas, left - 4, top + middle, matrix->names[i], size, ANCHOR_END, 0, NAME_MOST,
			  canvas->theme->ink);
		draw_text(canvas, left + middle, top + side + 4, matrix->names[i], size, ANCHOR_END, 90, NAME_MOST,
			  canvas->theme->ink);
	}
}

void
matrix_draw(Canvas *canvas, const Matrix *matrix, double x, double y)
{
	double cell = cell_size(matrix->classes), side = cell * matrix->classes, room = name_room(canvas, matrix);
	double left = x + AXIS + room, top = y + TOP;
	for (uint32_t i = 0; i < matrix->classes; i++) {
		const double *row = matrix->counts + (size_t)i * matrix->classes;
		double sum = 0;
		for (uint32_t k = 0; k < matrix->classes; k++)
			sum += row[k];
		for (uint32_t k = 0; k < matrix->classes; k++)
			draw_cell(canvas, left + k * cell, top + i * cell, cell, row[k], sum,
				  has_numbers(matrix->classes));
	}
	cairo_rectangle(canvas->cr, left, top, side, side);
	set_colour(canvas, canvas->theme->faint);
	cairo_set_line_width(canvas->cr, 0.6);
	cairo_stroke(canvas->cr);
	if (has_names(matrix->classes))
		draw_names(canvas, matrix, left, top, cell);
	draw_title(canvas, left, y + 11, matrix->title, TITLE_SIZE, ANCHOR_START, side);
	draw_text(canvas, x + 6, top + side / 2, "actual", TEXT_SIZE, ANCHOR_MIDDLE, 90, 0, canvas->theme->ink);
	draw_text(canvas, left + side / 2, top + side + room + 8, "predicted", TEXT_SIZE, ANCHOR_MIDDLE, 0, 0,
		  canvas->theme->ink);
}
