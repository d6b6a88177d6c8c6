/* source/response.h: what an HTTP answer's header lines say that a download needs to know. */
#ifndef FM_SOURCE_RESPONSE_H
#define FM_SOURCE_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESPONSE_VALIDATOR_MOST = 256 };

/** Zeroed before the first line. */
typedef struct Response {
	long code;	  /* 200, 206, 404, … */
	uint64_t begin;	  /* of 206: position of the first byte sent; UINT64_MAX if it isn't said */
	bool has_length;  /* it says how many bytes follow */
	/* what tells one version of the file from another, for If-Range: a strong ETag, else the time of last change, or "" */
	char validator[RESPONSE_VALIDATOR_MOST];
} Response;

/** One header line as it came, a new answer's status line included, which forgets those before. */
void response_read_line(Response *response, const char *line, size_t size);

#endif
