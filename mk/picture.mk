# fm-picture, the program that decodes pictures for fm-fetch: it alone is linked to the decoding libraries.

LIBEXECDIR ?= $(PREFIX)/libexec
PICTURE_LIBRARIES := -lpng -ljpeg -lwebp -ltiff -lgif -lm
PICTURE := $(BUILD)/libexec/fm-tools/fm-picture

all: $(PICTURE)
# fm-fetch finds it beside its own folder, as it is installed
$(BUILD)/bin/fm-fetch: | $(PICTURE)

$(PICTURE): $(BUILD)/libexec/fm-picture.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(QUIET)$(CC) $(FLAGS) $(LDFLAGS) -o $@ $< $(ARCHIVE) -Wl,--as-needed $(PICTURE_LIBRARIES) $(LIBRARIES)

INSTALLED += $(PICTURE)>755>$(LIBEXECDIR)/fm-tools/fm-picture
