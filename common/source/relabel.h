/* source/relabel.h: --rename, --class, --classes: choices by class name, and other names and numbers for classes. */
#ifndef FM_SOURCE_RELABEL_H
#define FM_SOURCE_RELABEL_H

#include "source/source.h"

/** "A,B,…" @return NULL, or what was expected */
const char *class_list_parse(const char *text);

/** "A=B,C=D,…" @return NULL, or what was expected */
const char *rename_parse(const char *text);

/**
 * Other names for classes; one that gets the name of another class becomes part of it.
 *
 * @param inner    taken over, whatever happens
 * @param renames  as rename_parse takes it
 * @return STATUS_OK; STATUS_USAGE: no such class
 */
MUST_CHECK Status rename_open(Source *source, Source *inner, const char *renames);

/** Only the samples of these classes, which are numbered anew in the source's order; unlabelled ones are dropped. */
MUST_CHECK Status class_open(Source *source, Source *inner, const char *classes);

/**
 * These classes in this order: labels are mapped by name. Where the source's classes are the bare numbers 0, 1, … and are not
 * all among these, a number is a position in them.
 *
 * @param file   for messages
 * @return STATUS_OK; STATUS_INPUT: the source has a class that is not among them
 */
MUST_CHECK Status classes_open(Source *source, Source *inner, uint32_t count, const char *const *names, const char *file);

#endif
