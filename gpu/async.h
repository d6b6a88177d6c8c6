/* async.h: 16-byte pieces copied to shared memory behind the back of arithmetic (cp.async), and tiles of 16-bit cells read
 * from there as fragments of tensor cores (ldmatrix). For sm_80 and newer; before, kernels that use it are empty. */
#ifndef FM_GPU_ASYNC_H
#define FM_GPU_ASYNC_H

#include "launch.h"

#include <stdint.h>

/** Cells of 16 bits in a piece. Rows of an odd number of pieces let eight of them be read without bank conflicts. */
enum { PIECE_CELLS = 8, PIECE_BYTES = 16 };

/** Bytes of dynamic shared memory that a block may ask for on every card from sm_80 on, beside 3 KB of its own. */
enum { SHARED_MOST = 96 << 10 };

#if defined __CUDACC__

/** An address in shared memory, in bytes: half a pointer's registers. */
typedef uint32_t SharedPlace;

__device__ inline SharedPlace
shared_place(const void *memory)
{
	return static_cast<uint32_t>(__cvta_generic_to_shared(memory));
}

#if defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800

/** bytes: 16, or 0: zeros come, and from is not read. Both places on 16 bytes. Done once copy_wait has seen its group. */
__device__ inline void
copy_piece(SharedPlace to, const void *from, uint32_t bytes)
{
	asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)), "r"(bytes)
		     : "memory");
}

/** What this thread has copied since the last call is a group. */
__device__ inline void
copy_commit(void)
{
	asm volatile("cp.async.commit_group;" ::: "memory");
}

/** This thread's groups but for the LATEST youngest are there; other threads' after a __syncthreads. */
template <int LATEST>
__device__ inline void
copy_wait(void)
{
	asm volatile("cp.async.wait_group %0;" ::"n"(LATEST) : "memory");
}

#define FM_LDMATRIX(name, how)                                                                                         \
	__device__ inline void name(SharedPlace row, uint32_t *words)                                                  \
	{                                                                                                              \
		asm volatile("ldmatrix.sync.aligned.m8n8.x4" how ".shared.b16 {%0, %1, %2, %3}, [%4];"                 \
			     : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])                          \
			     : "r"(row)                                                                                \
			     : "memory");                                                                              \
	}

/** Four tiles of eight rows of a piece: lane l brings the address of row l % 8 of tile l / 8, and gets of each tile the word
 *  (cells 2 q and 2 q + 1, q = l % 4) of row l / 4. All lanes of the warp call it. */
FM_LDMATRIX(load_fragments, "")
/** Turned: of each tile cell l / 4 of rows 2 q and 2 q + 1. */
FM_LDMATRIX(load_turned_fragments, ".trans")

#else /* never launched there */
__device__ inline void copy_piece(SharedPlace, const void *, uint32_t) {}
__device__ inline void copy_commit(void) {}
template <int LATEST> __device__ inline void copy_wait(void) {}
__device__ inline void load_fragments(SharedPlace, uint32_t *) {}
__device__ inline void load_turned_fragments(SharedPlace, uint32_t *) {}
#endif

#elif defined FM_CUDA_ON_HOST

typedef uintptr_t SharedPlace;

inline SharedPlace shared_place(const void *memory) { return reinterpret_cast<SharedPlace>(memory); }

inline void
copy_piece(SharedPlace to, const void *from, uint32_t bytes)
{
	emulator::copy_piece(reinterpret_cast<void *>(to), bytes ? from : nullptr);
}

inline void copy_commit(void) { emulator::copy_commit(); }
template <int LATEST> inline void copy_wait(void) { emulator::copy_wait(LATEST); }

inline void
load_fragments(SharedPlace row, uint32_t *words)
{
	const emulator::Slot *slots = emulator::exchange_rows(reinterpret_cast<const void *>(row), __FILE__, __LINE__);
	const unsigned lane = emulator::here.lane;

	for (unsigned tile = 0; tile < 4; tile++)
		memcpy(&words[tile], emulator_lane<const char *>(slots, 8 * tile + lane / 4) + lane % 4 * 4, 4);
}

inline void
load_turned_fragments(SharedPlace row, uint32_t *words)
{
	const emulator::Slot *slots = emulator::exchange_rows(reinterpret_cast<const void *>(row), __FILE__, __LINE__);
	const unsigned lane = emulator::here.lane;

	for (unsigned tile = 0; tile < 4; tile++) {
		uint16_t cells[2];

		for (unsigned i = 0; i < 2; i++)
			memcpy(&cells[i], emulator_lane<const char *>(slots, 8 * tile + lane % 4 * 2 + i) + lane / 4 * 2, 2);
		words[tile] = cells[0] | static_cast<uint32_t>(cells[1]) << 16;
	}
}

#endif

#endif
