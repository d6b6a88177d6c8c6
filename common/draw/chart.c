#include "draw/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 9, TITLE_SIZE = 11, LINE_HEIGHT = 14, KEY_WIDTH = 22, KEY_GAP = 14 };

/* The plot's rectangle and the data's, for the map from one to the other. */
typedef struct Frame {
	double left, top, width, height;
	double x0, x1, y0, y1;
} Frame;

static double
to_x(const Frame *frame, double x)
{
	return frame->left + (x - frame->x0) / (frame->x1 - frame->x0) * frame->width;
}

static double
to_y(const Frame *frame, double y)
{
	return frame->top + frame->height - (y - frame->y0) / (frame->y1 - frame->y0) * frame->height;
}

void
chart_ticks(double low, double high, int wanted, bool is_whole, double *first, double *step)
{
	double raw = (high - low) / (wanted > 0 ? wanted : 1), power = pow(10, floor(log10(raw)));
	double share = raw / power;
	*step = (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10) * power;
	if (is_whole && *step < 1)
		*step = 1;
	*first = ceil(low / *step - 1e-9) * *step;
}

static void
include(double value, double *low, double *high)
{
	if (!isfinite(value))
		return;
	*low = value < *low ? value : *low;
	*high = value > *high ? value : *high;
}

/* The range of an axis that doesn't say its own, never empty. */
static void
find_range(const Chart *chart, bool is_x, double *low, double *high)
{
	const Axis *axis = is_x ? &chart->x : &chart->y;
	*low = axis->low;
	*high = axis->high;
	if (*low < *high)
		return;
	*low = INFINITY;
	*high = -INFINITY;
	for (size_t i = 0; i < chart->series_count; i++)
		for (size_t k = 0; k < chart->series[i].count; k++)
			include(is_x ? chart->series[i].x[k] : chart->series[i].y[k], low, high);
	if (!(*low <= *high))
		*low = 0, *high = 1;
	if (*low == *high)
		*low -= 0.5, *high += 0.5;
	else if (!is_x) {
		double margin = 0.04 * (*high - *low);
		*low -= margin;
		*high += margin;
	}
}

static void
tick_text(const Axis *axis, double value, double step, char text[static 32])
{
	if (axis->is_share) {
		snprintf(text, 32, "%.*f %%", step < 0.00999 ? 1 : 0, 100 * value);
		return;
	}
	int digits = (int)ceil(-log10(step) - 1e-9);
	snprintf(text, 32, "%.*f", digits > 0 ? digits > 9 ? 9 : digits : 0, fabs(value) < step / 1e6 ? 0.0 : value);
}

static void
draw_ticks(Canvas *canvas, const Chart *chart, const Frame *frame)
{
	double first, step;
	char text[32];
	chart_ticks(frame->x0, frame->x1, (int)(frame->width / 50), chart->x.is_whole, &first, &step);
	for (double value = first; value <= frame->x1 + step * 1e-9; value += step) {
		double x = to_x(frame, value);
		draw_line(canvas, x, frame->top, x, frame->top + frame->height, 0.4, canvas->theme->faint);
		tick_text(&chart->x, value, step, text);
		draw_text(canvas, x, frame->top + frame->height + 9, text, TEXT_SIZE, ANCHOR_MIDDLE, 0, 0,
			  canvas->theme->ink);
	}
	chart_ticks(frame->y0, frame->y1, (int)(frame->height / 32), chart->y.is_whole, &first, &step);
	for (double value = first; value <= frame->y1 + step * 1e-9; value += step) {
		double y = to_y(frame, value);
		draw_line(canvas, frame->left, y, frame->left + frame->width, y, 0.4, canvas->theme->faint);
		tick_text(&chart->y, value, step, text);
		draw_text(canvas, frame->left - 5, y, text, TEXT_SIZE, ANCHOR_END, 0, 0, canvas->theme->ink);
	}
}

static void
draw_dots(Canvas *canvas, const Frame *frame, const Series *series)
{
	for (size_t i = 0; i < series->count; i++) {
		if (!isfinite(series->y[i]))
			continue;
		cairo_new_sub_path(canvas->cr);
		cairo_arc(canvas->cr, to_x(frame, series->x[i]), to_y(frame, series->y[i]), 2.2, 0, 2 * M_PI);
		cairo_fill(canvas->cr);
	}
}

static void
draw_series(Canvas *canvas, const Frame *frame, const Series *series)
{
	static const double dashes[] = { 4, 2.5 };
	bool is_open = false;
	double last_x = 0, last_y = 0;
	set_colour(canvas, series->colour);
	cairo_set_line_width(canvas->cr, 1.5);
	cairo_set_line_join(canvas->cr, CAIRO_LINE_JOIN_ROUND);
	cairo_set_dash(canvas->cr, dashes, series->is_dashed ? 2 : 0, 0);
	for (size_t i = 0; i < series->count; i++) {
		bool is_point = isfinite(series->y[i]) && isfinite(series->x[i]);
		double x = to_x(frame, series->x[i]), y = to_y(frame, series->y[i]);
		/* curves have a point a sample: what the eye can't see would only make the file large */
		if (is_point && is_open && i + 1 < series->count && fabs(x - last_x) < 0.2 && fabs(y - last_y) < 0.2)
			continue;
		if (is_point && is_open)
			cairo_line_to(canvas->cr, x, y);
		else if (is_point)
			cairo_move_to(canvas->cr, x, y);
		is_open = is_point;
		last_x = x;
		last_y = y;
	}
	cairo_stroke(canvas->cr);
	cairo_set_dash(canvas->cr, NULL, 0, 0);
	/* a line of one point would be invisible */
	if (series->has_dots || series->count == 1)
		draw_dots(canvas, frame, series);
}

