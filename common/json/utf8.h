/* json/utf8.h: is it UTF-8? Well-formed as the Unicode standard has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
#ifndef FM_JSON_UTF8_H
#define FM_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const void *bytes, size_t length);

/** Bytes of the character that begins here, of at most `left`; 0 where none does. */
size_t utf8_length(const void *bytes, size_t left);

#endif
