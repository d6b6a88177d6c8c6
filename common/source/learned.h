/* source/learned.h: a source whose classes are known only when it has ended. */
#ifndef FM_SOURCE_LEARNED_H
#define FM_SOURCE_LEARNED_H

#include "source/labels.h"
#include "source/source.h"

/**
 * A stream names its classes before its first sample: so read all of inner, keep it, and send it with its classes.
 *
 * @param inner   taken over, whatever happens; its labels are provisional
 * @param labels  that it finds them by: settled when it has ended; inner's, looked at only here
 * @param seed    of stored hashes
 * @param memory  bytes to keep before a file is used
 */
MUST_CHECK Status learned_open(Source *source, Source *inner, const Labels *labels, uint64_t seed, uint64_t memory);

#endif
