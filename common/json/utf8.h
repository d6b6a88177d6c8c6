/* json/utf8.h: is it UTF-8? */
#ifndef FM_JSON_UTF8_H
#define FM_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/** Well-formed as the Unicode standard has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_is_valid(const void *bytes, size_t length);

#endif
