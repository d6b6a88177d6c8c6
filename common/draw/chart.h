/* draw/chart.h: lines over two axes: training curves, ROC, precision-recall, reliability. */
#ifndef FM_DRAW_CHART_H
#define FM_DRAW_CHART_H

#include "draw/canvas.h"

#include <stdbool.h>
#include <stddef.h>

/** One line; points whose y is not finite break it. */
typedef struct Series {
	const char *name; /* NULL: not in the legend */
	size_t count;
	const double *x, *y; /* [count] */
	Colour colour;
	bool is_dashed;
	bool has_dots;
} Series;

typedef struct Axis {
	const char *title;
	double low, high;  /* data range; equal: taken from the series */
	bool is_whole;	   /* ticks at whole numbers only */
	bool is_share;	   /* ticks as percentages */
} Axis;

typedef struct Chart {
	const char *title;
	Axis x, y;
	size_t series_count;
	const Series *series;
	bool has_diagonal; /* y = x, as what chance or perfection gives */
} Chart;

/** Draw in this rectangle; the legend goes below the plot, in as many columns as fit. */
void chart_draw(Canvas *canvas, const Chart *chart, double x, double y, double width, double height);

/** Height of the legend of these series at this width: so that a page can be made tall enough. */
double chart_legend_height(Canvas *canvas, const Chart *chart, double width);

/**
 * Round tick positions: first, step so that about `wanted` ticks lie in [low, high]; 1, 2 or 5 times a power of ten.
 */
void chart_ticks(double low, double high, int wanted, bool is_whole, double *first, double *step);

#endif
