/* cli/help.h: --help, the short help, and the table for completions and tests. */
#ifndef FM_CLI_HELP_H
#define FM_CLI_HELP_H

#include "cli/options.h"

#include <stdio.h>

/** All that --help says. @param added  the options that every tool has; ends in OPT_END */
void help_print(FILE *out, const Manual *manual, const Option *added);

/** Summary, usage, and where to read on: for a tool that would wait for input on a terminal. */
void help_short(FILE *out, const Manual *manual);

/** letter TAB name TAB argument TAB choices TAB help, "-" for none. */
void help_dump(FILE *out, const Manual *manual, const Option *added);

#endif
