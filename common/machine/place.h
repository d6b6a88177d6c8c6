/* machine/place.h: where what belongs to the running program lies. */
#ifndef FM_MACHINE_PLACE_H
#define FM_MACHINE_PLACE_H

#include "status.h"

#include <limits.h>

/**
 * "…/bin/fm-fetch" has its helpers in "…/libexec/fm-tools", its plug-ins in "…/lib/fm-tools", installed or not.
 *
 * @param below  "/libexec/fm-tools/fm-picture"
 * @param path   out: "…/libexec/fm-tools/fm-picture"
 */
MUST_CHECK Status place_beside(const char *below, char path[static PATH_MAX]);

#endif
