/* report/html.h: text and pictures into an HTML page; every text from outside is escaped. */
#ifndef FM_REPORT_HTML_H
#define FM_REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

/** Text as HTML shows it, in content and in quoted attributes alike; control bytes and invalid UTF-8 become U+FFFD. */
void html_text(FILE *out, const char *text);

/** "data:TYPE;base64,…", for src. */
void html_data(FILE *out, const char *type, const void *bytes, size_t size);

#endif
