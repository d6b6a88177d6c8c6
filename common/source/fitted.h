/* source/fitted.h: --size, --fit, --channels, --like for sources whose pictures are decoded already. */
#ifndef FM_SOURCE_FITTED_H
#define FM_SOURCE_FITTED_H

#include "picture/fit.h"
#include "source/source.h"

/**
 * Each picture is brought to the form, as picture/fit.h says; a form that changes nothing is no source of its own.
 *
 * @param inner  taken over, whatever happens; may be source itself
 * @return STATUS_OK; STATUS_INPUT: channels that can't become the form's
 */
MUST_CHECK Status fitted_open(Source *source, Source *inner, const Form *form);

#endif
