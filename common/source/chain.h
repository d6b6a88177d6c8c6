/* source/chain.h: one source after another, as --split all wants it. */
#ifndef FM_SOURCE_CHAIN_H
#define FM_SOURCE_CHAIN_H

#include "source/source.h"

/**
 * First all samples of one, then all of the other; ids are as their openers gave them. Where classes differ, one list
 * must begin with the other.
 *
 * @param first, second  taken over, whatever happens
 * @return STATUS_OK, or STATUS_INPUT naming what differs
 */
MUST_CHECK Status chain_open(Source *source, Source *first, Source *second);

#endif
