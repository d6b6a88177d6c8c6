/* source/idx.h: the IDX format: what a file of it says of itself.
 *
 * Two zero bytes, a byte for the type of a value, a byte for the number of dimensions, each dimension as 32 bits with the
 * highest byte first, then the values, row-major. */
#ifndef FM_SOURCE_IDX_H
#define FM_SOURCE_IDX_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum {
	IDX_MAGIC_SIZE = 4,
	IDX_RANK_MOST = 4,
	IDX_HEADER_MOST = IDX_MAGIC_SIZE + 4 * IDX_RANK_MOST,
};

typedef enum IdxType { IDX_U8 = 0x08, IDX_I8 = 0x09, IDX_I16 = 0x0B, IDX_I32 = 0x0C } IdxType;

typedef struct IdxHeader {
	IdxType type;
	int rank;			 /* 1: labels [n]; 3: images [n, h, w]; 4: images [n, h, w, c] */
	uint32_t shape[IDX_RANK_MOST];	 /* 1 beyond rank */
} IdxHeader;

/**
 * How long is the header that begins with these bytes?
 *
 * @param magic  IDX_MAGIC_SIZE bytes
 * @return bytes, magic included; or STATUS_INPUT for what is no IDX file or one that we have no use for
 */
MUST_CHECK Status idx_header_size(const uint8_t *magic, const char *name);

/**
 * @param bytes  as many as idx_header_size says
 * @param name   for messages
 * @return STATUS_OK, or STATUS_INPUT: not IDX, a type or number of dimensions that holds neither images nor labels, sides
 *         or channels that are zero or beyond a stream's bounds
 */
MUST_CHECK Status idx_parse(IdxHeader *header, const uint8_t *bytes, const char *name);

/** Bytes of a value. */
size_t idx_value_size(IdxType type);

/** One value as a label. */
int32_t idx_label(IdxType type, const uint8_t *value);

#endif
