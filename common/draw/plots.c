#include "draw/plots.h"

#include "draw/bars.h"
#include "draw/chart.h"
#include "draw/matrix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MARGIN = 10 };

/* What can be measured only with a canvas is measured on a small one, which is then thrown away. */
static Status
open_page(Canvas *canvas, const PlotStyle *style, double width, double height)
{
	return canvas_init(canvas, style->format, width, height, style->scale, style->theme);
}

static Status
close_page(Canvas *canvas)
{
	Status status = canvas_finish(canvas);
	if (status < 0)
		canvas_release(canvas);
	return status;
}

/* The names of the classes, borrowed from the object; NULL without memory. */
static const char **
class_names(const json_t *metrics, size_t *count)
{
	const json_t *classes = json_object_get(metrics, "classes");
	*count = json_array_size(classes);
	const char **names = calloc(*count + 1, sizeof *names);
	for (size_t i = 0; names && i < *count; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(classes, i), "name"));
		names[i] = name ? name : "?";
	}
	return names;
}

static Status
read_counts(const json_t *rows, size_t classes, double *counts)
{
	if (!json_is_array(rows) || json_array_size(rows) != classes || !classes)
		return fail(STATUS_INPUT,
			    "there is no confusion matrix of %zu classes; give what fm-metrics --json prints (above 1,000 "
			    "classes it has none)",
			    classes);
	for (size_t i = 0; i < classes; i++)
		for (size_t k = 0; k < classes; k++) {
			const json_t *count = json_array_get(json_array_get(rows, i), k);
			if (!json_is_number(count) || !(json_number_value(count) >= 0))
				return fail(STATUS_INPUT, "confusion_matrix[%zu][%zu] is no count", i, k);
			counts[i * classes + k] = json_number_value(count);
		}
	return STATUS_OK;
}

static Status
draw_confusion(Canvas *canvas, const PlotStyle *style, const Matrix *matrix)
{
	double width, height;
	Canvas ruler;
	Status status = open_page(&ruler, style, 10, 10);
	if (status < 0)
		return status;
	matrix_size(&ruler, matrix, &width, &height);
	canvas_release(&ruler);
	if ((status = open_page(canvas, style, width + 2 * MARGIN, height + 2 * MARGIN)) < 0)
		return status;
	matrix_draw(canvas, matrix, MARGIN, MARGIN);
	return close_page(canvas);
}

Status
plot_confusion(Canvas *canvas, const PlotStyle *style, const json_t *metrics)
{
	size_t classes;
	const char **names = class_names(metrics, &classes);
	double *counts = calloc(classes * classes + 1, sizeof *counts);
	Status status = names && counts ? read_counts(json_object_get(metrics, "confusion_matrix"), classes, counts)
					: fail(STATUS_IO, "no memory for %zu classes", classes);
	if (status >= 0)
		status = draw_confusion(canvas, style,
					&(Matrix){ .title = style->title ? style->title : "Confusion matrix",
						   .classes = (uint32_t)classes,
						   .names = (char *const *)names,
						   .counts = counts });
	free(counts);
	free(names);
	return status;
}

/* One measure of every class, NaN where it is null. */
static double *
class_values(const json_t *metrics, const char *key, size_t count)
{
	const json_t *classes = json_object_get(metrics, "classes");
	double *values = malloc((count + 1) * sizeof *values);
	for (size_t i = 0; values && i < count; i++) {
		const json_t *value = json_object_get(json_array_get(classes, i), key);
		values[i] = json_is_number(value) ? json_number_value(value) : NAN;
	}
	return values;
}

Status
plot_bars(Canvas *canvas, const PlotStyle *style, const json_t *metrics)
{
	static const char *const measures[] = { "precision", "recall", "f1" };
	size_t count;
	const char **names = class_names(metrics, &count);
	Bars bars = { .title = style->title ? style->title : "Scores by class, %",
		      .classes = (uint32_t)count,
		      .names = (char *const *)names,
		      .measures = 3 };
	Status status = names && count ? STATUS_OK : fail(STATUS_INPUT, "there are no classes; give what fm-metrics --json prints");
	for (int i = 0; i < 3 && status >= 0; i++) {
		bars.labels[i] = measures[i];
		if (!(bars.values[i] = class_values(metrics, measures[i], count)))
			status = fail(STATUS_IO, "no memory for %zu classes", count);
	}
	if (status >= 0)
		status = open_page(canvas, style, style->width, bars_height(&bars) + 2 * MARGIN);
	if (status >= 0) {
		bars_draw(canvas, &bars, MARGIN, MARGIN, style->width - 2 * MARGIN);
		status = close_page(canvas);
	}
	for (int i = 0; i < 3; i++)
		free((double *)bars.values[i]);
	free(names);
	return status;
}

/* Points into a series that owns its arrays. */
static Status
read_points(const json_t *points, Series *series)
{
	size_t count = json_array_size(points), i;
	double *x = malloc((count + 1) * sizeof *x), *y = malloc((count + 1) * sizeof *y);
	json_t *point;
	series->x = x;
	series->y = y;
	if (!x || !y)
		return fail(STATUS_IO, "no memory for %zu points", count);
	json_array_foreach((json_t *)points, i, point)
	{
		x[i] = json_number_value(json_object_get(point, "x"));
		y[i] = json_number_value(json_object_get(point, "y"));
	}
	series->count = count;
	return STATUS_OK;
}

