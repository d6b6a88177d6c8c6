/* picture/resize.h: resample a picture; the filter is stated in picture/fit.h. */
#ifndef FM_PICTURE_RESIZE_H
#define FM_PICTURE_RESIZE_H

#include "picture/fit.h"

/** @param out  its size and pixels are there already; as many channels as in */
MUST_CHECK Status resize(const Picture *in, Picture *out);

#endif
