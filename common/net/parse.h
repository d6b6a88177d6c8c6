/* net/parse.h: architecture text -> layers, and back to the one canonical text. */
#ifndef FM_NET_PARSE_H
#define FM_NET_PARSE_H

#include "net/net.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Read the layers that a text names; shapes stay zero, and a bias that the layer will have is 0, else NO_TENSOR.
 *
 * @param classes  what the word "classes" stands for
 * @param layers   out, malloced: free() it
 * @return STATUS_OK, or STATUS_USAGE naming the layer, and nothing is held
 */
MUST_CHECK Status layers_parse(const char *text, uint32_t classes, Layer **layers, size_t *count);

/** The canonical text of layers, joined by ", ". @return malloced, or NULL without memory */
char *layers_text(const Layer *layers, size_t count);

/** The canonical text of one layer: "conv 32 4x4 stride 1 same". @return text */
enum { LAYER_TEXT_MOST = 96 };
char *layer_text(const Layer *layer, char text[static LAYER_TEXT_MOST]);

#endif
