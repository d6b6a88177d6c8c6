/* predict/views.h: test views: the same picture flipped and shifted, whose probabilities are averaged. */
#ifndef FM_PREDICT_VIEWS_H
#define FM_PREDICT_VIEWS_H

#include <stdint.h>

/** As fm.views and --tta name them. */
#define VIEWS_CHOICES "none|flip|flip shift 1"

/** @return how many views a name stands for: 1, 2 or 10; 0 for an unknown name */
int views_count(const char *name);

/**
 * Make one view. View 0 is the picture itself, 1 its mirror image, left to right; then both again, shifted by a pixel
 * down, up, right and left, borders repeated.
 *
 * @param from, to  [n, h, w, c], must not overlap
 */
void view_apply(int view, uint64_t n, uint32_t h, uint32_t w, uint32_t c, const uint8_t *from, uint8_t *to);

#endif
