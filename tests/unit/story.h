/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A story drawn from a seed: a path, its traffic, and a trouble that is an MTU black hole or only looks like one. Told
 * packet by packet (network.h) to the whole analysis, and judged by the truth, which the teller knows. Entered by
 * test_soak.c with a few seeds and by `make soak` with as many as one likes.
 */
#ifndef MTUSCOPE_TEST_STORY_H
#define MTUSCOPE_TEST_STORY_H

#include "network.h"

enum story_end {
	STORY_RIGHT,	   /* the hole was found, or there was none and nothing was said */
	STORY_FALSE_ALARM, /* something was said of a hole that is not there */
	STORY_MISSED,	   /* the hole swallowed packets and nothing was said */
	STORY_WRONG,	   /* class, direction, bracket, recommendation, or when it opens and is resolved */
};

struct story {
	uint64_t seed;
	msec_t start_ms; /* on the loader's clock */
	size_t kind;	 /* below story_kinds() */
	bool hole;
	uint8_t family, headers;
	uint32_t tunnel_mtu, path_mtu;
	enum wire_direction direction;
	double loss;
	uint32_t delay_ms, jitter_ms;
	size_t connections;
	bool pings;
};

struct story_result {
	enum story_end end;
	uint32_t open_ms;		     /* from the first packet that was too large to the finding; hole found */
	char what[FINDING_MESSAGE_LEN + 64]; /* why it is not right */
};

size_t story_kinds(void);
const char *story_kind_name(size_t kind);
bool story_kind_is_hole(size_t kind);
bool story_kind_is_unsolved(size_t kind); /* it is known to be got wrong at times */

/* The story of a seed; of that kind, or of any (kind at or above story_kinds()). */
struct story story_draw(uint64_t seed, size_t kind);

/* One line, for a person to find what is wrong with a seed. */
void story_describe(const struct story *s, char *text, size_t len);

/* `sees`, unless NULL, is told of each snapshot. */
struct story_result story_tell(const struct story *s, void (*sees)(const struct snapshot *snap, void *arg), void *arg);

/* The same, recorded at both ends of the tunnel: of `args` the second is for the peer's gateway. */
struct story_result story_tell_both(const struct story *s, void (*sees)(const struct snapshot *snap, void *arg),
				    void *const args[2]);

/* NULL, or what in a finding contradicts the story's truth. */
const char *story_contradicts(const struct story *s, const struct finding *f);

/* The kind of that name; fails the test if there is none. */
size_t story_kind_named(const char *name);

#endif
