/* draw/bars.h: a few measures of every class, as horizontal bars. */
#ifndef FM_DRAW_BARS_H
#define FM_DRAW_BARS_H

#include "draw/canvas.h"

#include <stdint.h>

enum { BARS_MEASURES_MOST = 4 };

typedef struct Bars {
	const char *title;
	uint32_t classes;
	char *const *names;		/* [classes] */
	int measures;
	const char *labels[BARS_MEASURES_MOST];
	const double *values[BARS_MEASURES_MOST]; /* each [classes], 0 … 1; NaN draws a dash */
} Bars;

double bars_height(const Bars *bars);
void bars_draw(Canvas *canvas, const Bars *bars, double x, double y, double width);

#endif
