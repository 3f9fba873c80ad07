/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recordings in this directory: which story each of them tells. Made by record.c, read by test_recording.c. */
#ifndef MTUSCOPE_TEST_GOLDEN_H
#define MTUSCOPE_TEST_GOLDEN_H

#include <stdint.h>

static const struct {
	const char *file, *kind;
	uint64_t seed;
} GOLDEN[] = {
	{ "hole-to-peer.rec", "hole", 24 },
	{ "hole-from-peer.rec", "hole", 89 },
	{ "policer.rec", "policer", 24 },
	{ "outage.rec", "outage", 125 },
};

#define GOLDEN_N (sizeof(GOLDEN) / sizeof(GOLDEN[0]))

#endif
