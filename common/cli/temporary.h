/* cli/temporary.h: files that must not outlive the process. */
#ifndef FM_CLI_TEMPORARY_H
#define FM_CLI_TEMPORARY_H

#include "status.h"

/** Remove path at exit and on SIGHUP, SIGINT, SIGTERM, SIGPIPE. @return its slot, for temporary_forget; or STATUS_IO */
MUST_CHECK Status temporary_remember(const char *path);

/** Forget it: it has been renamed or removed. */
void temporary_forget(int slot);

#endif
