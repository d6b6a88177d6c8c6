/* control.h: what the emulator's own files share. */
#ifndef FM_TESTS_CUDA_CONTROL_H
#define FM_TESTS_CUDA_CONTROL_H

#include "emulator.h"

#include <stdint.h>
#include <stdio.h>

namespace emulator
{

enum {
	SHARED_STATIC_MOST = 48 << 10,
	SHARED_DYNAMIC_MOST = 99 << 10, /* the least that a card from sm_80 on has; after cudaFuncSetAttribute */
	THREADS_MOST = 1024,
	GRID_Y_MOST = 65535,
};

struct Control {
	EmulatorOrder order;
	bool is_eager, is_lost;
	size_t memory;
	int capability;
	EmulatorCounts counts;
};

extern Control control;

/** Say what is wrong and abort: the program under test has done what CUDA does not define. */
[[noreturn]] void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Die unless the bytes lie in one allocation of the device. `what`: "copy to", for the message */
void check_device(const char *what, const void *memory, size_t size);
/** Likewise in pinned memory. */
void check_pinned(const char *what, const void *memory, size_t size);

/** Copy to or from the device, whose bytes must have been written. */
void copy(void *to, const void *from, size_t size);

/** Do everything that waits in any stream. */
void finish_all(void);
/** Is some stream being captured? Then many calls aren't allowed. */
bool is_capturing(void);

} // namespace emulator

#endif
