/* picture/helper.h: what fm-fetch and the program that decodes for it, fm-picture, say to each other.
 *
 * fm-picture reads requests from its standard input, a socket, and answers there, one after the other:
 *	request: u64 size of the file, the file
 *	answer:  HelperAnswer, then size bytes: pixels, or where status is below 0 a message
 * Numbers are the machine's own. It ends with its input. Whatever a decoder does to it, it does to one picture. */
#ifndef FM_PICTURE_HELPER_H
#define FM_PICTURE_HELPER_H

#include "picture/fit.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum {
	HELPER_FILE_MOST = 256 << 20,		     /* bytes of a picture file */
	HELPER_CPU_SECONDS = 20,		     /* for one picture */
	HELPER_MEMORY_MOST = 2000 << 20,	     /* bytes of address space */
	HELPER_ARGUMENTS = 5,			     /* height, width, channels, fit, background */
};

typedef struct HelperAnswer {
	int32_t status;
	uint32_t height, width, channels;
	uint64_t size;
} HelperAnswer;

/** Read exactly size bytes. @return 1; 0 where the other side has gone; STATUS_IO */
MUST_CHECK Status helper_read(int fd, void *data, size_t size);

/** Write them all, without SIGPIPE. @return as helper_read */
MUST_CHECK Status helper_write(int fd, const void *data, size_t size);

#endif
