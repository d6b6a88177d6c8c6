/* report/page.h: everything that is known of a model and its predictions as one self-contained HTML page. */
#ifndef FM_REPORT_PAGE_H
#define FM_REPORT_PAGE_H

#include "draw/log.h"
#include "net/model.h"
#include "show/tiles.h"
#include "status.h"

#include <jansson.h>
#include <stdio.h>

/** What the page shows; NULL where there is none. */
typedef struct Page {
	const char *title;
	const json_t *metrics;	/* as fm-metrics --json, curves included where there are any */
	const json_t *baseline; /* another such object, to compare with */
	const Log *log;
	const Model *model;
	const Tiles *mistakes;	/* most confident first */
	const json_t *inputs;	/* of the predictions, as reader_inputs: one, or each of joined streams */
	const char *content;	/* of the predictions: 16 hex digits */
} Page;

/**
 * Write the page: no script, nothing from elsewhere, in the reader's dark or light theme, printable; every name escaped.
 * Equal input makes equal bytes.
 */
MUST_CHECK Status page_write(const Page *page, FILE *out);

#endif
