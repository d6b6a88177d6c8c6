/* cli/value.h: the value of an option, from text and back. */
#ifndef FM_CLI_VALUE_H
#define FM_CLI_VALUE_H

#include "cli/options.h"

/** Read an argument into the option's variable. @return STATUS_OK, or STATUS_USAGE saying what was expected */
MUST_CHECK Status value_read(const Option *option, const char *text);

/** The variable as text that value_read would read back to the same value. @return malloced; NULL for a text that is */
char *value_text(const Option *option);

/** What value_read accepts, in words: "a whole number from 1 to 65536". */
void value_expectation(const Option *option, char *words, size_t size);

/** Has the option a range, and has the range an upper end? */
bool value_is_bounded(const Option *option);
bool value_is_bounded_above(const Option *option);

#endif
