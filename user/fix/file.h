/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are replaced as a whole: whoever is interrupted leaves the old one or the new one. All return 0 or -errno.
 * Used by user/fix/ and the commands fix and report.
 */
#ifndef MTUSCOPE_FILE_H
#define MTUSCOPE_FILE_H

#include <stddef.h>

/* A new file with these bytes, on disk when it returns; it takes the place of one that is there. Mode 0600. */
int file_write(const char *path, const char *bytes, size_t len);

/*
 * The same for a file that exists, whose owner, group and permissions the new one gets. The old one itself stays, as `backup`,
 * which must not exist. `before_swap` is called when only the last step is missing; its error ends it, without a trace.
 */
int file_replace(const char *path, const char *backup, const char *bytes, size_t len, int (*before_swap)(void *arg),
		 void *arg);

/* Puts the backup back in the place of `path`, and removes it without a trace. */
int file_restore(const char *path, const char *backup);

/* Removes it, on disk when it returns. */
int file_remove(const char *path);

#endif