enum { NAMED_MOST = 10, WORST = 5 };

typedef struct Ranked {
	double value;
	size_t index;
} Ranked;

static int
by_value(const void *a, const void *b)
{
	const Ranked *left = a, *right = b;
	return (left->value > right->value) - (left->value < right->value);
}

/* With many classes a legend of all would say nothing: the worst are named and coloured, the rest stay grey. */
static Status
style_series(Series *series, char **labels, const char **names, const double *scores, size_t count, const Theme *theme)
{
	Ranked *ranked = malloc((count + 1) * sizeof *ranked);
	if (!ranked)
		return fail(STATUS_IO, "no memory for %zu classes", count);
	for (size_t i = 0; i < count; i++) {
		ranked[i] = (Ranked){ isfinite(scores[i]) ? scores[i] : INFINITY, i };
		series[i].colour = theme->faint;
	}
	if (count > NAMED_MOST)
		qsort(ranked, count, sizeof *ranked, by_value);
	for (size_t i = 0; i < (count > NAMED_MOST ? WORST : count); i++) {
		size_t index = ranked[i].index;
		series[index].colour = series_colour(i);
		series[index].is_dashed = i >= 8;
		if (asprintf(&labels[index], isfinite(scores[index]) ? "%s (%.3f)" : "%s", names[index], scores[index]) < 0)
			labels[index] = NULL;
		series[index].name = labels[index];
	}
	free(ranked);
	return STATUS_OK;
}

static Status
draw_chart_page(Canvas *canvas, const PlotStyle *style, const Chart *chart, double height)
{
	Canvas ruler;
	Status status = open_page(&ruler, style, 10, 10);
	if (status < 0)
		return status;
	height += chart_legend_height(&ruler, chart, style->width - 2 * MARGIN);
	canvas_release(&ruler);
	if ((status = open_page(canvas, style, style->width, height + 2 * MARGIN)) < 0)
		return status;
	chart_draw(canvas, chart, MARGIN, MARGIN, style->width - 2 * MARGIN, height);
	return close_page(canvas);
}

/* A kind of curve: its words, and the measure of a class that its legend shows. */
typedef struct CurveKind {
	const char *which, *title, *x, *y, *measure;
	bool has_diagonal;
} CurveKind;

static const CurveKind *
find_curve_kind(const char *which)
{
	static const CurveKind kinds[] = {
		{ "roc", "ROC, one class against the rest (area)", "false positive rate", "true positive rate", "roc_auc", true },
		{ "pr", "Precision and recall (average precision)", "recall", "precision", "average_precision", false },
		{ "reliability", "Reliability: share that is right, by probability", "mean probability of the prediction",
		  "share that is right", "", true },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].which, which))
			return &kinds[i];
	return NULL;
}

Status
plot_curves(Canvas *canvas, const PlotStyle *style, const json_t *metrics, const char *which)
{
	const CurveKind *kind = find_curve_kind(which);
	const json_t *curves = json_object_get(json_object_get(metrics, "curves"), which);
	size_t count;
	const char **names = class_names(metrics, &count);
	if (!kind || !names || !count || json_array_size(curves) != count) {
		free(names);
		if (json_is_null(json_object_get(metrics, "curves")))
			return fail(STATUS_INPUT, "the curves were left out; fm-metrics --json --curves yes prints them");
		return fail(STATUS_INPUT, "there are no %s curves; give what fm-metrics --json prints", which);
	}
	Series *series = calloc(count, sizeof *series);
	char **labels = calloc(count, sizeof *labels);
	double *scores = class_values(metrics, kind->measure, count);
	Status status = series && labels && scores ? STATUS_OK : fail(STATUS_IO, "no memory for %zu curves", count);
	for (size_t i = 0; i < count && status >= 0; i++)
		status = read_points(json_array_get(curves, i), &series[i]);
	if (status >= 0)
		status = style_series(series, labels, names, scores, count, style->theme);
	if (status >= 0)
		status = draw_chart_page(canvas, style,
					 &(Chart){ .title = style->title ? style->title : kind->title,
						   .x = { .title = kind->x, .low = 0, .high = 1 },
						   .y = { .title = kind->y, .low = 0, .high = 1 },
						   .series_count = count,
						   .series = series,
						   .has_diagonal = kind->has_diagonal },
					 style->width * 0.85);
	for (size_t i = 0; series && labels && i < count; i++) {
		free((double *)series[i].x);
		free((double *)series[i].y);
		free(labels[i]);
	}
	free(scores);
	free(labels);
	free(series);
	free(names);
	return status;
}

