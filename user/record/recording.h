/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording: the snapshots of an observation, one after the other, so that an analysis can be had later, again, and
 * elsewhere. A header says what made it (version, byte order, sizes of the structs: a recording is read by the version
 * that wrote it), then each snapshot has its length before it. The file is compressed (file.c); recording.c knows bytes alone.
 *
 * The reader believes nothing: lengths and counts are checked before room is made, truth values, names and indices before
 * anybody uses them.
 */
#ifndef MTUSCOPE_RECORDING_H
#define MTUSCOPE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define RECORDING_WHY_LEN 128

struct recording_reader;

/* Reads up to len bytes; how many, less than len only at the end; or -errno. */
typedef long (*recording_read_fn)(void *arg, void *to, size_t len);

/*
 * Reads the header. 0, -EBADMSG or another error of reading; *why then says what is wrong, in a few words, and in which
 * snapshot, counting from 1.
 */
int recording_reader_new(struct recording_reader **r, recording_read_fn read, void *arg, char why[RECORDING_WHY_LEN]);

/* The next snapshot, to be freed by snapshot_free(): 1; 0: that was all; else as above. */
int recording_next(struct recording_reader *r, struct snapshot *snap, char why[RECORDING_WHY_LEN]);

/* Whether the end came in the middle of a snapshot: the writer was killed, or still writes. */
bool recording_truncated(const struct recording_reader *r);
void recording_reader_free(struct recording_reader *r);

/* The bytes of the header, or of one snapshot with its length before it, to be freed; NULL: no memory, or too large. */
void *recording_header(size_t *len);
void *recording_encode(const struct snapshot *snap, size_t *len);

/* Files. 0 or -errno. What is written can be read after a second at most, whatever becomes of the writer. */
struct recording_file;

int recording_create(struct recording_file **f, const char *path);
int recording_write(struct recording_file *f, const struct snapshot *snap);
int recording_open(struct recording_file **f, const char *path);
long recording_file_read(void *file, void *to, size_t len); /* for recording_reader_new() */
int recording_close(struct recording_file *f);		    /* NULL is allowed */

#endif
