# make install, make uninstall: where PREFIX and DESTDIR say.

PREFIX ?= /usr/local
