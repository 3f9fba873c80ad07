// SPDX-License-Identifier: GPL-2.0-or-later
/* See input.h. */
#include "input.h"

#include <stdio.h>
#include <string.h>

int input_fail(const struct input *in, const char *why)
{
	fprintf(stderr, "mtuscope report: %s: %s\n", in->path, why);
	return -1;
}

int input_open(struct input *in, const char *path)
{
	char why[RECORDING_WHY_LEN];
	int err;

	*in = (struct input){ .path = path };
	err = recording_open(&in->file, path);
	if (err)
		return input_fail(in, strerror(-err));
	if (!recording_reader_new(&in->reader, recording_file_read, in->file, why))
		return 0;
	input_fail(in, why);
	input_close(in);
	return -1;
}

void input_close(struct input *in)
{
	recording_reader_free(in->reader);
	recording_close(in->file);
	in->reader = NULL;
	in->file = NULL;
}

int input_next(struct input *in, struct snapshot *snap)
{
	char why[RECORDING_WHY_LEN];
	int more = recording_next(in->reader, snap, why);

	if (more < 0)
		return input_fail(in, why);
	if (!more && recording_truncated(in->reader))
		fprintf(stderr, "mtuscope report: %s: ends in the middle of a snapshot, which is left out\n", in->path);
	return more;
}
