# libfmstream: the only public C interface: shared, static, pkg-config.

STREAM_VERSION := $(shell sed -n 's/^#define FM_VERSION "\(.*\)"/\1/p' common/version.h)
STREAM_SONAME := libfmstream.so.$(firstword $(subst ., ,$(STREAM_VERSION)))
STREAM_SHARED := $(BUILD)/lib/libfmstream.so.$(STREAM_VERSION)
STREAM_STATIC := $(BUILD)/lib/libfmstream.a
# What reorders samples is the tools' own business.
STREAM_SOURCES := $(filter-out %/shuffle.c $(FOREIGN),$(wildcard common/fm/*.c common/json/*.c common/machine/*.c common/pixel/*.c \
	common/pixel/*/*.c common/stream/*.c)) common/status.c
STREAM_OBJECTS := $(STREAM_SOURCES:%.c=$(BUILD)/%.o)

# what the shell tests and the benchmark pass streams through
unit: $(BUILD)/tests/bench/pass

LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include

.PHONY: library install-library uninstall-library
all: library
library: $(STREAM_SHARED) $(STREAM_STATIC) $(BUILD)/lib/fmstream.pc

# All our names but fms_* are hidden, so nobody's program can collide with them.
$(STREAM_SHARED): $(STREAM_OBJECTS) mk/stream.mk
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(QUIET)$(CC) $(FLAGS) $(LDFLAGS) -shared -Wl,-soname,$(STREAM_SONAME) $(if $(SANITIZE),,-Wl,-z,defs) -o $@ $(STREAM_OBJECTS) -Wl,--as-needed -ljansson -lxxhash
	@ln -sf $(@F) $(@D)/$(STREAM_SONAME)
	@ln -sf $(@F) $(@D)/libfmstream.so

# In an archive hidden names would still be seen by the linker: one object, its hidden names made local.
$(STREAM_STATIC): $(STREAM_OBJECTS) mk/stream.mk
	@mkdir -p $(@D)
	@rm -f $@
	$(SAY) AR $@
	$(QUIET)$(LD) -r -o $(@D)/fmstream.o $(STREAM_OBJECTS)
	$(QUIET)$(OBJCOPY) --localize-hidden $(@D)/fmstream.o
	$(QUIET)$(AR) rcs $@ $(@D)/fmstream.o
	@rm -f $(@D)/fmstream.o

$(BUILD)/lib/fmstream.pc: mk/fmstream.pc.in common/version.h FORCE
	+@mkdir -p $(@D)
	+@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(STREAM_VERSION)|' mk/fmstream.pc.in >$@.new
	+@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

install: install-library
install-library: library
	$(QUIET)$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)/fm'
	$(QUIET)$(INSTALL) -m 644 common/fm/stream.h '$(DESTDIR)$(INCLUDEDIR)/fm/stream.h'
	$(QUIET)$(INSTALL) -m 644 $(STREAM_SHARED) $(STREAM_STATIC) '$(DESTDIR)$(LIBDIR)'
	$(QUIET)ln -sf libfmstream.so.$(STREAM_VERSION) '$(DESTDIR)$(LIBDIR)/$(STREAM_SONAME)'
	$(QUIET)ln -sf libfmstream.so.$(STREAM_VERSION) '$(DESTDIR)$(LIBDIR)/libfmstream.so'
	$(QUIET)$(INSTALL) -m 644 $(BUILD)/lib/fmstream.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/fmstream.pc'

uninstall: uninstall-library
uninstall-library:
	$(QUIET)rm -f '$(DESTDIR)$(INCLUDEDIR)/fm/stream.h' '$(DESTDIR)$(LIBDIR)/libfmstream.a' \
		'$(DESTDIR)$(LIBDIR)/libfmstream.so' '$(DESTDIR)$(LIBDIR)/$(STREAM_SONAME)' \
		'$(DESTDIR)$(LIBDIR)/libfmstream.so.$(STREAM_VERSION)' '$(DESTDIR)$(LIBDIR)/pkgconfig/fmstream.pc'
	$(QUIET)rmdir '$(DESTDIR)$(INCLUDEDIR)/fm' 2> /dev/null || true
