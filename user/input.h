/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording as a command reads it: errors are explained on stderr in one line. Used by the command report. */
#ifndef MTUSCOPE_INPUT_H
#define MTUSCOPE_INPUT_H

#include "recording.h"

struct input {
	const char *path;
	struct recording_file *file;
	struct recording_reader *reader;
};

/* From the beginning. 0, or -1 after saying why not. */
int input_open(struct input *in, const char *path);
void input_close(struct input *in);

/* The next snapshot, to be freed: 1; 0: that was all; or -1 after saying why not. */
int input_next(struct input *in, struct snapshot *snap);

/* Says why; -1. */
int input_fail(const struct input *in, const char *why);

#endif
