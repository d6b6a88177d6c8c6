/* source/labels.h: labels as texts, numbers or names, and the classes that they make. */
#ifndef FM_SOURCE_LABELS_H
#define FM_SOURCE_LABELS_H

#include "status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { LABEL_TEXT_MOST = 1024 }; /* bytes */

/**
 * Classes that are known, or that are found one after the other: then a label's index is provisional until labels_settle.
 * Zeroed but for what labels_init sets.
 */
typedef struct Labels {
	json_t *index; /* text to class, or to the order in which texts were met */
	uint32_t count;
	bool are_known, are_numbers;
	int32_t most; /* number, where all texts are numbers */
	const char *file; /* that names the classes */
} Labels;

/** Labels whose classes have yet to be found. */
void labels_init(Labels *labels);

/** These are the classes: a label is one of their names, or, where it is none, a position among them. @param file  borrowed */
void labels_init_known(Labels *labels, uint32_t count, char *const *names, const char *file);

/**
 * A label's class: of a whole number or of a name, white space around it left out; -1 is unlabelled.
 *
 * @return STATUS_OK; STATUS_INPUT: none, out of range, not UTF-8, a class too many
 */
MUST_CHECK Status labels_find(Labels *labels, const char *text, int32_t *label);

/**
 * All samples were seen: whole numbers are the classes "0", "1", …, up to the largest; other texts are names, numbered in
 * byte order.
 *
 * @param names  out: [*count], malloced as are its texts
 * @param final  out: [labels->count] malloced, the class of each provisional one
 */
void labels_settle(const Labels *labels, uint32_t *count, char ***names, int32_t **final);

void labels_release(Labels *labels);

#endif
