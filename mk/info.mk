# The table of every tool's option names, read from their sources (so it works for a cross build too).

OPTION_NAMES := $(BUILD)/gen/option_names.c
OBJECTS += $(OPTION_NAMES:%.c=%.o)
$(ARCHIVE): $(OPTION_NAMES:%.c=%.o)

$(OPTION_NAMES): common/info/option_names.awk $(wildcard tools/fm-*.c)
	@mkdir -p $(@D)
	$(SAY) GEN $@
	$(QUIET)awk -f common/info/option_names.awk $(sort $(wildcard tools/fm-*.c)) >$@.new && mv $@.new $@

$(OPTION_NAMES:%.c=%.o): $(OPTION_NAMES) $(BUILD)/flags
	$(SAY) CC $@
	$(QUIET)$(CC) $(FLAGS) $(CPPFLAGS_ALL) $(CFLAGS) -MMD -MP -c -o $@ $<
