/* source/operand.h: what an operand names, opened. */
#ifndef FM_SOURCE_OPERAND_H
#define FM_SOURCE_OPERAND_H

#include "source/download.h"

/** Open a file. @return STATUS_OK or STATUS_IO */
MUST_CHECK Status path_open(const char *path, int *fd);

/**
 * Open a file, what is at an address, or standard input ("-").
 *
 * @param sha256  what it must have, or NULL
 * @param name    out: what to call it, malloced
 */
MUST_CHECK Status operand_open(const char *operand, const char *sha256, const DownloadManners *manners, int *fd, char **name);

#endif
