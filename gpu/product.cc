/* product.cc: see product.h. */
#include "product.h"

/* c [columns_c, rows_c] in cuBLAS's sense */
struct Order {
	cublasOperation_t op_a, op_b;
	uint32_t m, n, k;
	const void *a, *b;
	cudaDataType type;
	uint32_t lda, ldb;
	void *c;
	cudaDataType type_c;
	float alpha, beta;
};

static void
multiply(Work &work, const Order &order)
{
	const cublasComputeType_t compute = order.type == CUDA_R_32F ? work.compute : CUBLAS_COMPUTE_32F;

	if (!work_is_well(work))
		return;
	work.blas_error = cublasGemmEx(work.blas, order.op_a, order.op_b, static_cast<int>(order.m),
				       static_cast<int>(order.n), static_cast<int>(order.k), &order.alpha, order.a,
				       order.type, static_cast<int>(order.lda), order.b, order.type,
				       static_cast<int>(order.ldb), &order.beta, order.c, order.type_c,
				       static_cast<int>(order.m), compute, CUBLAS_GEMM_DEFAULT);
}

template <typename Cell, typename Out>
void
product_forward(Work &work, uint32_t m, uint32_t n, uint32_t k, const Cell *x, const Cell *w, Out *y)
{
	multiply(work, Order{ CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, w, x, cell_type<Cell>(), n, k, y, cell_type<Out>(), 1, 0 });
}

template <typename Cell>
void
product_input(Work &work, uint32_t m, uint32_t n, uint32_t k, const Cell *dy, const Cell *w, Cell *dx)
{
	multiply(work, Order{ CUBLAS_OP_T, CUBLAS_OP_N, k, m, n, w, dy, cell_type<Cell>(), n, n, dx, cell_type<Cell>(), 1, 0 });
}

template <typename Cell>
void
product_weight(Work &work, uint32_t m, uint32_t n, uint32_t k, const Cell *x, const Cell *dy, float alpha, bool is_added,
	       float *dw)
{
	multiply(work, Order{ CUBLAS_OP_N, CUBLAS_OP_T, n, k, m, dy, x, cell_type<Cell>(), n, k, dw, CUDA_R_32F, alpha,
			      is_added ? 1.0F : 0.0F });
}

#define MAKE(Cell)                                                                                                     \
	template void product_input<Cell>(Work &, uint32_t, uint32_t, uint32_t, const Cell *, const Cell *, Cell *);   \
	template void product_weight<Cell>(Work &, uint32_t, uint32_t, uint32_t, const Cell *, const Cell *, float,    \
					   bool, float *);
FOR_CELLS(MAKE)

#define MAKE_FORWARD(Cell, Out)                                                                                        \
	template void product_forward<Cell, Out>(Work &, uint32_t, uint32_t, uint32_t, const Cell *, const Cell *, Out *);
FOR_CELL_PAIRS(MAKE_FORWARD)
