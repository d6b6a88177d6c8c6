/* source/set_source.h: data sets that are known by name as sources. */
#ifndef FM_SOURCE_SET_SOURCE_H
#define FM_SOURCE_SET_SOURCE_H

#include "source/open.h"
#include "source/sets.h"

/** Find its files, wherever they are (source/locate.h), and open the split that is asked for. */
MUST_CHECK Status set_source_open(Source *source, const NamedSet *set, SourceRequest *request);

#endif
