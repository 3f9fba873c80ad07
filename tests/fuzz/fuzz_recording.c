/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target (libFuzzer): bytes are read as a recording, after a right header so that they get past it (the first
 * byte says whether), and analysed. No crash, no sanitizer report, no endless reading. Needs user/core/, user/record/.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/invariants.h"
#include "analysis.h"
#include "recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *header, *data;
	size_t header_len, len;
};

static long input_read(void *arg, void *to, size_t len)
{
	struct input *in = arg;
	const uint8_t **from = in->header_len ? &in->header : &in->data;
	size_t *left = in->header_len ? &in->header_len : &in->len;

	if (len > *left)
		len = *left;
	memcpy(to, *from, len);
	*from += len;
	*left -= len;
	return (long)len;
}

static void check(const struct finding *f, void *arg)
{
	(void)arg;
	if (finding_wrong(f))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .data = data + 1, .len = size ? size - 1 : 0 };
	struct recording_reader *r;
	char why[RECORDING_WHY_LEN];
	struct analysis *a;
	struct snapshot snap;
	void *header;

	if (!size)
		return 0;
	header = recording_header(&in.header_len);
	a = analysis_new();
	if (!header || !a)
		abort();
	in.header = header;
	if (data[0] & 1)
		in.header_len = 0;
	if (!recording_reader_new(&r, input_read, &in, why)) {
		while (recording_next(r, &snap, why) > 0) {
			analysis_step(a, &snap, check, NULL);
			snapshot_free(&snap);
		}
		recording_reader_free(r);
	}
	analysis_free(a);
	free(header);
	return 0;
}
