/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that fill the ledgers share: ledgers.c keeps the paths and enters the sessions, flows.c enters flows and
 * finds those that stall, subjects.c follows the tallies.
 */
#ifndef MTUSCOPE_LEDGERS_INTERNAL_H
#define MTUSCOPE_LEDGERS_INTERNAL_H

#include <uthash.h>

#include "ledger.h"

struct path_key {
	uint32_t tunnel_ifindex;
	uint8_t public_key[WG_KEY_LEN];
	uint32_t direction;
};

struct path {
	struct path_key key;
	struct ledger ledger;
	UT_hash_handle hh;
};

struct session_memory {
	struct wire_session_key key;
	uint64_t lost;
	uint64_t received;
	uint32_t seen_ms;
	UT_hash_handle hh;
};

struct flow_memory {
	uint64_t tag;
	uint32_t trials, retried;
	uint32_t passed_ms;		      /* what was last acknowledged had got through then, or later */
	uint32_t trial_ms;		      /* first try of the stalled trial that is followed */
	uint32_t heard_ms;		      /* the far side was last heard then */
	uint32_t heard_tries;		      /* … when so many tries had been made, or a few more */
	uint32_t seen_tries;		      /* of the snapshot before */
	uint32_t silent_tries;		      /* most tries made between two times that it was heard */
	uint32_t tries_heard;		      /* of the trial: those that no outage explains */
	uint32_t given_up_ms, given_up_heard; /* a size given up: when, and how many of its tries no outage explains */
	uint32_t rx_next, rx_next_ms;	      /* the stream from the remote side got on last then */
	uint32_t seen_ms;
	UT_hash_handle hh;
};

struct subject_memory {
	struct subject subject; /* begins with the key */
	uint64_t total;
	uint32_t seen_ms;
	UT_hash_handle hh;
};

struct ledgers {
	struct path *paths;
	struct session_memory *sessions;
	struct flow_memory *flows;
	struct subject_memory *subjects;
	struct ledger **list; /* of paths, for ledgers_at() */
	size_t list_n, list_cap;
	uint32_t now_ms;
	uint32_t before_ms; /* of the snapshot before */
};

/* The ledger of a path, made if need be; `peer` NULL: a tunnel whose peers are not known. NULL: no memory. */
struct ledger *ledger_get(struct ledgers *ls, const struct link *tunnel, const struct peer *peer,
			  enum wire_direction direction);

/* flows.c: enters the flows of a snapshot, then judges who of the stalled was alive. 0 or -ENOMEM. */
int flows_enter(struct ledgers *ls, const struct snapshot *snap);
int stalls_judge(struct ledgers *ls, const struct snapshot *snap);
void flows_forget(struct ledgers *ls, bool all);

/* subjects.c: follows the tallies of a snapshot and lists them in the ledgers of their paths. 0 or -ENOMEM. */
int subjects_enter(struct ledgers *ls, const struct snapshot *snap);
void subjects_forget(struct ledgers *ls, bool all);

#endif
