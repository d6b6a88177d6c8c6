/* metrics/gate.h: --assert: conditions on scores, "accuracy>=0.928 && recall[Shirt]>=80% && log_loss<=0.2".
 *
 * A condition is KEY OP NUMBER: a key of the JSON, with '.' between levels (f1.macro, top_k.5), or one of a class's with
 * its name in brackets; >= > <= < == !=; a number, N% being N / 100. */
#ifndef FM_METRICS_GATE_H
#define FM_METRICS_GATE_H

#include "status.h"

#include <jansson.h>

/** For an option table. @return NULL, or what was expected */
const char *gate_parse(const char *text);

/**
 * Judge. To find unknown keys before work is done, judge the scores of no samples, which have them all.
 *
 * @param text    gate_parse found nothing wrong with it
 * @return STATUS_OK if all hold; STATUS_NO naming those that don't (an undefined score never does); STATUS_USAGE for an
 *         unknown key or class
 */
MUST_CHECK Status gate_judge(const char *text, const json_t *scores);

#endif
