/* net/parse.h: architecture text -> layers, and back to the one canonical text. */
#ifndef FM_NET_PARSE_H
#define FM_NET_PARSE_H

#include "net/net.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Read one layer's words; shapes stay zero, and a bias that the layer will have is 0, else NO_TENSOR.
 *
 * @param text      without commas, cut into words in place
 * @param number    for messages: which layer this is, from 1
 * @param ordinals  [LAYER_KINDS]: how many of each kind came before; counted on
 * @return STATUS_OK, or STATUS_USAGE naming the layer
 */
MUST_CHECK Status layer_parse(char *text, size_t number, uint32_t classes, uint32_t *ordinals, Layer *layer);

/** What stands before the parenthesis of a residual. */
#define RESIDUAL_WORD "residual"

/**
 * Read the layers that a text names, and what each reads; shapes stay zero, and a bias that the layer will have is 0, else NO_TENSOR.
 *
 * @param classes  what the word "classes" stands for
 * @param layers   out, malloced: free() it
 * @return STATUS_OK, or STATUS_USAGE naming the layer, and nothing is held
 */
MUST_CHECK Status layers_parse(const char *text, uint32_t classes, Layer **layers, size_t *count);

/** The canonical text of layers, joined by ", ", residuals nested: "residual(bn, relu | conv 8 1x1 …)". @return malloced, or NULL without memory */
char *layers_text(const Layer *layers, size_t count);

/** The canonical text of one layer: "conv 32 4x4 stride 1 same". @return text */
enum { LAYER_TEXT_MOST = 96 };
char *layer_text(const Layer *layer, char text[static LAYER_TEXT_MOST]);

#endif
