/* cublas_v2.h, for the host: the calls of cuBLAS that gpu/ uses. */
#ifndef FM_TESTS_CUDA_CUBLAS_H
#define FM_TESTS_CUDA_CUBLAS_H

#include "cuda_runtime.h"

typedef struct cublasContext *cublasHandle_t;

typedef enum { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_NOT_INITIALIZED = 1, CUBLAS_STATUS_INVALID_VALUE = 7 } cublasStatus_t;
typedef enum { CUBLAS_OP_N, CUBLAS_OP_T } cublasOperation_t;
typedef enum { CUDA_R_32F = 0, CUDA_R_16F = 2, CUDA_R_16BF = 14 } cudaDataType;
typedef enum { CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 } cublasComputeType_t;
typedef enum { CUBLAS_GEMM_DEFAULT = -1 } cublasGemmAlgo_t;

cublasStatus_t cublasCreate(cublasHandle_t *handle);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t size);

/** Columns lie together: a [m, k] has element (i, j) at a[i + j * lda]. c = alpha op(a) op(b) + beta c */
cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
			    const void *alpha, const void *a, cudaDataType type_a, int lda, const void *b,
			    cudaDataType type_b, int ldb, const void *beta, void *c, cudaDataType type_c, int ldc,
			    cublasComputeType_t compute, cublasGemmAlgo_t algorithm);

#endif
