/* fm-show: look at the pictures of a stream, on a contact sheet or in the terminal. */
#include "cli/atomic.h"
#include "cli/message.h"
#include "cli/options.h"
#include "show/sheet.h"
#include "show/terminal.h"
#include "show/tiles.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *output, *format_name, *theme_name = "light";
static uint64_t most = 100, columns;
static double side = 64, scale = 2;
static bool is_grid;

static const Option options[] = {
	OPT_TEXT('o', "output", "FILE", &output, "write a sheet here; its ending says the format",
		 .fallback = "the terminal, else standard output"),
	OPT_CHOICE('f', "format", "png|svg|pdf", &format_name, "format", .fallback = "by the output's ending, else png"),
	OPT_COUNT('n', "count", "N", &most, "show at most N pictures", .least = 1, .most = 10000),
	OPT_COUNT('c', "columns", "N", &columns, "pictures a row; 0 = about a square, or what fits", .most = 1000),
	OPT_REAL('w', "side", "POINTS", &side, "longer side of a picture on a sheet", .least = 8, .most = 1000),
	OPT_REAL('s', "scale", "N", &scale, "pixels a point, of a PNG", .least = 0.5, .most = 10),
	OPT_CHOICE(0, "theme", "light|dark", &theme_name, "dark on light, or light on dark"),
	OPT_FLAG('g', "augment-grid", &is_grid, "a row a picture, a column an epoch, without captions"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-show",
	.summary = "look at the pictures of a tensor stream",
	.usage = "fm-show [OPTION]... [FILE.fms]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
};

static SheetStyle
choose_style(void)
{
	SheetStyle style = { .format = CANVAS_PNG, .scale = scale, .side = side, .columns = columns, .is_grid = is_grid };
	style.theme = strcmp(theme_name, "dark") ? &theme_light : &theme_dark;
	if (format_name)
		style.format = !strcmp(format_name, "svg") ? CANVAS_SVG : !strcmp(format_name, "pdf") ? CANVAS_PDF : CANVAS_PNG;
	else if (output && strcmp(output, "-") != 0 && !canvas_format_of(output, &style.format))
		must(fail(STATUS_USAGE, "%s: its ending says no format; expected .png, .svg or .pdf, or --format", output));
	return style;
}

static Status
send_sheet(const SheetStyle *style, const Tiles *tiles)
{
	Canvas canvas;
	Status status = sheet_draw(&canvas, style, tiles);
	if (status < 0)
		return status;
	status = output ? atomic_write(output, canvas.bytes, canvas.size)
			: write_all(STDOUT_FILENO, canvas.bytes, canvas.size, "standard output");
	canvas_release(&canvas);
	return status;
}

int
main(int argc, char **argv)
{
	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);
	SheetStyle style = choose_style();
	bool is_terminal = !output && isatty(STDOUT_FILENO);

	/* read */
	Reader reader;
	Tiles tiles;
	must(reader_open(&reader, path));
	must(tiles_read(&tiles, &reader, most));
	reader_close(&reader);

	/* show */
	if (is_grid) {
		tiles_group(&tiles);
		style.columns = columns ? columns : tiles_group_size(&tiles);
	}
	if (is_terminal)
		must(terminal_show(stdout, &tiles, style.columns, terminal_width(), !is_grid, !getenv("NO_COLOR")));
	else
		must(send_sheet(&style, &tiles));

	/* finish */
	tiles_release(&tiles);
	return cli_finish(STATUS_OK);
}
