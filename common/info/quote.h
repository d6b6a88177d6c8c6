/* info/quote.h: text from outside as a word of a shell script. */
#ifndef FM_INFO_QUOTE_H
#define FM_INFO_QUOTE_H

/** As a shell word: bare where that is safe, else in single quotes. @return malloced */
char *shell_quote(const char *text);

#endif
