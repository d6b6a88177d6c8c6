# fm-tools: `make help` lists the targets.

# As many jobs as there are processors, unless the command line says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif

# "make clean all" is typed in this order, and meant so, however many jobs there are.
ifneq ($(and $(filter clean,$(MAKECMDGOALS)),$(word 2,$(MAKECMDGOALS))),)
.PHONY: $(MAKECMDGOALS) in-order
$(MAKECMDGOALS): in-order
	@:
in-order:
	@for goal in $(MAKECMDGOALS); do $(MAKE) "$$goal" || exit 1; done
else

include mk/platform.mk
include mk/build.mk
# The rest is found, not listed: mk/NAME.mk has the rules of one subject.
include $(filter-out mk/platform.mk mk/build.mk,$(sort $(wildcard mk/*.mk)))

endif
