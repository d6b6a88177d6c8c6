# make install, make uninstall: where PREFIX and DESTDIR say.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/fm-tools
INSTALL ?= install

MANUALS := $(sort $(wildcard man/*.[1-9]))
EXAMPLES := $(shell find examples -type f | LC_ALL=C sort)
DOCUMENTS := $(wildcard README.md CHANGELOG.md LICENSE)
BASH_COMPLETIONS := $(TOOLS:%=$(BUILD)/completions/bash/%)
ZSH_COMPLETIONS := $(TOOLS:%=$(BUILD)/completions/zsh/_%)

# Every file that is installed, as SOURCE>MODE>TARGET; other rooms' rules may add to it before they are used.
INSTALLED += $(foreach program,$(TOOLS),$(BUILD)/bin/$(program)>755>$(BINDIR)/$(program))
INSTALLED += $(foreach page,$(MANUALS),$(page)>644>$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
INSTALLED += $(foreach file,$(BASH_COMPLETIONS),$(file)>644>$(DATADIR)/bash-completion/completions/$(notdir $(file)))
INSTALLED += $(foreach file,$(ZSH_COMPLETIONS),$(file)>644>$(DATADIR)/zsh/site-functions/$(notdir $(file)))
INSTALLED += $(foreach file,$(DOCUMENTS),$(file)>644>$(DOCDIR)/$(file))
INSTALLED += $(foreach file,$(EXAMPLES),$(file)>$(if $(filter %.sh %.py,$(file)),755,644)>$(DOCDIR)/$(file))

.PHONY: install uninstall completions
completions: $(BASH_COMPLETIONS) $(ZSH_COMPLETIONS)

$(BUILD)/completions/bash/%: $(BUILD)/bin/% mk/completion
	@mkdir -p $(@D)
	$(SAY) MAKE $@
	$(QUIET)mk/completion bash $< > $@

$(BUILD)/completions/zsh/_%: $(BUILD)/bin/% mk/completion
	@mkdir -p $(@D)
	$(SAY) MAKE $@
	$(QUIET)mk/completion zsh $< > $@

install: all completions ## install programs, GPU plug-ins, library, manual pages and completions under DESTDIR and PREFIX
	@printf '%s\n' $(foreach file,$(INSTALLED),'$(file)') | while IFS='>' read -r source mode target; do \
		$(INSTALL) -D -m "$$mode" "$$source" '$(DESTDIR)'"$$target" || exit 1; \
	done
	@echo 'Installed below $(DESTDIR)$(PREFIX).'

uninstall: ## remove what install put there
	@printf '%s\n' $(foreach file,$(INSTALLED),'$(file)') | while IFS='>' read -r source mode target; do \
		rm -f '$(DESTDIR)'"$$target" || exit 1; \
	done
	@find '$(DESTDIR)$(DOCDIR)' '$(DESTDIR)$(LIBEXECDIR)/fm-tools' '$(DESTDIR)$(PLUGIN_FOLDER)' -depth -type d -empty -delete \
		2> /dev/null || true
	@echo 'Removed from $(DESTDIR)$(PREFIX).'
