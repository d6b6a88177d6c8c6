/* cli/visible.h: text from outside made fit for a terminal. */
#ifndef FM_CLI_VISIBLE_H
#define FM_CLI_VISIBLE_H

#include <stddef.h>

/**
 * Copy text, every control byte and every byte that is not UTF-8 written as \n, \t or \xNN. Cut where it doesn't fit,
 * never within a character.
 *
 * @param size     of out, at least 1
 * @param columns  out: characters written; may be NULL
 * @return bytes written, without the NUL
 */
size_t visible(char *out, size_t size, const char *text, size_t *columns);

#endif
