/* source/idx_labels.h: all labels of an IDX file. */
#ifndef FM_SOURCE_IDX_LABELS_H
#define FM_SOURCE_IDX_LABELS_H

#include "source/bytes.h"
#include "source/idx.h"

/**
 * Read the labels that follow a header, and check that nothing follows them.
 *
 * @param header  of rank 1
 * @param first   what is subtracted from a stored label
 * @param labels  out: malloced, [header->shape[0]], 0 … STREAM_CLASSES_MOST - 1
 * @param most    out: the largest, -1 if there are none
 */
MUST_CHECK Status idx_labels_read(Bytes *bytes, const IdxHeader *header, int32_t first, int32_t **labels, int32_t *most);

/** Read and parse a header. */
MUST_CHECK Status idx_header_read(Bytes *bytes, IdxHeader *header);

/** The file must end here. @return STATUS_INPUT if more follows what its header promises */
MUST_CHECK Status idx_check_end(Bytes *bytes, const IdxHeader *header);

#endif
