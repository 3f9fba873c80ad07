/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics as a file for the node exporter's textfile collector. */
#ifndef MTUSCOPE_TEXTFILE_H
#define MTUSCOPE_TEXTFILE_H

#include <stddef.h>

/* Writes DIR/mtuscope.prom whole or not at all. 0 or -errno. */
int textfile_write(const char *dir, const char *text, size_t len);

/* At the end: numbers that nobody updates would be believed. */
void textfile_remove(const char *dir);

#endif
