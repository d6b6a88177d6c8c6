/* fibre.h: threads of a block as fibres: each has a stack, and runs until it gives way. */
#ifndef FM_TESTS_CUDA_FIBRE_H
#define FM_TESTS_CUDA_FIBRE_H

#include <stddef.h>

#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace emulator
{

/* Memory that a fibre runs on; never given back, but used again. */
struct Fibre {
	Fibre *next; /* for its owner's lists */
	char *stack;
	bool is_done;
	void *fake; /* AddressSanitizer's, while it doesn't run */
#ifdef __x86_64__
	void *pointer; /* its stack pointer, while it doesn't run */
#else
	ucontext_t context;
#endif
};

/** Call body(argument) on the fibre's stack until it gives way or returns; is_done says which. */
void fibre_start(Fibre *fibre, void (*body)(void *), void *argument);

/** Let a fibre that gave way go on, again until it gives way or returns. */
void fibre_resume(Fibre *fibre);

/** From within: back to whoever started or resumed the running fibre. */
void fibre_give_way(void);

/** Addresses below, with a page that can't be touched under them. */
enum { FIBRE_STACK = 128 << 10 };

} // namespace emulator

#endif
