# fm-tools: `make help` lists the targets.

# As many jobs as there are processors, unless the command line says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif

include mk/platform.mk
include mk/build.mk
# The rest is found, not listed: mk/NAME.mk has the rules of one subject.
include $(filter-out mk/platform.mk mk/build.mk,$(sort $(wildcard mk/*.mk)))
