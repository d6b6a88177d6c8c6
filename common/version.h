/* version.h: the one place that holds the version, read by the Makefile too. */
#ifndef FM_VERSION_H
#define FM_VERSION_H

#define FM_VERSION "0.1.0"

#endif
