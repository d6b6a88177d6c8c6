/* cublas.cc: a matrix product in plain loops. A BLAS would be faster on large ones; tests have small ones, and need none. */
#include "control.h"
#include "cublas_v2.h"
#include "cuda_bf16.h"
#include "cuda_fp16.h"

#include <vector>

using emulator::check_device;

cudaError_t emulator_queue(cudaStream_t stream, std::function<void()> work);

struct cublasContext {
	cudaStream_t stream;
	void *workspace;
};

/* A matrix of the device as it lies there. */
struct Matrix {
	const void *values;
	cudaDataType type;
	int leading;
	cublasOperation_t op;
};

static size_t
cell_size(cudaDataType type)
{
	return type == CUDA_R_32F ? 4 : 2;
}

static float
get(const void *values, cudaDataType type, size_t i)
{
	if (type == CUDA_R_16F)
		return __half2float(static_cast<const __half *>(values)[i]);
	if (type == CUDA_R_16BF)
		return __bfloat162float(static_cast<const __nv_bfloat16 *>(values)[i]);
	return static_cast<const float *>(values)[i];
}

static void
put(void *values, cudaDataType type, size_t i, float value)
{
	if (type == CUDA_R_16F)
		static_cast<__half *>(values)[i] = __float2half_rn(value);
	else if (type == CUDA_R_16BF)
		static_cast<__nv_bfloat16 *>(values)[i] = __float2bfloat16_rn(value);
	else
		static_cast<float *>(values)[i] = value;
}

/* TF32: 10 bits of mantissa. */
static float
to_tf32(float value)
{
	return __uint_as_float((__float_as_uint(value) + 0x1000) & 0xffffe000);
}

/* op(matrix) as floats, [rows, columns], columns together */
static std::vector<float>
widened(const Matrix &matrix, int rows, int columns, bool is_tf32)
{
	std::vector<float> wide(static_cast<size_t>(rows) * columns);
	const bool is_turned = matrix.op == CUBLAS_OP_T;
	const size_t leading = matrix.leading, across = is_turned ? columns : rows, along = is_turned ? rows : columns;

	check_device("matrix product reads", matrix.values, ((along - 1) * leading + across) * cell_size(matrix.type));
	for (size_t j = 0; j < static_cast<size_t>(columns); j++)
		for (size_t i = 0; i < static_cast<size_t>(rows); i++) {
			const float value = get(matrix.values, matrix.type, is_turned ? j + i * leading : i + j * leading);

			wide[i + j * rows] = is_tf32 ? to_tf32(value) : value;
		}
	return wide;
}

struct Product {
	int m, n, k;
	float alpha, beta;
	Matrix a, b;
	void *c;
	cudaDataType type_c;
	int ldc;
	bool is_tf32;
};

static void
multiply(const Product &job)
{
	const std::vector<float> a = widened(job.a, job.m, job.k, job.is_tf32), b = widened(job.b, job.k, job.n, job.is_tf32);
	std::vector<float> column(job.m);

	check_device("matrix product writes", job.c,
		     (static_cast<size_t>(job.n - 1) * job.ldc + job.m) * cell_size(job.type_c));
	for (size_t j = 0; j < static_cast<size_t>(job.n); j++) {
		std::fill(column.begin(), column.end(), 0.0F);
		for (size_t p = 0; p < static_cast<size_t>(job.k); p++) {
			const float factor = b[p + j * job.k];
			const float *from = &a[p * job.m];

			for (size_t i = 0; i < static_cast<size_t>(job.m); i++)
				column[i] += from[i] * factor;
		}
		for (size_t i = 0; i < static_cast<size_t>(job.m); i++) {
			const size_t at = i + j * job.ldc;
			const float before = job.beta != 0 ? job.beta * get(job.c, job.type_c, at) : 0;

			put(job.c, job.type_c, at, job.alpha * column[i] + before);
		}
	}
}

cublasStatus_t
cublasCreate(cublasHandle_t *handle)
{
	*handle = new cublasContext();
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasDestroy(cublasHandle_t handle)
{
	delete handle;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasSetStream(cublasHandle_t handle, cudaStream_t stream)
{
	handle->stream = stream;
	handle->workspace = nullptr; /* as cuBLAS does */
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t size)
{
	check_device("workspace of", workspace, size);
	handle->workspace = workspace;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k, const void *alpha,
	     const void *a, cudaDataType type_a, int lda, const void *b, cudaDataType type_b, int ldb, const void *beta,
	     void *c, cudaDataType type_c, int ldc, cublasComputeType_t compute, cublasGemmAlgo_t)
{
	const Product job = { m, n, k, *static_cast<const float *>(alpha), *static_cast<const float *>(beta),
			      { a, type_a, lda, op_a }, { b, type_b, ldb, op_b }, c, type_c, ldc,
			      compute == CUBLAS_COMPUTE_32F_FAST_TF32 };

	if (m <= 0 || n <= 0 || k <= 0 || lda < (op_a == CUBLAS_OP_N ? m : k) || ldb < (op_b == CUBLAS_OP_N ? k : n) || ldc < m)
		return CUBLAS_STATUS_INVALID_VALUE;
	if (!handle->workspace)
		emulator::die("a matrix product without a workspace: its bits could change from run to run");
	return emulator_queue(handle->stream, [job] { multiply(job); }) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
										     : CUBLAS_STATUS_NOT_INITIALIZED;
}
