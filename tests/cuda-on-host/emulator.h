/* emulator.h: CUDA on the host: what tests turn and read. Programs under test know only cuda_runtime.h and cublas_v2.h.
 *
 * The sources of gpu/ compile with g++ against this folder's headers. A kernel runs block after block; its threads are
 * fibres that give way at barriers and warp functions. What CUDA leaves undefined is an error that names kernel, block,
 * thread and line, and aborts: a barrier that part of a block meets, a warp function that part of a warp meets, a copy
 * beyond an allocation, a copy in a stream from memory that isn't pinned. Memory from cudaMalloc and shared memory begin as
 * 0xff (NaN). Work in a stream is done only when somebody waits for it, so that a missing wait shows.
 *
 * It can't see: order of memory between blocks, alignment faults, register limits, rounding inside tensor cores, speed. A
 * missing __syncthreads shows in some orders of threads and not in others: run all three. */
#ifndef FM_TESTS_CUDA_EMULATOR_H
#define FM_TESTS_CUDA_EMULATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** In which order blocks, and threads within a block, get their turn. */
typedef enum EmulatorOrder { EMULATOR_FORWARD, EMULATOR_REVERSE, EMULATOR_RANDOM } EmulatorOrder;

void emulator_order(EmulatorOrder order);

/** Do a stream's work at once instead of when somebody waits for it: the other extreme of what CUDA allows. */
void emulator_eager(int is_eager);

/** Bytes that the device has, and what it is: 80 is compute capability 8.0. Default 1 GiB, 80. */
void emulator_device(size_t memory, int capability);

/** From now on every call fails as on a device that met an uncorrectable memory error; 0 mends it. */
void emulator_lose(int is_lost);

/** What was done since the program began. */
typedef struct EmulatorCounts {
	unsigned long long launches, captured, graphs_made, graph_launches, copies;
	unsigned long long device_bytes, pinned_bytes; /* allocated now */
} EmulatorCounts;

EmulatorCounts emulator_counts(void);

#ifdef __cplusplus
}
#endif

#endif
