// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: whatever a wg-quick file holds, the new MTU is what a reader finds afterwards, and the bytes around it are
 * those of before. In: a file. Run by libFuzzer.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mention.h"
#include "wgquick.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the longer one after the common beginning and end is the MTU line or its value. */
static void compare(const char *before, size_t len, const char *after, size_t after_len)
{
	size_t head = 0, tail = 0, least = len < after_len ? len : after_len;

	while (head < least && before[head] == after[head])
		head++;
	while (tail < least - head && before[len - 1 - tail] == after[after_len - 1 - tail])
		tail++;
	CHECK(after_len - head - tail <= WGQUICK_GROWTH);
	CHECK(!memchr(before + head, '\n', len - head - tail));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *in = malloc(size ? size : 1), *out = malloc(size + WGQUICK_GROWTH), *again;
	size_t n;

	if (!in || !out)
		abort();
	memcpy(in, data, size);
	n = wgquick_set_mtu(in, size, 1440, out);
	CHECK(n <= size + WGQUICK_GROWTH);
	if (n) {
		CHECK(wgquick_mtu(out, n) == 1440);
		compare(in, size, out, n);
		again = malloc(n + WGQUICK_GROWTH);
		CHECK(again && wgquick_set_mtu(out, n, 1440, again) == n && !memcmp(out, again, n));
		free(again);
	} else {
		CHECK(!wgquick_mtu(in, size));
	}
	for (int manager = MANAGER_NONE; manager <= MANAGER_IFUPDOWN; manager++)
		mention_find(manager, in, size, "wg0");
	free(in);
	free(out);
	return 0;
}
