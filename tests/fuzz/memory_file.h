/* memory_file.h: a fuzzer's bytes as a file that can be rewound. */
#ifndef FM_TESTS_FUZZ_MEMORY_FILE_H
#define FM_TESTS_FUZZ_MEMORY_FILE_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static inline int
memory_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

#endif
