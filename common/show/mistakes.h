/* show/mistakes.h: the most confident mistakes of a stream of predictions, collected as it passes. */
#ifndef FM_SHOW_MISTAKES_H
#define FM_SHOW_MISTAKES_H

#include "show/tiles.h"

/**
 * Keep what belongs among the `most` most confident mistakes, sorted, most confident first; earlier ids win ties.
 *
 * @param worst  tiles_init(worst, about, most) before the first call
 */
MUST_CHECK Status mistakes_add(Tiles *worst, size_t most, const About *about, const Record *record);

#endif
