/* source/sets.h: data sets that are known by name. */
#ifndef FM_SOURCE_SETS_H
#define FM_SOURCE_SETS_H

#include "source/idx_source.h"

#include <stdint.h>

/** A file as its publisher offers it. */
typedef struct SetFile {
	const char *name;     /* below a mirror's address, in the cache and in a package's folder */
	uint64_t size;	      /* bytes */
	const char *sha256;   /* of the file as published */
	const char *package;  /* of the same file as the distribution packs it, or NULL */
	const char *contents; /* of what is in it once decompressed, however it was compressed, or NULL */
} SetFile;

/** Where a split's images and labels are: files, or names within the set's one archive. */
typedef struct SetSplit {
	const char *images, *labels;
} SetSplit;

/** How a set's files are to be read. */
typedef enum SetLayout {
	SET_IDX,   /* a pair of IDX files a split */
	SET_CIFAR, /* files[0] is an archive of batches and class names */
	SET_MAT,   /* a MAT-file a split, named as its images */
} SetLayout;

typedef struct NamedSet {
	const char *name;
	const char *folder;	    /* in the cache, in FM_DATASETS and below FM_MIRROR */
	const SetFile *files;	    /* ends with a NULL name */
	SetLayout layout;
	bool is_archive;	    /* files[0] holds everything */
	SetSplit train, test;
	IdxTraits traits;
	const char *const *mirrors; /* addresses of folders, with a slash at the end; ends with NULL */
	const char *package;	    /* the distribution's package that holds it, or NULL */
} NamedSet;

/** @return the set of that name, or NULL */
const NamedSet *set_find(const char *name);

/** All of them; ends with a NULL name. */
extern const NamedSet named_sets[];

/** @return the file of that name; it is there */
const SetFile *set_file(const NamedSet *set, const char *name);

#endif
