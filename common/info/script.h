/* info/script.h: turn a history back into the shell script that would make the same thing again.
 *
 * A history comes from outside and is hostile: only tools that make histories and options that these hold become words of
 * the script (so none that names a file to write), every argument is quoted, and nothing but plain ASCII of our own making
 * stands in a comment. */
#ifndef FM_INFO_SCRIPT_H
#define FM_INFO_SCRIPT_H

#include "status.h"

#include <jansson.h>
#include <stddef.h>

/**
 * @param history  fm.history: an array of one entry
 * @param script   out: malloced POSIX shell text; inputs whose own history is unknown are asked for as files by
 *                 environment variables FM_INPUT_1, …
 * @return STATUS_OK, or STATUS_INPUT for a history that holds anything but what our tools leave
 */
MUST_CHECK Status script_from_history(const json_t *history, char **script);

/**
 * The script that makes joined streams again, one after the other; of one as script_from_history.
 *
 * @param inputs  array of {content, history}: reader_inputs(), or the members of a description
 */
MUST_CHECK Status script_from_inputs(const json_t *inputs, char **script);

#endif
