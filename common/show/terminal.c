#include "show/terminal.h"

#include <chafa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CELL_WIDE = 18, CELL_HIGH = 9 }; /* characters of a picture; a character is about twice as high as wide */

size_t
terminal_width(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return 80;
}

/* What the terminal says that it can: graphics before colours, colours before plain characters. */
static void
choose_mode(ChafaTermInfo *term, bool has_colour, ChafaCanvasConfig *config)
{
	ChafaPixelMode pixels = CHAFA_PIXEL_MODE_SYMBOLS;
	ChafaCanvasMode mode = CHAFA_CANVAS_MODE_FGBG;
	if (has_colour && chafa_term_info_have_seq(term, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1))
		pixels = CHAFA_PIXEL_MODE_KITTY;
	else if (has_colour && chafa_term_info_have_seq(term, CHAFA_TERM_SEQ_BEGIN_SIXELS))
		pixels = CHAFA_PIXEL_MODE_SIXELS;
	if (has_colour && (pixels != CHAFA_PIXEL_MODE_SYMBOLS || chafa_term_info_have_seq(term, CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT)))
		mode = CHAFA_CANVAS_MODE_TRUECOLOR;
	else if (has_colour && chafa_term_info_have_seq(term, CHAFA_TERM_SEQ_SET_COLOR_FGBG_256))
		mode = CHAFA_CANVAS_MODE_INDEXED_240;
	else if (has_colour && chafa_term_info_have_seq(term, CHAFA_TERM_SEQ_SET_COLOR_FGBG_16))
		mode = CHAFA_CANVAS_MODE_INDEXED_16;
	ChafaSymbolMap *symbols = chafa_symbol_map_new();
	chafa_symbol_map_add_by_tags(symbols, mode == CHAFA_CANVAS_MODE_FGBG ? CHAFA_SYMBOL_TAG_ASCII : CHAFA_SYMBOL_TAG_BLOCK);
	chafa_canvas_config_set_symbol_map(config, symbols);
	chafa_symbol_map_unref(symbols);
	chafa_canvas_config_set_pixel_mode(config, pixels);
	chafa_canvas_config_set_canvas_mode(config, mode);
	/* in characters one cell is tall; graphics need to know how many pixels it has */
	if (pixels != CHAFA_PIXEL_MODE_SYMBOLS)
		chafa_canvas_config_set_cell_geometry(config, 10, 20);
}

/* A row of pictures side by side, one column of dark pixels between them, as one picture. */
static uint8_t *
join_row(const Tiles *tiles, size_t first, size_t columns)
{
	size_t step = tiles->width + 2, stride = step * columns * 3;
	uint8_t *row = calloc(tiles->height, stride);
	for (size_t i = 0; row && i < columns && first + i < tiles->count; i++)
		for (uint32_t y = 0; y < tiles->height; y++)
			memcpy(row + y * stride + (i * step + 1) * 3, tiles->tiles[first + i].rgb + (size_t)y * tiles->width * 3,
			       (size_t)tiles->width * 3);
	return row;
}

static Status
print_pictures(FILE *out, const Tiles *tiles, size_t first, size_t columns, ChafaTermInfo *term, ChafaCanvasConfig *config)
{
	uint8_t *row = join_row(tiles, first, columns);
	if (!row)
		return fail_errno("no memory for a row of pictures");
	int width = (int)((tiles->width + 2) * columns);
	chafa_canvas_config_set_geometry(config, (int)(CELL_WIDE * columns), CELL_HIGH);
	ChafaCanvas *canvas = chafa_canvas_new(config);
	chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, row, width, (int)tiles->height, 3 * width);
	GString *text = chafa_canvas_print(canvas, term);
	fwrite(text->str, 1, text->len, out);
	putc('\n', out);
	g_string_free(text, TRUE);
	chafa_canvas_unref(canvas);
	free(row);
	return STATUS_OK;
}

/* A name in so many columns: cut, padded, control bytes replaced. Wide characters may shift a caption, never break it. */
static void
print_cell(FILE *out, const char *text, const char *colour)
{
	size_t shown = 0;
	if (colour)
		fputs(colour, out);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool starts = (*c & 0xc0) != 0x80;
		if (starts && shown == CELL_WIDE - 1)
			break;
		shown += starts;
		putc(*c < 0x20 || *c == 0x7f ? '?' : *c, out);
	}
	if (colour)
		fputs("\033[0m", out);
	fprintf(out, "%*s", (int)(CELL_WIDE - shown), "");
}

static void
print_captions(FILE *out, const Tiles *tiles, size_t first, size_t columns, bool has_colour)
{
	bool has_predictions = false;
	for (size_t i = first; i < tiles->count && i < first + columns; i++) {
		const Tile *tile = &tiles->tiles[i];
		print_cell(out, tile->label < 0 ? "(unlabelled)" : tile_class(tiles, tile->label), NULL);
		has_predictions |= tile->predicted >= 0;
	}
	putc('\n', out);
	for (size_t i = first; has_predictions && i < tiles->count && i < first + columns; i++) {
		const Tile *tile = &tiles->tiles[i];
		bool is_wrong = tile->label >= 0 && tile->label != tile->predicted;
		char text[300];
		snprintf(text, sizeof text, "%s%.0f%% %s", is_wrong ? "! " : "", 100 * tile->prob, tile_class(tiles, tile->predicted));
		print_cell(out, text, !has_colour || tile->label < 0 ? NULL : is_wrong ? "\033[33m" : "\033[36m");
	}
	fputs(has_predictions ? "\n\n" : "\n", out);
}

Status
terminal_show(FILE *out, const Tiles *tiles, size_t columns, size_t width, bool has_captions, bool has_colour)
{
	gchar **environment = g_get_environ();
	ChafaTermInfo *term = chafa_term_db_detect(chafa_term_db_get_default(), environment);
	ChafaCanvasConfig *config = chafa_canvas_config_new();
	Status status = STATUS_OK;
	size_t most = width / CELL_WIDE ? width / CELL_WIDE : 1;
	if (!columns || columns > most)
		columns = most;
	choose_mode(term, has_colour, config);
	for (size_t i = 0; i < tiles->count && status >= 0; i += columns) {
		status = print_pictures(out, tiles, i, columns, term, config);
		if (status >= 0 && has_captions)
			print_captions(out, tiles, i, columns, has_colour);
	}
	chafa_canvas_config_unref(config);
	chafa_term_info_unref(term);
	g_strfreev(environment);
	return status;
}
