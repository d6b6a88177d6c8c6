# What this is built on, and with what: compiler, flags, libraries.

CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif

# The compiler knows its own binary tools, a cross compiler those of its target.
ifeq ($(origin LD),default)
LD := $(shell $(CC) -print-prog-name=ld)
endif
ifeq ($(origin AR),default)
AR := $(shell $(CC) -print-prog-name=ar)
endif
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)

# One directory a flavour, so that sanitizer and clang builds lie beside the usual one.
BUILD ?= build

# A target that can't work stops here, in one line, before any file is compiled.
TARGET_MACROS := $(shell $(CC) -dM -E -x c /dev/null 2>/dev/null)
ifneq ($(TARGET_MACROS),)
ifeq ($(findstring __SIZEOF_POINTER__ 8,$(TARGET_MACROS)),)
$(error fm-tools needs a 64-bit target; $(CC) makes 32-bit programs)
endif
ifeq ($(findstring __BYTE_ORDER__ __ORDER_LITTLE_ENDIAN__,$(TARGET_MACROS)),)
$(error fm-tools needs a little-endian target; $(CC) makes big-endian programs)
endif
endif

# Folders whose instruction set the target hasn't got are left out; the portable path is everywhere.
ifeq ($(findstring __x86_64__,$(TARGET_MACROS)),)
FOREIGN := $(shell find common/*/avx* -name '*.c' 2>/dev/null)
endif
ifeq ($(findstring __aarch64__,$(TARGET_MACROS)),)
FOREIGN += $(shell find common/*/neon -name '*.c' 2>/dev/null)
endif

OPTIMISE ?= -O2
# WERROR= where a compiler newer than ours has more to say
WERROR ?= -Werror
PKG_CONFIG ?= pkg-config
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
# SANITIZE is what the checking flavours add: -fsanitize=address,undefined; it makes gcc see things, so no -Werror there
WARNINGS += $(if $(SANITIZE),-Wno-error)
FLAGS := -std=gnu17 $(OPTIMISE) -g $(WARNINGS) -fno-math-errno -ffp-contract=off -fvisibility=hidden -fPIC $(SANITIZE)
CPPFLAGS_ALL := -Icommon -D_GNU_SOURCE $(CPPFLAGS)
LIBRARIES := -ljansson -lxxhash -larchive -lz -lcurl -lcrypto -lm -lpthread -ldl
