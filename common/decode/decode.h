/* decode/decode.h: picture files to pixels. Only the program fm-picture links this, and with it the decoding libraries. */
#ifndef FM_DECODE_DECODE_H
#define FM_DECODE_DECODE_H

#include "picture/fit.h"

#include <stddef.h>

enum { DECODE_PIXELS_MOST = 100000000, DECODE_SIDE_MOST = 65535 };

/**
 * Decode PNG, JPEG, WebP, GIF (its first picture), TIFF (likewise), BMP, PBM, PGM or PPM, told by the first bytes. 16 bits a
 * value become 8; the orientation that EXIF or TIFF states is applied; colour profiles and gamma are not.
 *
 * @param picture  out: malloced pixels of 1 grey, 2 grey alpha, 3 colour or 4 colour alpha channels
 * @return STATUS_OK; STATUS_INPUT: none of these, truncated, damaged, larger than DECODE_PIXELS_MOST; STATUS_IO: no memory
 */
MUST_CHECK Status decode(const uint8_t *data, size_t size, Picture *picture);

/* One format each, as decode; orientation, where there is one, out: 1 … 8 as EXIF numbers it. */
MUST_CHECK Status decode_png(const uint8_t *data, size_t size, Picture *picture, int *orientation);
MUST_CHECK Status decode_jpeg(const uint8_t *data, size_t size, Picture *picture, int *orientation);
MUST_CHECK Status decode_webp(const uint8_t *data, size_t size, Picture *picture, int *orientation);
MUST_CHECK Status decode_tiff(const uint8_t *data, size_t size, Picture *picture, int *orientation);
MUST_CHECK Status decode_gif(const uint8_t *data, size_t size, Picture *picture);
MUST_CHECK Status decode_bmp(const uint8_t *data, size_t size, Picture *picture);
MUST_CHECK Status decode_pnm(const uint8_t *data, size_t size, Picture *picture);

/** Check a size against the limits, and allocate. */
MUST_CHECK Status decode_allocate(Picture *picture, uint64_t height, uint64_t width, uint32_t channels);

/** What an EXIF block (a TIFF header and its first directory) says; 1 where it says nothing sensible. */
int exif_orientation(const uint8_t *data, size_t size);

/** Turn the picture upright. */
MUST_CHECK Status orient(Picture *picture, int orientation);

#endif
