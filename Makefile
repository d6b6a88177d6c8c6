# fm-tools: `make help` lists the targets.

include mk/platform.mk
include mk/build.mk
include mk/install.mk
include mk/info.mk
include mk/check.mk
