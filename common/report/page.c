#include "report/page.h"

#include "draw/plots.h"
#include "info/describe.h"
#include "info/script.h"
#include "json/canonical.h"
#include "report/html.h"
#include "show/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
	":root{color-scheme:light dark;--ink:#222;--back:#fff;--faint:#777;--line:#ddd;--right:#0072b2;--wrong:#c04a00}"
	"@media(prefers-color-scheme:dark){:root{--ink:#eaeaea;--back:#1a1c1f;--faint:#9a9a9a;--line:#3a3d41;"
	"--right:#56b4e9;--wrong:#ff8c42}}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;max-width:66rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);"
	"background:var(--back)}"
	"h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--line)}"
	".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}"
	".card{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .8rem}.card b{display:block;font-size:1.4rem}"
	".card span,.faint{color:var(--faint);font-size:.85rem}"
	".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
	"th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
	"th:first-child,td:first-child{text-align:left}"
	".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem;align-items:start}"
	".plots img{width:100%;max-width:36rem;height:auto}"
	".mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(7.5rem,1fr));gap:.8rem}"
	"figure{margin:0;font-size:.85rem;line-height:1.3;overflow-wrap:anywhere}"
	"figure img{width:100%;image-rendering:pixelated;border:3px solid var(--wrong);border-radius:.3rem;display:block}"
	".wrong{color:var(--wrong)}"
	"pre{overflow-x:auto;padding:.8rem;border:1px solid var(--line);border-radius:.5rem;font-size:.85rem}"
	"code{overflow-wrap:anywhere}"
	"@media print{body{max-width:none;font-size:11pt}h2{break-after:avoid}figure,.card,tr,img{break-inside:avoid}}";

/* A number of the metrics; NaN where it is null or absent. */
static double
number(const json_t *object, const char *key, const char *inner)
{
	const json_t *value = json_object_get(object, key);
	if (inner)
		value = json_object_get(value, inner);
	return json_is_number(value) ? json_number_value(value) : NAN;
}

static void
put_number(FILE *out, double value, bool is_share)
{
	if (!isfinite(value))
		fputs("–", out);
	else
		fprintf(out, is_share ? "%.2f %%" : "%.4f", is_share ? 100 * value : value);
}

typedef struct Card {
	const char *label, *key, *inner;
	bool is_share;
} Card;

static void
put_card(FILE *out, const Page *page, const Card *card)
{
	double value = number(page->metrics, card->key, card->inner), old = number(page->baseline, card->key, card->inner);
	fprintf(out, "<div class=card><span>%s</span><b>", card->label);
	put_number(out, value, card->is_share);
	fputs("</b>", out);
	if (page->baseline) {
		fputs("<span>before: ", out);
		put_number(out, old, card->is_share);
		if (isfinite(value) && isfinite(old))
			fprintf(out, card->is_share ? " (%+.2f)" : " (%+.4f)", (value - old) * (card->is_share ? 100 : 1));
		fputs("</span>", out);
	}
	fputs("</div>\n", out);
}

static void
put_scores(FILE *out, const Page *page)
{
	static const Card cards[] = {
		{ "accuracy", "accuracy", NULL, true },	      { "precision, weighted", "precision", "weighted", true },
		{ "recall, weighted", "recall", "weighted", true }, { "F1, weighted", "f1", "weighted", true },
		{ "F1, macro", "f1", "macro", true },	      { "MCC", "mcc", NULL, false },
		{ "log loss", "log_loss", NULL, false },      { "calibration error", "ece", NULL, false },
	};
	double samples = number(page->metrics, "samples", NULL), unlabelled = number(page->metrics, "unlabelled", NULL);
	fprintf(out, "<p class=faint>%.0f samples", isfinite(samples) ? samples : 0);
	if (unlabelled > 0)
		fprintf(out, ", %.0f of them unlabelled", unlabelled);
	fputs("</p>\n<div class=cards>\n", out);
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++)
		put_card(out, page, &cards[i]);
	fputs("</div>\n", out);
}

