/* draw/matrix.h: a confusion matrix, rows actual, columns predicted. */
#ifndef FM_DRAW_MATRIX_H
#define FM_DRAW_MATRIX_H

#include "draw/canvas.h"

#include <stdint.h>

typedef struct Matrix {
	const char *title;
	uint32_t classes;
	char *const *names;	/* [classes] */
	const double *counts;	/* [classes, classes] */
} Matrix;

/** The size that this matrix needs to be readable, in points. */
void matrix_size(Canvas *canvas, const Matrix *matrix, double *width, double *height);

/**
 * Draw it at (x, y) in its own size. A cell is shaded by its share of its row; where there is room it holds the count
 * and, below, the row percentage. Many classes make cells too small for that: then the shade speaks alone.
 */
void matrix_draw(Canvas *canvas, const Matrix *matrix, double x, double y);

#endif
