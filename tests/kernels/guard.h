/* kernels/guard.h: memory that ends at a page which must not be touched, and the instruction sets of this machine. */
#ifndef FM_KERNELS_GUARD_H
#define FM_KERNELS_GUARD_H

#include "cpu/dispatch.h"
#include "device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { GUARD_PAGE = 4096 };

typedef struct Guarded {
	void *data;
	char *map;
	size_t size;
} Guarded;

/* Filled with 0xff: NaN as float and as bf16. A page before and one after can't be touched. */
static inline Guarded
guarded(size_t size)
{
	const size_t pages = (size + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE + 2 * GUARD_PAGE;
	char *map = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map, GUARD_PAGE, PROT_NONE) || mprotect(map + pages - GUARD_PAGE, GUARD_PAGE, PROT_NONE))
		abort();
	memset(map + GUARD_PAGE, 0xff, pages - 2 * GUARD_PAGE);
	return (Guarded){ .data = map + pages - GUARD_PAGE - size, .map = map, .size = pages };
}

static inline void
guarded_release(Guarded *memory)
{
	munmap(memory->map, memory->size);
}

/* The kernels of that name, or NULL where this machine can't run them. */
static inline const KernelTable *
kernels_named(const char *name)
{
	setenv("FM_CPU", name, 1);
	return cpu_kernels(device_host(), PRECISION_AUTO, true);
}

/* Those whose cells are bytes. */
static inline const KernelTable *
kernels_named_int8(const char *name)
{
	setenv("FM_CPU", name, 1);
	return cpu_kernels(device_host(), PRECISION_INT8, false);
}

static const char *const kernel_names[] = { "plain", "avx2", "avx512", "avx512bf16", "neon" };

enum { KERNEL_NAMES = sizeof kernel_names / sizeof *kernel_names };

static uint64_t noise_state = 1;

static inline uint32_t
noise(uint32_t below)
{
	noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(noise_state >> 33) % below;
}

/* A multiple of 2^-7 in [-1, 1]: bf16 holds it. */
static inline float
noise_value(void)
{
	return (float)noise(257) / 128 - 1;
}

static inline float
cell_value(const void *cells, size_t i, size_t cell)
{
	uint32_t bits;
	float value;

	if (cell == sizeof(float))
		return ((const float *)cells)[i];
	bits = (uint32_t)((const uint16_t *)cells)[i] << 16;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* value must be one that the cell holds */
static inline void
cell_put(void *cells, size_t i, size_t cell, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	if (cell == sizeof(float))
		((float *)cells)[i] = value;
	else
		((uint16_t *)cells)[i] = (uint16_t)(bits >> 16);
}

#endif
