/* device/gpu.h: the first GPU that a plug-in serves. */
#ifndef FM_DEVICE_GPU_H
#define FM_DEVICE_GPU_H

#include "backend.h"
#include "status.h"

enum { GPU_WHY_MOST = 1024 };

typedef struct GpuChoice {
	const BackendTable *table; /* NULL: none */
	BackendHost host;	   /* for its open() */
	bool is_here;		   /* there is a GPU, and a plug-in for some GPU */
	char why[GPU_WHY_MOST];	   /* this one was chosen, or none; half a sentence */
} GpuChoice;

/** Look for plug-ins, then at the driver, then at which fits which card; the newest CUDA that does is taken. */
void gpu_choose(GpuChoice *choice);

#endif
