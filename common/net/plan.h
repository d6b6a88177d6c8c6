/* net/plan.h: layers -> stages, each of which a backend can compute in one go. */
#ifndef FM_NET_PLAN_H
#define FM_NET_PLAN_H

#include "net/net.h"

/** Fill net->stages from net->layers, whose shapes are known. @return STATUS_OK or STATUS_IO (memory) */
MUST_CHECK Status net_plan(Net *net);

#endif
