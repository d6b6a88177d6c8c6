/* written.cc: see written.h. A byte of shadow for each byte of the device. The one source that isn't traced: what it calls must
 * not be either, so it has no containers, whose functions are everybody's. */
#include "written.h"

#if defined FM_TRACE_LOADS

#include "control.h"

#include <stdlib.h>
#include <string.h>

namespace emulator
{

struct Piece {
	uintptr_t begin;
	size_t size;
	unsigned char *is_written;
};

static Piece *pieces; /* by address */
static size_t piece_count;
static const char *running;

/* @return the first piece that begins after the address */
static size_t
piece_after(uintptr_t at)
{
	size_t low = 0, high = piece_count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (pieces[middle].begin <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* @return the shadow, *left bytes of it, or NULL: not the device's */
static unsigned char *
shadow_of(const void *memory, size_t *left)
{
	const uintptr_t at = reinterpret_cast<uintptr_t>(memory);
	const size_t after = piece_after(at);

	if (!after || at - pieces[after - 1].begin >= pieces[after - 1].size)
		return nullptr;
	*left = pieces[after - 1].size - (at - pieces[after - 1].begin);
	return pieces[after - 1].is_written + (at - pieces[after - 1].begin);
}

void
written_open(const void *memory, size_t size)
{
	const uintptr_t begin = reinterpret_cast<uintptr_t>(memory);
	const size_t at = piece_after(begin);

	pieces = static_cast<Piece *>(realloc(pieces, (piece_count + 1) * sizeof *pieces));
	if (!pieces)
		abort();
	memmove(pieces + at + 1, pieces + at, (piece_count++ - at) * sizeof *pieces);
	pieces[at] = { begin, size, static_cast<unsigned char *>(calloc(1, size ? size : 1)) };
	if (!pieces[at].is_written)
		abort();
}

void
written_close(const void *memory)
{
	const size_t after = piece_after(reinterpret_cast<uintptr_t>(memory));

	if (!after || pieces[after - 1].begin != reinterpret_cast<uintptr_t>(memory))
		return;
	free(pieces[after - 1].is_written);
	memmove(pieces + after - 1, pieces + after, (piece_count-- - after) * sizeof *pieces);
}

void
written_mark(const void *memory, size_t size)
{
	size_t left;
	unsigned char *const is_written = shadow_of(memory, &left);

	if (is_written)
		memset(is_written, 1, size < left ? size : left);
}

void
written_kernel(const char *name)
{
	running = name;
}

void
written_check(const void *memory, size_t size)
{
	size_t left;
	const unsigned char *const is_written = shadow_of(memory, &left);

	for (size_t i = 0; is_written && i < size && i < left; i++)
		if (!is_written[i])
			die("%s%s reads %zu bytes at %p, %zu before the end of their piece, of which nobody has written byte %zu",
			    running ? "kernel " : "a copy", running ? running : "", size, memory, left, i);
}

/* Only kernels' loads count, but everybody's stores. */
static void
loaded(const void *memory, size_t size)
{
	if (running)
		written_check(memory, size);
}

} // namespace emulator

/* what clang calls before every load and store */
#define TRACE(bytes)                                                                                                   \
	extern "C" void __sanitizer_cov_load##bytes(const void *);                                                     \
	extern "C" void __sanitizer_cov_store##bytes(const void *);                                                    \
	void __sanitizer_cov_load##bytes(const void *memory) { emulator::loaded(memory, bytes); }                             \
	void __sanitizer_cov_store##bytes(const void *memory) { emulator::written_mark(memory, bytes); }
TRACE(1)
TRACE(2)
TRACE(4)
TRACE(8)
TRACE(16)

#endif
