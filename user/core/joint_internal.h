/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the joint share: joint.c reads, joint_judge.c compares, joint_findings.c puts findings together. */
#ifndef MTUSCOPE_JOINT_INTERNAL_H
#define MTUSCOPE_JOINT_INTERNAL_H

#include <uthash.h>

#include "joint.h"

struct met_key {
	uint32_t index;	    /* the receiver's name for the session */
	uint32_t direction; /* enum wire_direction, of the end that saw it */
};

/* A session as one end has seen it, from whatever addresses. */
struct met {
	struct met_key key;
	uint32_t tunnel_ifindex;
	uint8_t public_key[WG_KEY_LEN];
	uint64_t first, max; /* counters */
	msec_t first_ms, last_ms;
	/* of the tunnel */
	bool joined;
	uint64_t received, told_max;
	msec_t entered_ms;
	UT_hash_handle hh;
};

/* A session's counter has risen. */
struct rise {
	msec_t ms;
	uint32_t index;
	bool dated; /* it rose since the snapshot before; else it may have been so for long */
	uint64_t counter;
};

/* Packets of the tunnel by size since the snapshot before. */
struct sized {
	msec_t ms;
	uint16_t slot;
	uint8_t direction;
	uint64_t n;
};

/* A finding of one end: as it was while it lasted. */
struct found {
	struct finding f;
	bool resolved;
	msec_t began_ms, opened_ms, ended_ms; /* its first flow's stall, when it was told, and when it was last seen */
	uint64_t tries;			      /* in vain until it was told */
};

#define LIST(type)                                                                                                     \
	struct {                                                                                                       \
		type *at;                                                                                              \
		size_t n, cap;                                                                                         \
	}

struct seen_end {
	struct met *met;
	struct joint_end about;
	msec_t first_ms, last_ms;
	int64_t first_realtime_ms, last_realtime_ms;  /* to print */
	struct wire_counters before[WIRE_DIRECTIONS]; /* of the tunnel, in the snapshot before */
	bool has_before;
	LIST(struct rise) rises[WIRE_DIRECTIONS];
	LIST(struct sized) sized;
	LIST(struct found) found;
};

struct joint {
	struct seen_end ends[JOINT_ENDS];
	int64_t offset_ms; /* what to add to the first end's time to have the second one's */
};

#endif
