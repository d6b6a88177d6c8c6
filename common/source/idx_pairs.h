/* source/idx_pairs.h: which of many files are the images and labels of which split. */
#ifndef FM_SOURCE_IDX_PAIRS_H
#define FM_SOURCE_IDX_PAIRS_H

#include "status.h"

#include <stddef.h>

typedef enum Split { SPLIT_TRAIN, SPLIT_TEST, SPLIT_ALL, SPLIT_ANY } Split;

/** "train", "test", "all"; NULL for SPLIT_ANY. */
const char *split_name(Split split);

/** @param name  NULL: SPLIT_ANY */
Split split_of_name(const char *name);

/** Of "train", "test" and "t10k", which stands as a word of its own in a path of that length? SPLIT_ANY: none. */
Split split_of_path(const char *path, size_t length);

#define NO_FILE SIZE_MAX

/** Indices of paths; labels may be NO_FILE; images is NO_FILE where there is no such split. */
typedef struct IdxPair {
	size_t images, labels;
} IdxPair;

/**
 * Sort files of the usual names into splits: "train-images-idx3-ubyte.gz" is images (idx3 or idx4), "t10k-labels.idx1-ubyte"
 * labels (idx1); what stands before the word makes the pair; "train" in it, as a word of its own, is the split train, "test"
 * or "t10k" is test, neither is SPLIT_ANY. Of two files of one kind (packed and unpacked) the first counts.
 *
 * @param paths  [count], in byte order
 * @param pairs  out, by Split; that of SPLIT_ALL stays empty
 * @return STATUS_OK, or STATUS_INPUT: several data sets beside each other, labels without images
 */
MUST_CHECK Status idx_pairs_find(const char *name, size_t count, char *const *paths, IdxPair pairs[static 4]);

#endif
