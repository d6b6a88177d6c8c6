/* source/webdataset_source.h: WebDataset's shards as a source. */
#ifndef FM_SOURCE_WEBDATASET_SOURCE_H
#define FM_SOURCE_WEBDATASET_SOURCE_H

#include "source/open.h"

/**
 * All of request's paths, or its first operand, are shards: tars, zips or cpio archives, in files, at addresses, on standard
 * input. Where request names classes each sample is sent as it arrives; otherwise they are kept until the classes are known.
 */
MUST_CHECK Status webdataset_source_open(Source *source, const SourceRequest *request);

#endif
