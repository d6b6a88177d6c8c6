/* source/locate.h: find a named set's file: cache, package, mirrors. */
#ifndef FM_SOURCE_LOCATE_H
#define FM_SOURCE_LOCATE_H

#include "source/download.h"
#include "source/sets.h"
#include "status.h"

/**
 * Open a file of a named set, verified: from $XDG_CACHE_HOME/fm-tools (else ~/.cache/fm-tools), then from the folders of
 * FM_DATASETS (separated by colons; else /usr/share/datasets), then from the network into the cache: from the addresses in
 * FM_MIRROR (separated by spaces) alone where it is set, else from the set's own mirrors.
 *
 * @param fd    out: the caller's; the very bytes that were verified
 * @param name  out: where it was found, malloced
 * @return STATUS_OK, STATUS_IO with what was tried
 */
MUST_CHECK Status locate_file(const NamedSet *set, const SetFile *file, const DownloadManners *manners, int *fd, char **name);

#endif
