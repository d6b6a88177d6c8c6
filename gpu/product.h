/* product.h: matrix products by cuBLAS, for matrices as we have them: rows together, sums in fp32.
 *
 * cuBLAS has columns together, so it is asked for the transposed product of the transposed matrices. */
#ifndef FM_GPU_PRODUCT_H
#define FM_GPU_PRODUCT_H

#include "cell.h"
#include "work.h"

/** y[m, n] = x[m, k] w[k, n]; a dense layer, or a convolution of written-out windows */
template <typename Cell, typename Out>
void product_forward(Work &work, uint32_t m, uint32_t n, uint32_t k, const Cell *x, const Cell *w, Out *y);

/** dx[m, k] = dy[m, n] w[k, n]^T */
template <typename Cell>
void product_input(Work &work, uint32_t m, uint32_t n, uint32_t k, const Cell *dy, const Cell *w, Cell *dx);

/** dw[k, n] = alpha x[m, k]^T dy[m, n], added to what is there where is_added */
template <typename Cell>
void product_weight(Work &work, uint32_t m, uint32_t n, uint32_t k, const Cell *x, const Cell *dy, float alpha,
		    bool is_added, float *dw);

#endif
