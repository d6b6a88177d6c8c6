/* source/csv_source.h: a CSV file as a source. */
#ifndef FM_SOURCE_CSV_SOURCE_H
#define FM_SOURCE_CSV_SOURCE_H

#include "picture/fit.h"
#include "source/bytes.h"
#include "source/idx_source.h"

/**
 * Whole numbers as labels are classes "0", "1", …, unless traits names them; other labels are names of classes, which are
 * numbered in byte order; empty or -1: unlabelled.
 *
 * @param bytes   taken over, whatever happens
 * @param labels  the same file opened once more, to learn its classes before the first line is sent; taken over; its state
 *                is NULL where traits names the classes
 * @param form    height and width where they multiply to the number of values; otherwise pictures are squares, of one
 *                channel, or of three where the form names no size
 */
MUST_CHECK Status csv_source_open(Source *source, Bytes *bytes, Bytes *labels, const Form *form, const IdxTraits *traits);

#endif
