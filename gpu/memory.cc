/* memory.cc: see memory.h. */
#include "memory.h"

#include <stdint.h>

static void *
keep(Memory *memory, void **pieces, size_t *pieces_count, size_t count, size_t size,
     cudaError_t (*allocate)(void **, size_t))
{
	void *piece = nullptr;

	if (memory->error == cudaSuccess && (*pieces_count == MEMORY_PIECES || count > SIZE_MAX / 2 / size))
		memory->error = cudaErrorMemoryAllocation;
	if (memory->error != cudaSuccess)
		return nullptr;
	memory->error = allocate(&piece, count ? count * size : size);
	if (memory->error == cudaSuccess)
		pieces[(*pieces_count)++] = piece;
	else
		cudaGetLastError(); /* it is kept here; or the next backend's first launch would be blamed */
	return memory->error == cudaSuccess ? piece : nullptr;
}

static cudaError_t
allocate_device(void **piece, size_t size)
{
	return cudaMalloc(piece, size);
}

static cudaError_t
allocate_pinned(void **piece, size_t size)
{
	return cudaMallocHost(piece, size);
}

void *
memory_device(Memory *memory, size_t count, size_t size)
{
	return keep(memory, memory->device, &memory->device_count, count, size, allocate_device);
}

void *
memory_pinned(Memory *memory, size_t count, size_t size)
{
	return keep(memory, memory->pinned, &memory->pinned_count, count, size, allocate_pinned);
}

void
memory_release(Memory *memory)
{
	while (memory->device_count)
		cudaFree(memory->device[--memory->device_count]);
	while (memory->pinned_count)
		cudaFreeHost(memory->pinned[--memory->pinned_count]);
}
