# make peers: other people's programs, to compare speed with; tests/peers/requirements.txt lists them.

PEERS := $(BUILD)/peers

.PHONY: peers
peers: ## install the peers that speed is compared with, from PyPI, 8 GB: build/peers
	@$(if $(DEPS),$(DEPS) peers)
	@tests/peers/python.sh $(PEERS) all
