/* cli/standard.h: the three standard descriptors, made safe at the start and checked at the end. */
#ifndef FM_CLI_STANDARD_H
#define FM_CLI_STANDARD_H

#include "status.h"

/**
 * SIGPIPE kills again, whatever the parent did; a standard descriptor that the parent closed is filled, so that no file
 * gets its number: reading stdin or writing stdout then fails as it should.
 */
MUST_CHECK Status standard_begin(void);

#endif
