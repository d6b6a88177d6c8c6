/* memory.h: everything a backend has on the device, freed together; sizes are checked before they are multiplied. */
#ifndef FM_GPU_MEMORY_H
#define FM_GPU_MEMORY_H

#include <cuda_runtime.h>
#include <stddef.h>

enum { MEMORY_PIECES = 16384 /* NET_LAYERS_MOST layers of 14 pieces */ };

struct Memory {
	void *device[MEMORY_PIECES], *pinned[MEMORY_PIECES];
	size_t device_count, pinned_count;
	cudaError_t error; /* the first */
};

/** count elements of that size, on 256 bytes. @return NULL, and memory->error set, where there is no room */
void *memory_device(Memory *memory, size_t count, size_t size);

/** Likewise of the host, pinned, for copies in a stream. */
void *memory_pinned(Memory *memory, size_t count, size_t size);

template <typename T>
inline T *
memory_of(Memory *memory, size_t count)
{
	return static_cast<T *>(memory_device(memory, count, sizeof(T)));
}

void memory_release(Memory *memory);

#endif
