/* written.h: which bytes of the device somebody has written, where the compiler traces loads and stores (FM_TRACE_LOADS; of
 * compilers clang can). Then a load of what nobody wrote ends the program, whatever becomes of it; elsewhere it is NaN. */
#ifndef FM_TESTS_CUDA_WRITTEN_H
#define FM_TESTS_CUDA_WRITTEN_H

#include <stddef.h>

namespace emulator
{

#if defined FM_TRACE_LOADS

/** Memory of the device from now on; nobody has written it. */
void written_open(const void *memory, size_t size);
/** It no longer is. Memory that isn't the device's is nobody's concern, here and below. */
void written_close(const void *memory);
void written_mark(const void *memory, size_t size);
/** Which kernel runs; NULL: none, and the host may look where it likes */
void written_kernel(const char *name);
/** Die unless all of it was written. */
void written_check(const void *memory, size_t size);

#else

inline void written_open(const void *, size_t) {}
inline void written_close(const void *) {}
inline void written_mark(const void *, size_t) {}
inline void written_kernel(const char *) {}
inline void written_check(const void *, size_t) {}

#endif

} // namespace emulator

#endif
