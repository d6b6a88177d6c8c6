/* picture/fit.h: bring a decoded picture to the size and channels that a stream wants, the same on every machine.
 *
 * In this order: alpha is laid over the background; colour becomes grey, or grey colour; the picture is cut, resized,
 * padded. Values are taken as they are stored (sRGB), not linearised.
 *
 * Grey is (19595 R + 38470 G + 7471 B + 32768) / 65536, ITU-R BT.601's luma. Resizing is separable, along rows first, by a
 * triangle whose base is two pixels of the larger grid (bilinear where it enlarges, antialiased where it reduces), weights
 * rounded to 2^-22, each pass rounded to whole grey levels. */
#ifndef FM_PICTURE_FIT_H
#define FM_PICTURE_FIT_H

#include "status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { PICTURE_CHANNELS_MOST = 16 };

typedef enum Fit {
	FIT_PAD,     /* all of it, as large as fits, in the middle of the background */
	FIT_CROP,    /* the largest middle part of the wanted shape */
	FIT_STRETCH, /* all of it, each side on its own */
	FIT_COUNT,
} Fit;

/** What pictures are to become. */
typedef struct Form {
	uint32_t height, width; /* 0: as they are */
	uint32_t channels;	/* 0: as they are */
	Fit fit;
	uint8_t background[3]; /* red, green, blue: below what is transparent, and beside what is padded */
} Form;

/** Pixels [height, width, channels]; of 2 and 4 channels the last one is alpha where colours are converted. */
typedef struct Picture {
	uint32_t height, width, channels;
	uint8_t *pixels;
} Picture;

/** "pad", "crop", "stretch" */
const char *fit_name(Fit fit);

/** @return the fit, or FIT_COUNT */
Fit fit_of_name(const char *name);

/** "rrggbb". @return false for what is no colour */
bool background_parse(const char *text, uint8_t background[static 3]);

/**
 * Where the form names no channels, alpha is laid over the background all the same.
 *
 * @param out  its pixels are malloced
 * @return STATUS_OK; STATUS_INPUT: channels that can't become the form's; STATUS_IO: no memory
 */
MUST_CHECK Status picture_fit(const Picture *in, const Form *form, Picture *out);

/** Add to a stream's fm.input how its pictures were made: "fit", "filter", "grey", "background". */
void form_describe(const Form *form, json_t *input);

/** What a stream's or a model's fm.input says; fit and background stay as they are where it doesn't say. */
MUST_CHECK Status form_read(Form *form, const json_t *input, const char *name);

#endif
