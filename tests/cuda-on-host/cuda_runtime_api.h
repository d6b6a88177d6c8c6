/* cuda_runtime_api.h, for the host: all in one. */
#include "cuda_runtime.h"
