/* warp.h: the running block: who a thread is, shared memory, barriers, and what the threads of a warp tell each other. */
#ifndef FM_TESTS_CUDA_WARP_H
#define FM_TESTS_CUDA_WARP_H

#include "vector_types.h"

#include <functional>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct CUstream_st;

namespace emulator
{

enum { WARP = 32, SLOT = 64 };

/* What a lane shows the others. */
struct Slot {
	alignas(16) unsigned char bytes[SLOT];

	uint32_t
	word(unsigned at) const
	{
		uint32_t value;

		memcpy(&value, bytes + sizeof value * at, sizeof value);
		return value;
	}
};

/* The thread whose turn it is, and its block. */
struct Position {
	uint3 thread, block;
	dim3 block_size, grid_size;
	unsigned lane;
};

extern Position here;

struct Launch {
	const char *name;
	const void *kernel;
	dim3 grid, block;
	size_t shared; /* bytes, dynamic */
	std::function<void()> body;
};

/** Run every thread of every block now. */
void run(const Launch &launch);

/** Queue it in a stream. @return a cudaError_t */
int enqueue(CUstream_st *stream, Launch launch);

/** The block's variable of that key: the same memory for all of its threads, 0xff at first. */
void *shared(const void *key, size_t size);
/** The block's dynamic shared memory: exactly as many bytes as the launch asked for. */
void *shared_dynamic(void);

void barrier(const char *file, int line);

/** Show the warp up to SLOT bytes. @return all lanes' slots, until this lane's next warp function */
const Slot *exchange(unsigned mask, const void *shown, size_t size, const char *file, int line);

/** cp.async of 16 bytes, by this thread: done when copy_wait comes to its group, in reverse order at
 *  once, in random order now so, now so. NULL: zeros. */
void copy_piece(void *to, const void *from);
void copy_commit(void);
/** All of this thread's groups but for the `latest` youngest. */
void copy_wait(unsigned latest);

/** What ldmatrix begins with: each lane shows the address, on 16 bytes, of a row. */
const Slot *exchange_rows(const void *row, const char *file, int line);

} // namespace emulator

#define threadIdx (emulator::here.thread)
#define blockIdx (emulator::here.block)
#define blockDim (emulator::here.block_size)
#define gridDim (emulator::here.grid_size)
#define warpSize (emulator::WARP)

/* the caller's place in its source is a default argument, so that an error can name it */
#define EMULATOR_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void
__syncthreads(EMULATOR_SITE)
{
	emulator::barrier(file, line);
}

static inline void
__syncwarp(unsigned mask = 0xffffffff, EMULATOR_SITE)
{
	emulator::exchange(mask, "", 1, file, line);
}

template <typename T>
static inline T
emulator_lane(const emulator::Slot *slots, unsigned lane)
{
	T value;

	memcpy(&value, slots[lane].bytes, sizeof value);
	return value;
}

template <typename T>
static inline T
__shfl_sync(unsigned mask, T value, int from, EMULATOR_SITE)
{
	return emulator_lane<T>(emulator::exchange(mask, &value, sizeof value, file, line), from & 31);
}

template <typename T>
static inline T
__shfl_xor_sync(unsigned mask, T value, int bits, EMULATOR_SITE)
{
	return emulator_lane<T>(emulator::exchange(mask, &value, sizeof value, file, line),
				emulator::here.lane ^ (bits & 31));
}

template <typename T>
static inline T
__shfl_down_sync(unsigned mask, T value, unsigned lanes, EMULATOR_SITE)
{
	unsigned from = emulator::here.lane + lanes;

	return emulator_lane<T>(emulator::exchange(mask, &value, sizeof value, file, line),
				from < emulator::WARP ? from : emulator::here.lane);
}

static inline unsigned
__ballot_sync(unsigned mask, int is_true, EMULATOR_SITE)
{
	const emulator::Slot *slots = emulator::exchange(mask, &is_true, sizeof is_true, file, line);
	unsigned votes = 0;

	for (unsigned lane = 0; lane < emulator::WARP; lane++)
		votes |= (emulator_lane<int>(slots, lane) ? 1u : 0u) << lane;
	return votes;
}

static inline int
__any_sync(unsigned mask, int is_true, EMULATOR_SITE)
{
	return __ballot_sync(mask, is_true, file, line) != 0;
}

static inline int
__all_sync(unsigned mask, int is_true, EMULATOR_SITE)
{
	return __ballot_sync(mask, is_true, file, line) == 0xffffffff;
}

#endif
