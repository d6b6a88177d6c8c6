/* cuda.h: the CUDA backend's table; plugin.cu adds what it was compiled for. */
#ifndef FM_GPU_CUDA_H
#define FM_GPU_CUDA_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const BackendTable cuda_backend;

#ifdef __cplusplus
}
#endif

#endif
