/* show/terminal.h: pictures in a terminal, as sixel, kitty graphics or characters, whatever it can. */
#ifndef FM_SHOW_TERMINAL_H
#define FM_SHOW_TERMINAL_H

#include "show/tiles.h"

#include <stdio.h>

/**
 * Print rows of pictures with captions in characters below; green or red words are avoided, see sheet.h.
 *
 * @param columns     pictures a row; 0: as many as fit
 * @param width       of the terminal, in characters
 * @param has_colour  false under NO_COLOR: pictures in plain characters, a wrong prediction marked by "!"
 */
MUST_CHECK Status terminal_show(FILE *out, const Tiles *tiles, size_t columns, size_t width, bool has_captions,
				bool has_colour);

/** Width of the terminal that stdout is, or 80. */
size_t terminal_width(void);

#endif
