/* picture/helper.h: what fm-fetch and the program that decodes for it, fm-picture, say to each other.
 *
 * fm-picture reads requests from its standard input, a socket, and answers there, one after the other:
 *	request: u64 size of the file, the file
 *	answer:  HelperAnswer, then size bytes: pixels, or where status is below 0 a message
 * Numbers are the machine's own. It ends with its input. Whatever a decoder does to it, it does to one picture.
 * Requests may be sent several at once, of HELPER_AT_ONCE bytes together: that many fit a socket's buffer, so that neither
 * side waits for the other to read while that one waits likewise. */
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
	HELPER_AT_ONCE = 32 << 10,		     /* bytes */
};

typedef struct HelperAnswer {
	int32_t status;
	uint32_t height, width, channels;
	uint64_t size;
} HelperAnswer;

/** One side's end of the socket: small things are gathered, so that they cost few calls and few changes of process. */
typedef struct HelperLine {
	int fd;
	uint64_t reads;	   /* so far */
	size_t begin, end; /* of in: bytes read, but not taken yet */
	size_t filled;	   /* of out: bytes put, but not sent yet */
	uint8_t in[HELPER_AT_ONCE], out[HELPER_AT_ONCE];
} HelperLine;

/** Take exactly size bytes; before it reads, it sends what was put. @return 1; 0 where the other side has gone; STATUS_IO */
MUST_CHECK Status helper_get(HelperLine *line, void *data, size_t size);

/** To be sent, without SIGPIPE, by the next helper_get at the latest. @return as helper_get */
MUST_CHECK Status helper_put(HelperLine *line, const void *data, size_t size);

#endif
