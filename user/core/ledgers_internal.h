/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that fill the ledgers share: ledgers.c keeps the paths and enters the sessions, flows.c enters flows,
 * stalls*.c find those that stall, subjects.c follows the tallies.
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
	msec_t seen_ms;
	UT_hash_handle hh;
};

/* rx: a stall, to be remembered while it lasts and until it is known how the stream goes on. */
struct interruption {
	struct stall stall;
	uint32_t rx_next;   /* the stream had got so far */
	uint32_t cut_inner; /* its sender's full packets; 0: not known */
	msec_t resumed_ms;  /* when it went on; 0: not yet */
};

struct flow_memory {
	uint64_t tag;
	const struct ledger *path; /* tx; to compare, no more */
	msec_t moved_ms; /* when it came onto that path from another: what it had tried before says nothing; 0: never */
	msec_t first_ms; /* when the flow began */
	uint16_t flags;	 /* enum wire_flow_flags, of the snapshot before */
	uint16_t told_mtu; /* … and what a too-big message had named by then */
	uint32_t trials, acked, repeated, twice;
	uint16_t retried, again;
	uint32_t lost;		/* packets that were entered as lost … */
	uint32_t lost_outer;	/* … and under which size the last of them were */
	uint32_t tries;		/* of the trial that is on */
	msec_t repeats_ms;	/* what is repeated and not acknowledged yet was so first then, or later; 0: nothing */
	msec_t arrived_ms;	/* the last size known to have arrived did then, … */
	uint32_t arrived_inner; /* … and is this */
	msec_t tried_ms; /* first of several tries, one of which was acknowledged since the snapshot before; 0: it was one */
	msec_t trial_ms;	 /* first try of the stalled trial that is followed */
	msec_t heard_ms;	 /* the far side was last heard then */
	uint32_t heard_tries;	 /* … when so many tries had been made, or a few more */
	uint32_t seen_tries;	 /* of the snapshot before */
	uint32_t silent_tries;	 /* most tries made between two times that it was heard */
	uint32_t tries_heard;	 /* of the trial: those that no outage explains */
	uint32_t runs_ended;	 /* of tries, by the far side being heard */
	uint32_t runs;		 /* … and the one that is on */
	msec_t given_up_ms;	 /* a size given up: when … */
	uint32_t given_up_tries; /* … after how many tries, */
	uint32_t given_up_heard; /* how many of them no outage explains, */
	uint32_t given_up_runs;	 /* in how many runs, */
	uint32_t given_up_for;	 /* and the largest inner size that has got through since */
	uint32_t given_up_end;	 /* what was sent before, or soon after, ends there */
	msec_t probe_ms;	 /* the remote side's latest echo request came then, … */
	uint32_t probe_inner;	 /* … and was so large */
	bool probes_vary;	 /* they were not all of one size */
	uint32_t probes_lost;	 /* of them, as far as entered */
	uint32_t rx_filled;
	uint32_t rx_next;
	msec_t rx_next_ms;		   /* the stream from the remote side got on last then */
	struct interruption *interruption; /* NULL: none */
	msec_t seen_ms;
	UT_hash_handle hh;
};

struct subject_memory {
	struct subject subject; /* begins with the key */
	uint64_t total;
	msec_t seen_ms;
	UT_hash_handle hh;
};

struct ledgers {
	struct path *paths;
	struct session_memory *sessions;
	struct flow_memory *flows;
	struct subject_memory *subjects;
	struct ledger **list; /* of paths, for ledgers_at() */
	size_t list_n, list_cap;
	msec_t now_ms;
	int64_t realtime_ms; /* now */
	msec_t before_ms;    /* of the snapshot before */
	msec_t earlier_ms;   /* … and of the one before that */
};

/* The ledger of a path, made if need be; `peer` NULL: a tunnel whose peers are not known. NULL: no memory. */
struct ledger *ledger_get(struct ledgers *ls, const struct link *tunnel, const struct peer *peer,
			  enum wire_direction direction);

/* flows.c: enters the flows of a snapshot and notes those that stall. 0 or -ENOMEM. */
int flows_enter(struct ledgers *ls, const struct snapshot *snap);
void flows_forget(struct ledgers *ls, bool all);

/* stalls.c: judges who of the stalled was alive, when all flows are entered and listed. 0 or -ENOMEM. */
int stalls_judge(struct ledgers *ls, const struct snapshot *snap);

/* subjects.c: follows the tallies of a snapshot and lists them in the ledgers of their paths. 0 or -ENOMEM. */
int subjects_enter(struct ledgers *ls, const struct snapshot *snap);
void subjects_forget(struct ledgers *ls, bool all);

#endif
