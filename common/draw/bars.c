#include "draw/bars.h"

#include <math.h>
#include <stdio.h>

enum { TEXT_SIZE = 9, TITLE_SIZE = 11, TOP = 40, NAME_MOST = 150, VALUE_ROOM = 34 };

static double
bar_thickness(const Bars *bars)
{
	return bars->classes > 30 ? 5 : 9;
}

static double
class_height(const Bars *bars)
{
	return fmax(bar_thickness(bars) * bars->measures + 5, TEXT_SIZE + 3);
}

double
bars_height(const Bars *bars)
{
	return TOP + class_height(bars) * bars->classes + 10;
}

static void
draw_key(Canvas *canvas, const Bars *bars, double x, double y)
{
	for (int i = 0; i < bars->measures; i++) {
		fill_rectangle(canvas, x, y - 3.5, 9, 7, series_colour((size_t)i));
		draw_text(canvas, x + 13, y, bars->labels[i], TEXT_SIZE, ANCHOR_START, 0, 0, canvas->theme->ink);
		x += 13 + text_width(canvas, bars->labels[i], TEXT_SIZE) + 14;
	}
}

static void
draw_bar(Canvas *canvas, double x, double y, double width, double thickness, double value, size_t measure)
{
	char text[16] = "–";
	if (isfinite(value)) {
		fill_rectangle(canvas, x, y, width * value, thickness - 1, series_colour(measure));
		snprintf(text, sizeof text, "%.1f", 100 * value);
	}
	draw_text(canvas, x + width + 4, y + thickness / 2, text, fmin(thickness + 0.5, 7.5), ANCHOR_START, 0, 0,
		  canvas->theme->ink);
}

void
bars_draw(Canvas *canvas, const Bars *bars, double x, double y, double width)
{
	double room = 0, thickness = bar_thickness(bars), step = class_height(bars);
	for (uint32_t i = 0; i < bars->classes; i++)
		room = fmax(room, text_width(canvas, bars->names[i], TEXT_SIZE));
	room = fmin(room, NAME_MOST) + 8;
	draw_title(canvas, x, y + 8, bars->title, TITLE_SIZE, ANCHOR_START, width);
	draw_key(canvas, bars, x + room, y + 26);
	for (uint32_t i = 0; i < bars->classes; i++) {
		double top = y + TOP + i * step;
		draw_text(canvas, x + room - 6, top + thickness * bars->measures / 2, bars->names[i], TEXT_SIZE, ANCHOR_END, 0,
			  NAME_MOST, canvas->theme->ink);
		for (int k = 0; k < bars->measures; k++)
			draw_bar(canvas, x + room, top + k * thickness, width - room - VALUE_ROOM, thickness,
				 bars->values[k][i], (size_t)k);
	}
}
