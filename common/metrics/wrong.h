/* metrics/wrong.h: the misclassified samples, most confident first. */
#ifndef FM_METRICS_WRONG_H
#define FM_METRICS_WRONG_H

#include "status.h"
#include "stream/record.h"
#include "stream/spool.h"

#include <stdint.h>

/** wrong_open, wrong_close. */
typedef struct Wrong {
	About about;	    /* what wrong_gather's records are like: the input's, without parts and epochs */
	int32_t actual, predicted; /* the one confusion that is kept; -1: all */
	Spool spool;
	uint64_t room;
	double *confidence; /* [spool.rows]: probability of the prediction */
	uint64_t *order;    /* [spool.rows], after wrong_sort */
} Wrong;

/**
 * @param in      of a stream with predictions
 * @param pair    "Shirt,Coat": only shirts taken for coats; or NULL
 * @param memory  bytes to keep in memory, as spool_open has it
 * @return STATUS_OK; STATUS_USAGE for a pair that is not two of the classes; STATUS_IO; and nothing is held
 */
MUST_CHECK Status wrong_open(Wrong *wrong, const About *in, const char *pair, uint64_t memory);

/** Keep a record's misclassified samples. @param record  counted already; its data are moved about */
MUST_CHECK Status wrong_keep(Wrong *wrong, Record *record);

/** Most confident first, in input order where equally so. @return STATUS_OK, or STATUS_IO (memory) */
MUST_CHECK Status wrong_sort(Wrong *wrong);

/**
 * Fetch samples in that order.
 *
 * @param first   0 … spool.rows
 * @param record  as spool_gather has it
 * @return how many: 0 behind the last; STATUS_IO
 */
MUST_CHECK Status wrong_gather(const Wrong *wrong, uint64_t first, Record *record);

void wrong_close(Wrong *wrong);

#endif
