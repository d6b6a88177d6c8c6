/* pixel/transform.h: what can be done to a picture, in integer arithmetic, so that every machine makes the same. */
#ifndef FM_PIXEL_TRANSFORM_H
#define FM_PIXEL_TRANSFORM_H

#include <stdint.h>

/** What lies outside a picture, as scipy.ndimage's modes of the same names: nearest aaaa|abcd|dddd, constant
 *  kkkk|abcd|kkkk, reflect dcba|abcd|dcba, wrap dbcd|abcd|bcda (the last pixel stands for the first of the next). */
typedef enum Fill { FILL_NEAREST, FILL_CONSTANT, FILL_REFLECT, FILL_WRAP } Fill;
enum { FILL_COUNT = FILL_WRAP + 1 };

/** By Fill: "nearest", … */
extern const char *const fill_names[FILL_COUNT];

/** One sample's transform, as in fm-stream(5)'s lazy form. */
typedef struct Transform {
	int32_t affine[6]; /* output (x, y) reads input (a x + b y + c, d x + e y + f), in 2^-20 pixel */
	int32_t tone[2];   /* gain, offset, in 2^-16; {65536, 0} changes nothing */
	int32_t erase[5];  /* y, x, h, w, value; h = 0 erases nothing */
} Transform;

/** The transform that changes nothing. */
extern const Transform transform_none;

/**
 * Warp, then tone, then erase: the definition, a pixel at a time. Every Transform is safe, whatever its numbers.
 *
 * @param value     of FILL_CONSTANT, 0 … 255
 * @param from, to  [h, w, c], must not overlap
 */
void transform_apply(const Transform *transform, Fill fill, uint8_t value, uint32_t h, uint32_t w, uint32_t c,
		     const uint8_t *from, uint8_t *to);

#endif
