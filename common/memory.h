/* memory.h: memory for small things: names, lists, states. What a stream's sizes decide is malloced and checked. */
#ifndef FM_MEMORY_H
#define FM_MEMORY_H

#include <stdlib.h>
#include <string.h>

/** Zeroed; when even a small piece can't be had, nothing sensible can be done or said: the process aborts. */
static inline void *
memory_zeroed(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

static inline void *
memory_grow(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count ? count : 1, size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

static inline char *
memory_text(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}

#endif
