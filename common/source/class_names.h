/* source/class_names.h: names of classes from a file: one a line, or a model's. */
#ifndef FM_SOURCE_CLASS_NAMES_H
#define FM_SOURCE_CLASS_NAMES_H

#include "picture/fit.h"
#include "status.h"

typedef struct ClassNames {
	uint32_t count;
	char **names;
} ClassNames;

/** @return STATUS_OK; STATUS_IO; STATUS_INPUT: neither a model nor lines of text */
MUST_CHECK Status class_names_read(ClassNames *classes, const char *path);

void class_names_release(ClassNames *classes);

/** --like: what a model wants its pictures to be. */
MUST_CHECK Status form_of_model(Form *form, const char *path);

#endif
