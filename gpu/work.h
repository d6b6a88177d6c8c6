/* work.h: where kernels are queued, and the first thing that went wrong there. */
#ifndef FM_GPU_WORK_H
#define FM_GPU_WORK_H

#include "launch.h"

#include <cublas_v2.h>
#include <stdint.h>

struct Work {
	cudaStream_t stream;
	cublasHandle_t blas;
	cublasComputeType_t compute; /* of fp32 cells: CUBLAS_COMPUTE_32F or …_FAST_TF32 */
	bool has_tensor_cores;	     /* and may use them: not in fp32 */
	cudaError_t error;	     /* the first; once there is one, nothing more is queued */
	cublasStatus_t blas_error;
};

inline bool
work_is_well(const Work &work)
{
	return work.error == cudaSuccess && work.blas_error == CUBLAS_STATUS_SUCCESS;
}

inline void
work_note(Work &work, cudaError_t error)
{
	if (work.error == cudaSuccess)
		work.error = error;
}

/** One thread for each of count elements, 256 a block; the kernel looks at count itself. */
inline Grid
grid_for(const Work &work, uint64_t count, unsigned threads = 256)
{
	return Grid{ dim3(static_cast<unsigned>((count + threads - 1) / threads)), dim3(threads), 0, work.stream };
}

/** LAUNCH in a Work: QUEUE(work, grid, kernel, arguments…) */
#define QUEUE(work, grid, kernel, ...)                                                                                 \
	do {                                                                                                           \
		if (work_is_well(work))                                                                                \
			work_note(work, LAUNCH(grid, kernel, __VA_ARGS__));                                            \
	} while (0)

#endif
