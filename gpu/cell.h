/* cell.h: what activations and their gradients are stored as; arithmetic is fp32 whatever it is. */
#ifndef FM_GPU_CELL_H
#define FM_GPU_CELL_H

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cublas_v2.h>
#include <stdint.h>

typedef __half Half;
typedef __nv_bfloat16 Brain;

__device__ inline float widen(float value) { return value; }
__device__ inline float widen(Half value) { return __half2float(value); }
__device__ inline float widen(Brain value) { return __bfloat162float(value); }

/** Round to nearest, ties to even. */
template <typename Cell> __device__ inline Cell narrow(float value);
template <> __device__ inline float narrow<float>(float value) { return value; }
template <> __device__ inline Half narrow<Half>(float value) { return __float2half_rn(value); }
template <> __device__ inline Brain narrow<Brain>(float value) { return __float2bfloat16_rn(value); }

/** False where a kernel need not be compiled: bf16 is for sm_80 and newer, see backend.cc. */
template <typename Cell> __device__ constexpr bool has_arithmetic(void) { return true; }
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ < 800
template <> __device__ constexpr bool has_arithmetic<Brain>(void) { return false; }
#endif

/** Likewise of kernels for tensor cores. */
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ < 800
__device__ constexpr bool has_tensor_cores(void) { return false; }
#else
__device__ constexpr bool has_tensor_cores(void) { return true; }
#endif

/** cuBLAS's name of it. */
template <typename Cell> inline cudaDataType cell_type(void);
template <> inline cudaDataType cell_type<float>(void) { return CUDA_R_32F; }
template <> inline cudaDataType cell_type<Half>(void) { return CUDA_R_16F; }
template <> inline cudaDataType cell_type<Brain>(void) { return CUDA_R_16BF; }

/** Make a function template for the kinds of cell: f(X) for every X. */
#define FOR_CELLS(f) f(float) f(Half) f(Brain)

/** For pairs (what it reads, what it writes) as stages have them: the last stage writes floats. */
#define FOR_CELL_PAIRS(f) f(float, float) f(Half, Half) f(Brain, Brain) f(Half, float) f(Brain, float)

#endif
