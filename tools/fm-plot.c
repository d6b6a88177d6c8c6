/* fm-plot: charts of scores, training logs and models, as PNG, SVG or PDF. */
#include "cli/atomic.h"
#include "cli/message.h"
#include "cli/options.h"
#include "draw/follow.h"
#include "draw/plots.h"
#include "json/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *output, *format_name, *theme_name = "light", *title;
static double scale = 2, width = 360;
static bool is_live;

static const Option options[] = {
	OPT_TEXT('o', "output", "FILE", &output, "write here; its ending says the format", .fallback = "standard output"),
	OPT_CHOICE('f', "format", "png|svg|pdf", &format_name, "format", .fallback = "by the output's ending, else png"),
	OPT_CHOICE(0, "theme", "light|dark", &theme_name, "dark on light, or light on dark"),
	OPT_TEXT('t', "title", "TEXT", &title, "title", .fallback = "the plot's own"),
	OPT_REAL('w', "width", "POINTS", &width, "width of a chart; a matrix takes what it needs", .least = 120, .most = 2000),
	OPT_REAL('s', "scale", "N", &scale, "pixels a point, of a PNG", .least = 0.5, .most = 10),
	OPT_FLAG('l', "live", &is_live, "training: draw again whenever the log grows, until interrupted"),
	OPT_OPERAND("KIND", NULL, "confusion, bars, roc, pr, reliability, training or filters"),
	OPT_OPERAND("FILE", NULL, "of fm-metrics --json; training: logs of fm-train; filters: a model"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-plot",
	.summary = "draw scores, training curves and filters",
	.usage = "fm-plot [OPTION]... confusion|bars|roc|pr|reliability [METRICS.json] [-o OUT.png]\n"
		 "fm-plot [OPTION]... training LOG... [-o OUT.png]\n"
		 "fm-plot [OPTION]... filters MODEL [-o OUT.png]",
	.options = options,
	.operands = 64,
};

static PlotStyle
choose_style(void)
{
	PlotStyle style = { .format = CANVAS_PNG, .scale = scale, .width = width, .title = title };
	style.theme = strcmp(theme_name, "dark") ? &theme_light : &theme_dark;
	if (format_name)
		style.format = !strcmp(format_name, "svg") ? CANVAS_SVG : !strcmp(format_name, "pdf") ? CANVAS_PDF : CANVAS_PNG;
	else if (output && strcmp(output, "-") != 0 && !canvas_format_of(output, &style.format))
		must(fail(STATUS_USAGE, "%s: its ending says no format; expected .png, .svg or .pdf, or --format", output));
	return style;
}

static Status
plot_metrics(Canvas *canvas, const PlotStyle *style, const char *kind, const char *path)
{
	json_t *metrics;
	Status status = json_read(&metrics, path);
	if (status < 0)
		return status;
	if (!strcmp(kind, "confusion"))
		status = plot_confusion(canvas, style, metrics);
	else if (!strcmp(kind, "bars"))
		status = plot_bars(canvas, style, metrics);
	else
		status = plot_curves(canvas, style, metrics, kind);
	json_decref(metrics);
	return status < 0 ? fail_in(status, "%s", strcmp(path, "-") ? path : "standard input") : status;
}

static Status
plot_logs(Canvas *canvas, const PlotStyle *style, char **paths, int count)
{
	Log log = { 0 };
	Status status = STATUS_OK;
	for (int i = 0; i < count && status >= 0; i++)
		status = log_read(&log, paths[i]);
	if (status >= 0)
		status = plot_training(canvas, style, &log);
	log_release(&log);
	return status;
}

static Status
plot_model(Canvas *canvas, const PlotStyle *style, const char *path)
{
	Model model;
	Status status = model_read(&model, path);
	if (status < 0)
		return status;
	status = plot_filters(canvas, style, &model);
	model_release(&model);
	return status;
}

static Status
plot(Canvas *canvas, const PlotStyle *style, const char *kind, char **paths, int count)
{
	static char *from_stdin[] = { (char *)"-" };
	if (!count) {
		paths = from_stdin;
		count = 1;
	}
	if (!strcmp(kind, "training"))
		return plot_logs(canvas, style, paths, count);
	if (count > 1)
		return fail(STATUS_USAGE, "%s takes one file, not %d; only training draws several over each other", kind, count);
	if (!strcmp(kind, "filters"))
		return plot_model(canvas, style, strcmp(paths[0], "-") ? paths[0] : "/dev/stdin");
	return plot_metrics(canvas, style, kind, paths[0]);
}

static Status
plot_once(const PlotStyle *style, const char *kind, char **paths, int count)
{
	Canvas canvas;
	Status status = plot(&canvas, style, kind, paths, count);
	if (status < 0)
		return status;
	status = output ? atomic_write(output, canvas.bytes, canvas.size)
			: write_all(STDOUT_FILENO, canvas.bytes, canvas.size, "standard output");
	canvas_release(&canvas);
	return status;
}

static bool
is_kind(const char *kind)
{
	static const char *const kinds[] = { "confusion", "bars", "roc", "pr", "reliability", "training", "filters" };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	/* arguments */
	const char *kind = cli_start(&manual, &argc, &argv);
	char **paths = argv + 1;
	int count = argc - 1;
	if (!is_kind(kind))
		must(fail(STATUS_USAGE, "%s is nothing to plot; expected confusion, bars, roc, pr, reliability, training or filters",
			  argc ? kind : "(no operand)"));
	if (is_live && (strcmp(kind, "training") || !output || !strcmp(output, "-") || !count))
		must(fail(STATUS_USAGE, "--live needs: fm-plot training LOG... --output FILE"));
	if (!count)
		cli_reads_stdin();
	for (int i = 0; i < count; i++)
		cli_reads(paths[i]);
	PlotStyle style = choose_style();
	if (!output && isatty(STDOUT_FILENO))
		must(fail(STATUS_USAGE, "a picture is not written to a terminal; name a file with --output"));

	/* run */
	if (is_live)
		must(follow_wait_for(paths, count));
	must(plot_once(&style, kind, paths, count));
	while (is_live) {
		must(follow_change(paths, count));
		must(plot_once(&style, kind, paths, count));
	}

	/* finish */
	return cli_finish(STATUS_OK);
}