/* Training and validation of every run, for loss (column 0, 1) or accuracy (2, 3). */
static size_t
collect(const Log *log, enum LogColumn training, Series *series, char **labels)
{
	static const char *const kinds[] = { "training", "validation" };
	size_t count = 0;
	for (size_t i = 0; i < log->count; i++)
		for (int k = 0; k < 2; k++) {
			const LogRun *run = &log->runs[i];
			bool is_alone = log->count == 1;
			if (asprintf(&labels[count], is_alone ? "%.0s%s" : "%s, %s", run->name, kinds[k]) < 0)
				labels[count] = NULL;
			series[count] = (Series){ .name = labels[count],
						  .count = run->count,
						  .x = run->epoch,
						  .y = run->values[training + k],
						  .colour = series_colour(is_alone ? (size_t)k : i),
						  .is_dashed = !k };
			count++;
		}
	return count;
}

static Status
draw_training(Canvas *canvas, const PlotStyle *style, const Log *log, Series *series, char **labels)
{
	double width = style->width - 2 * MARGIN, height = 170;
	size_t count = collect(log, LOG_LOSS, series, labels);
	Chart loss = { .title = style->title ? style->title : "Loss", .x = { .is_whole = true }, .series_count = count,
		       .series = series };
	for (size_t i = 0; i < count; i++)
		series[i].name = NULL; /* one legend, below the second chart */
	Chart accuracy = loss;
	Series *second = series + count;
	collect(log, LOG_ACCURACY, second, labels + count);
	accuracy.title = "Accuracy";
	accuracy.x.title = "epoch";
	accuracy.y.is_share = true;
	accuracy.series = second;
	Canvas ruler;
	Status status = open_page(&ruler, style, 10, 10);
	if (status < 0)
		return status;
	double legend = chart_legend_height(&ruler, &accuracy, width);
	canvas_release(&ruler);
	if ((status = open_page(canvas, style, style->width, 2 * height + 14 + legend + 2 * MARGIN)) < 0)
		return status;
	chart_draw(canvas, &loss, MARGIN, MARGIN, width, height);
	chart_draw(canvas, &accuracy, MARGIN, MARGIN + height, width, height + 14 + legend);
	return close_page(canvas);
}

Status
plot_training(Canvas *canvas, const PlotStyle *style, const Log *log)
{
	if (!log->count)
		return fail(STATUS_INPUT, "the log has no epoch yet; give what fm-train --log writes");
	Series *series = calloc(4 * log->count, sizeof *series);
	char **labels = calloc(4 * log->count, sizeof *labels);
	Status status = series && labels ? draw_training(canvas, style, log, series, labels)
					 : fail(STATUS_IO, "no memory for %zu runs", log->count);
	for (size_t i = 0; labels && i < 4 * log->count; i++)
		free(labels[i]);
	free(labels);
	free(series);
	return status;
}

static const TensorInfo *
first_kernel(const Net *net)
{
	for (size_t i = 0; i < net->tensor_count; i++)
		if (net->tensors[i].rank == 4)
			return &net->tensors[i];
	return NULL;
}

/* One kernel, input channels averaged, as cells from its smallest (background) to its largest value. */
static void
draw_kernel(Canvas *canvas, const float *weights, const uint32_t *shape, double x, double y, double cell)
{
	uint32_t size = shape[2] * shape[3];
	double low = INFINITY, high = -INFINITY;
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < size; i++) {
			double sum = 0;
			for (uint32_t c = 0; c < shape[1]; c++)
				sum += weights[c * size + i];
			low = fmin(low, sum);
			high = fmax(high, sum);
			double share = high > low ? (sum - low) / (high - low) : 0;
			if (pass)
				fill_rectangle(canvas, x + i % shape[3] * cell, y + (double)(i / shape[3]) * cell, cell, cell,
					       shade(canvas->theme, share));
		}
}

Status
plot_filters(Canvas *canvas, const PlotStyle *style, const Model *model)
{
	const TensorInfo *kernel = first_kernel(&model->net);
	if (!kernel)
		return fail(STATUS_INPUT, "the model has no convolution, so there are no filters to show");
	const uint32_t *shape = kernel->shape;
	double room = style->width - 2 * MARGIN, gap = 6, side = 36;
	uint32_t columns = (uint32_t)fmax(1, floor((room + gap) / (side + gap)));
	uint32_t rows = (shape[0] + columns - 1) / columns;
	double cell = side / fmax(shape[2], shape[3]);
	Status status = open_page(canvas, style, style->width, rows * (side + gap) + 22 + 2 * MARGIN);
	if (status < 0)
		return status;
	draw_title(canvas, MARGIN, MARGIN + 8, style->title ? style->title : "Filters of the first convolution", 11,
		   ANCHOR_START, room);
	for (uint32_t i = 0; i < shape[0]; i++) {
		double x = MARGIN + i % columns * (side + gap), y = MARGIN + 22 + (double)(i / columns) * (side + gap);
		draw_kernel(canvas, model->param + kernel->offset + (size_t)i * shape[1] * shape[2] * shape[3], shape, x, y,
			    cell);
		cairo_rectangle(canvas->cr, x, y, cell * shape[3], cell * shape[2]);
		set_colour(canvas, canvas->theme->faint);
		cairo_set_line_width(canvas->cr, 0.5);
		cairo_stroke(canvas->cr);
	}
	return close_page(canvas);
}
