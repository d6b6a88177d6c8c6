/* predict/escape.h: text from outside, written so that a line stays a line. */
#ifndef FM_PREDICT_ESCAPE_H
#define FM_PREDICT_ESCAPE_H

#include <stddef.h>

/** For TSV: tab, newline and backslash as \t, \n, \\, other control bytes as \xNN. @return malloced, NULL without memory */
char *escape_tsv(const char *text, size_t length);

/** As a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. @return malloced, NULL without memory */
char *escape_json(const char *text, size_t length);

#endif
