/* stream/history.h: how a stream or a model came to be: fm.history, see fm-stream(5). */
#ifndef FM_STREAM_HISTORY_H
#define FM_STREAM_HISTORY_H

#include "status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * One entry: {"tool","version","options","seed","backend","inputs"}, absent parts left out.
 *
 * @param options  stolen reference: cli_options()
 * @param seed     as decimal text, because a u64 exceeds what JSON readers hold; NULL = the tool has none
 * @param backend  "cpu avx512 bf16", or NULL
 * @param inputs   stolen reference: reader_inputs(), possibly extended; or NULL = none
 * @return new reference to the array that holds the entry alone, as fm.history wants it
 */
json_t *history_make(const char *tool, json_t *options, const char *seed, const char *backend, json_t *inputs);

/**
 * Of the history of a repeated stream forget at which epoch it was begun (fm-augment --start-epoch): what is made of all of
 * its epochs, in one run or in several, is the same.
 */
void history_forget_start(json_t *history);

/** Has fm-augment, anywhere in a history, drawn transforms at random? (--affine is no chance.) */
bool history_has_chance(const json_t *history);

#endif
