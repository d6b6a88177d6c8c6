/* export/path.h: names and classes from outside as paths that stay where they should. */
#ifndef FM_EXPORT_PATH_H
#define FM_EXPORT_PATH_H

#include "export/sample.h"
#include "status.h"

/**
 * The classes of a stream as names of folders: a slash, a dot at the beginning and control bytes are written %XX.
 *
 * @param folders  out, [about->class_count], malloced as its texts are
 * @return STATUS_INPUT naming two classes that would be one folder
 */
MUST_CHECK Status path_classes(const About *about, char ***folders);

void path_classes_release(const About *about, char **folders);

/**
 * Where a sample belongs, without a suffix: its name without the suffix of a picture, or its id where it has none, below
 * its class unless the name begins with that (or with train/ or test/ and that). In every component a dot at the
 * beginning and control bytes are written %XX, and empty components are left out, so that no path is absolute, leads
 * upwards or is hidden. Where the stream is repeated, "-epochN" follows.
 *
 * @return malloced
 */
char *path_of_sample(const Sample *sample, char *const *folders);

#endif
