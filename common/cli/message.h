/* cli/message.h: words to people, on stderr, prefixed with the tool's name; control bytes are made visible. */
#ifndef FM_CLI_MESSAGE_H
#define FM_CLI_MESSAGE_H

#include "status.h"

#include <stdbool.h>

/** Unless --quiet: something a person should know ("fm-train: TEXT"). */
void warn(const char *format, ...) PRINTF_LIKE(1, 2);

/** Only with --verbose: what was chosen, and why. */
void verbose(const char *format, ...) PRINTF_LIKE(1, 2);

/** Say the message of a failure, quiet or not, and exit with its status; success passes through. @return status */
Status must(Status status);

/** As must, without leaving: for a failure that is not the run's last word. */
void say_failure(void);

/** Is --quiet, is --verbose on? */
bool is_quiet(void);
bool is_verbose(void);

/** cli_start's: whose messages these are, and how many. @param name  static */
void message_start(const char *name, bool quiet, bool verbosely);

#endif
