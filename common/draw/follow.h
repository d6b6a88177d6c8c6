/* draw/follow.h: wait until files that somebody else writes have grown. */
#ifndef FM_DRAW_FOLLOW_H
#define FM_DRAW_FOLLOW_H

#include "status.h"

/** Wait until each of the files exists and holds a line. */
MUST_CHECK Status follow_wait_for(char **paths, int count);

/** Wait until one of them has another size or time than at the last call; looks twice a second. */
MUST_CHECK Status follow_change(char **paths, int count);

#endif
