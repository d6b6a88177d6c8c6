/* draw/plots.h: a page for each kind of picture, from what fm-metrics, fm-train and models say. */
#ifndef FM_DRAW_PLOTS_H
#define FM_DRAW_PLOTS_H

#include "draw/canvas.h"
#include "draw/log.h"
#include "net/model.h"

#include <jansson.h>

/** How a page is made. */
typedef struct PlotStyle {
	CanvasFormat format;
	const Theme *theme;
	double scale;	   /* pixels a point, for PNG */
	double width;	   /* points, of charts; a matrix takes what it needs */
	const char *title; /* NULL: the plot's own */
} PlotStyle;

/* Each leaves a finished canvas, which the caller releases; STATUS_INPUT where the data lacks what it needs. */

/** @param metrics  the object of fm-metrics --json */
MUST_CHECK Status plot_confusion(Canvas *canvas, const PlotStyle *style, const json_t *metrics);
MUST_CHECK Status plot_bars(Canvas *canvas, const PlotStyle *style, const json_t *metrics);

/** @param which  "roc", "pr" or "reliability" */
MUST_CHECK Status plot_curves(Canvas *canvas, const PlotStyle *style, const json_t *metrics, const char *which);

/** Loss above accuracy, training dashed, validation solid, a colour a run. */
MUST_CHECK Status plot_training(Canvas *canvas, const PlotStyle *style, const Log *log);

/** The first convolution's kernels, each stretched to its own range. */
MUST_CHECK Status plot_filters(Canvas *canvas, const PlotStyle *style, const Model *model);

#endif