/* Columns that the longest name allows, and rows that follow. */
static size_t
legend_rows(Canvas *canvas, const Chart *chart, double width, size_t *columns, double *column_width)
{
	double widest = 0;
	size_t names = 0;
	for (size_t i = 0; i < chart->series_count; i++)
		if (chart->series[i].name) {
			double own = text_width(canvas, chart->series[i].name, TEXT_SIZE);
			widest = own > widest ? own : widest;
			names++;
		}
	*column_width = fmin(widest + KEY_WIDTH + KEY_GAP, width);
	*columns = names ? (size_t)fmax(1, floor(width / *column_width)) : 1;
	return (names + *columns - 1) / *columns;
}

double
chart_legend_height(Canvas *canvas, const Chart *chart, double width)
{
	size_t columns;
	double column_width;
	return (double)legend_rows(canvas, chart, width, &columns, &column_width) * LINE_HEIGHT;
}

static void
draw_legend(Canvas *canvas, const Chart *chart, double left, double top, double width)
{
	static const double dashes[] = { 4, 2.5 };
	size_t columns, place = 0;
	double column_width;
	legend_rows(canvas, chart, width, &columns, &column_width);
	for (size_t i = 0; i < chart->series_count; i++) {
		const Series *series = &chart->series[i];
		if (!series->name)
			continue;
		double x = left + (double)(place % columns) * column_width;
		double y = top + ((double)(place / columns) + 0.5) * LINE_HEIGHT;
		cairo_set_dash(canvas->cr, dashes, series->is_dashed ? 2 : 0, 0);
		draw_line(canvas, x, y, x + KEY_WIDTH - 5, y, 2, series->colour);
		cairo_set_dash(canvas->cr, NULL, 0, 0);
		draw_text(canvas, x + KEY_WIDTH, y, series->name, TEXT_SIZE, ANCHOR_START, 0,
			  column_width - KEY_WIDTH - 2, canvas->theme->ink);
		place++;
	}
}

/* Room for the widest tick label of the y axis. */
static double
tick_room(Canvas *canvas, const Chart *chart, double low, double high, double height)
{
	double first, step, widest = 0;
	char text[32];
	chart_ticks(low, high, (int)(height / 32), chart->y.is_whole, &first, &step);
	for (double value = first; value <= high + step * 1e-9; value += step) {
		tick_text(&chart->y, value, step, text);
		widest = fmax(widest, text_width(canvas, text, TEXT_SIZE));
	}
	return widest + 8;
}

static void
draw_titles(Canvas *canvas, const Chart *chart, const Frame *frame, double x)
{
	if (chart->title)
		draw_title(canvas, frame->left, frame->top - 11, chart->title, TITLE_SIZE, ANCHOR_START, frame->width);
	if (chart->x.title)
		draw_text(canvas, frame->left + frame->width / 2, frame->top + frame->height + 23, chart->x.title, TEXT_SIZE,
			  ANCHOR_MIDDLE, 0, frame->width, canvas->theme->ink);
	if (chart->y.title)
		draw_text(canvas, x + 6, frame->top + frame->height / 2, chart->y.title, TEXT_SIZE, ANCHOR_MIDDLE, 90,
			  frame->height, canvas->theme->ink);
}

void
chart_draw(Canvas *canvas, const Chart *chart, double x, double y, double width, double height)
{
	double legend = chart_legend_height(canvas, chart, width);
	Frame frame = { .top = y + (chart->title ? 22 : 6) };
	frame.height = y + height - frame.top - 18 - (chart->x.title ? 14 : 0) - legend;
	find_range(chart, true, &frame.x0, &frame.x1);
	find_range(chart, false, &frame.y0, &frame.y1);
	frame.left = x + (chart->y.title ? 14 : 0) + tick_room(canvas, chart, frame.y0, frame.y1, frame.height);
	frame.width = x + width - frame.left - 8;

	draw_ticks(canvas, chart, &frame);
	draw_titles(canvas, chart, &frame, x);
	cairo_save(canvas->cr);
	cairo_rectangle(canvas->cr, frame.left - 2, frame.top - 2, frame.width + 4, frame.height + 4);
	cairo_clip(canvas->cr);
	if (chart->has_diagonal) {
		const double ends[] = { fmax(frame.x0, frame.y0), fmin(frame.x1, frame.y1) };
		draw_series(canvas, &frame, &(Series){ NULL, 2, ends, ends, canvas->theme->faint, true, false });
	}
	/* those that the legend names lie on top */
	for (int named = 0; named < 2; named++)
		for (size_t i = 0; i < chart->series_count; i++)
			if (!!chart->series[i].name == named)
				draw_series(canvas, &frame, &chart->series[i]);
	cairo_restore(canvas->cr);
	draw_legend(canvas, chart, x, y + height - legend, width);
}
