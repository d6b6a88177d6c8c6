/* ref/ref.h: the readable truth behind the backend door: every operation in plain loops, double accumulators. */
#ifndef FM_REF_REF_H
#define FM_REF_REF_H

#include "backend.h"

extern const BackendTable ref_backend;

#endif