static void
put_classes(FILE *out, const Page *page)
{
	static const char *const columns[] = { "precision", "recall", "f1", "roc_auc", "average_precision" };
	static const char *const titles[] = { "precision", "recall", "F1", "ROC area", "average precision" };
	size_t i;
	json_t *class;
	fputs("<h2>Classes</h2>\n<div class=wide><table><thead><tr><th>class<th>samples", out);
	for (int k = 0; k < 5; k++)
		fprintf(out, "<th>%s", titles[k]);
	fputs("</thead><tbody>\n", out);
	json_array_foreach(json_object_get(page->metrics, "classes"), i, class)
	{
		const char *name = json_string_value(json_object_get(class, "name"));
		fputs("<tr><td>", out);
		html_text(out, name ? name : "?");
		fprintf(out, "<td>%.0f", number(class, "support", NULL));
		for (int k = 0; k < 5; k++) {
			fputs("<td>", out);
			put_number(out, number(class, columns[k], NULL), k < 3);
		}
		fputs("\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void
put_pairs(FILE *out, const Page *page)
{
	size_t i;
	json_t *pair;
	const json_t *pairs = json_object_get(page->metrics, "confused_pairs");
	if (!json_array_size(pairs))
		return;
	fputs("<ul>\n", out);
	json_array_foreach((json_t *)pairs, i, pair)
	{
		const char *actual = json_string_value(json_object_get(pair, "actual"));
		const char *predicted = json_string_value(json_object_get(pair, "predicted"));
		if (i == 5)
			break;
		fputs("<li>", out);
		html_text(out, actual ? actual : "?");
		fputs(" taken for ", out);
		html_text(out, predicted ? predicted : "?");
		fprintf(out, ": %.0f times (", number(pair, "count", NULL));
		put_number(out, number(pair, "share", NULL), true);
		fputs(" of its class)\n", out);
	}
	fputs("</ul>\n", out);
}

/* What draws one plot of the page. */
typedef Status PlotFunction(Canvas *canvas, const PlotStyle *style, const Page *page, const char *which);

static Status
draw_matrix(Canvas *canvas, const PlotStyle *plot, const Page *page, const char *which)
{
	(void)which;
	return plot_confusion(canvas, plot, page->metrics);
}

static Status
draw_curves(Canvas *canvas, const PlotStyle *plot, const Page *page, const char *which)
{
	return plot_curves(canvas, plot, page->metrics, which);
}

static Status
draw_training(Canvas *canvas, const PlotStyle *plot, const Page *page, const char *which)
{
	(void)which;
	return plot_training(canvas, plot, page->log);
}

static Status
draw_filters(Canvas *canvas, const PlotStyle *plot, const Page *page, const char *which)
{
	(void)which;
	return plot_filters(canvas, plot, page->model);
}

static Status
put_image(FILE *out, const Page *page, PlotFunction *draw, const char *which, const Theme *theme)
{
	const PlotStyle plot = { .format = CANVAS_SVG, .theme = theme, .scale = 1, .width = 360 };
	Canvas canvas;
	Status status = draw(&canvas, &plot, page, which);
	if (status < 0)
		return status;
	html_data(out, "image/svg+xml", canvas.bytes, canvas.size);
	canvas_release(&canvas);
	return STATUS_OK;
}

/* Once light and once dark: the browser takes the one that fits, and paper the light one. */
static Status
put_plot(FILE *out, const Page *page, const char *words, PlotFunction *draw, const char *which)
{
	fputs("<picture><source media=\"screen and (prefers-color-scheme:dark)\" srcset=\"", out);
	Status status = put_image(out, page, draw, which, &theme_dark);
	if (status < 0)
		return status;
	fputs("\"><img src=\"", out);
	status = put_image(out, page, draw, which, &theme_light);
	fprintf(out, "\" alt=\"%s\"></picture>\n", words);
	return status;
}

static Status
put_plots(FILE *out, const Page *page)
{
	const json_t *curves = json_object_get(page->metrics, "curves");
	Status status = STATUS_OK;
	fputs("<h2>Confusions</h2>\n", out);
	put_pairs(out, page);
	fputs("<div class=plots>\n", out);
	if (json_is_array(json_object_get(page->metrics, "confusion_matrix")))
		status = put_plot(out, page, "confusion matrix, rows actual, columns predicted", draw_matrix, NULL);
	if (status >= 0 && json_is_object(curves))
		status = put_plot(out, page, "reliability diagram", draw_curves, "reliability");
	if (status >= 0 && json_is_object(curves))
		status = put_plot(out, page, "ROC curves", draw_curves, "roc");
	if (status >= 0 && json_is_object(curves))
		status = put_plot(out, page, "precision and recall", draw_curves, "pr");
	fputs("</div>\n", out);
	if (status < 0 || !page->log || !page->log->count)
		return status;
	fputs("<h2>Training</h2>\n<div class=plots>\n", out);
	status = put_plot(out, page, "loss and accuracy by epoch", draw_training, NULL);
	fputs("</div>\n", out);
	return status;
}

static Status
put_mistake(FILE *out, const Tiles *tiles, size_t index)
{
	/* the picture alone, a point a pixel: the browser enlarges it */
	const Tile *tile = &tiles->tiles[index];
	Canvas canvas;
	Status status = picture_draw(&canvas, tiles, tile);
	if (status < 0)
		return status;
	fputs("<figure><img alt=\"\" src=\"", out);
	html_data(out, "image/png", canvas.bytes, canvas.size);
	canvas_release(&canvas);
	fputs("\"><figcaption>", out);
	html_text(out, tile_class(tiles, tile->label));
	fprintf(out, "<br><span class=wrong>%.1f %% ", 100 * tile->prob);
	html_text(out, tile_class(tiles, tile->predicted));
	fputs("</span><br><span class=faint>", out);
	if (tile->name)
		html_text(out, tile->name);
	else
		fprintf(out, "id %lld", (long long)tile->id);
	fputs("</span></figcaption></figure>\n", out);
	return STATUS_OK;
}

static Status
put_mistakes(FILE *out, const Tiles *mistakes)
{
	Status status = STATUS_OK;
	if (!mistakes || !mistakes->count)
		return STATUS_OK;
	fputs("<h2>Most confident mistakes</h2>\n<p class=faint>Actual class, then what it was taken for.</p>\n"
	      "<div class=mistakes>\n",
	      out);
	for (size_t i = 0; i < mistakes->count && status >= 0; i++)
		status = put_mistake(out, mistakes, i);
	fputs("</div>\n", out);
	return status;
}

static void
put_layers(FILE *out, const json_t *description)
{
	size_t i, k;
	json_t *layer, *side;
	fputs("<div class=wide><table><thead><tr><th>layer<th>type<th>output<th>parameters</thead><tbody>\n", out);
	json_array_foreach(json_object_get(description, "layers"), i, layer)
	{
		fputs("<tr><td>", out);
		html_text(out, json_string_value(json_object_get(layer, "name")));
		fputs("<td>", out);
		html_text(out, json_string_value(json_object_get(layer, "type")));
		fputs("<td>", out);
		json_array_foreach(json_object_get(layer, "output_shape"), k, side)
			fprintf(out, "%s%" JSON_INTEGER_FORMAT, k ? " × " : "", json_integer_value(side));
		fprintf(out, "<td>%.0f\n", number(layer, "parameters", NULL));
	}
	fprintf(out, "</tbody></table></div>\n<p>%.0f parameters, %.0f of them trainable.</p>\n",
		number(description, "parameters", NULL), number(description, "trainable", NULL));
}

static Status
put_model(FILE *out, const Page *page)
{
	if (!page->model)
		return STATUS_OK;
	json_t *description = describe_model(page->model);
	const char *content = json_string_value(json_object_get(description, "content"));
	fputs("<h2>The net</h2>\n", out);
	put_layers(out, description);
	fprintf(out, "<p class=faint>Model <code>%s</code></p>\n", content);
	json_decref(description);
	for (size_t i = 0; i < page->model->net.layer_count; i++) {
		if (page->model->net.layers[i].kind != LAYER_CONV)
			continue;
		fputs("<div class=plots>\n", out);
		Status status = put_plot(out, page, "filters of the first convolution", draw_filters, NULL);
		fputs("</div>\n", out);
		return status;
	}
	return STATUS_OK;
}

static bool
knows_history(const json_t *inputs)
{
	size_t i;
	json_t *input;
	json_array_foreach((json_t *)inputs, i, input)
		if (json_array_size(json_object_get(input, "history")))
			return true;
	return false;
}

static void
put_pipeline(FILE *out, const Page *page)
{
	char *script = NULL;
	bool is_one = json_array_size(page->inputs) == 1;
	const json_t *history = json_object_get(json_array_get(page->inputs, 0), "history");
	if (!knows_history(page->inputs))
		return;
	fputs("<h2>How it was made</h2>\n<pre>", out);
	/* a history that is not ours is shown as it is, not left out */
	if (script_from_inputs(page->inputs, &script) < 0)
		script = json_canonical(is_one ? history : page->inputs, NULL);
	html_text(out, script ? script : "");
	fprintf(out, "</pre>\n<p class=faint>Predictions <code>%s</code></p>\n", page->content);
	free(script);
}

Status
page_write(const Page *page, FILE *out)
{
	fputs("<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
	      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
	      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none';img-src data:;style-src 'unsafe-inline'\">\n"
	      "<title>",
	      out);
	html_text(out, page->title);
	fprintf(out, "</title>\n<style>%s</style></head><body>\n<h1>", style);
	html_text(out, page->title);
	fputs("</h1>\n", out);
	put_scores(out, page);
	put_classes(out, page);
	Status status = put_plots(out, page);
	if (status >= 0)
		status = put_mistakes(out, page->mistakes);
	if (status >= 0)
		status = put_model(out, page);
	put_pipeline(out, page);
	fputs("</body></html>\n", out);
	return status;
}
