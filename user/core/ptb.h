/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Too-big messages (ICMP type 3 code 4, ICMPv6 type 2) as records: the tallies of each snapshot go in; what is due to
 * be told comes out, one struct ptb for each story and interval. Called by the commands, written by the sinks. Pure.
 */
#ifndef MTUSCOPE_PTB_H
#define MTUSCOPE_PTB_H

#include "snapshot.h"

#define PTB_INTERVAL_MS 10000 /* a story is told at once, its repetitions together so much later */
#define PTB_RECORDS_MAX 64    /* in an interval: whoever forges messages does not write the log */

enum ptb_direction {
	PTB_RX,	  /* it came here */
	PTB_TX,	  /* it left here */
	PTB_MADE, /* the kernel made it here; whether it left is another story */
	PTB_DIRECTIONS,
};

struct ptb {
	enum ptb_direction direction;
	uint8_t family;		       /* of the message: AF_INET, AF_INET6 */
	bool inner;		       /* about a packet inside a tunnel, not about WireGuard's own */
	struct ip_address reporter;    /* rx: who says so; else family 0 */
	struct ip_endpoint host;       /* rx: the destination of the packet quoted; tx, made: the host told, port 0 */
	struct ip_address destination; /* tx, made: where that host's packet was to go; else family 0 */
	uint32_t mtu;		       /* bytes, as the message names it; 0: it names none */
	uint64_t count;		       /* messages since the story was last told */
	uint32_t stories; /* 1; more: those beyond PTB_RECORDS_MAX as one, with direction, count and times only */
	char interface[IFACE_NAME_LEN];	     /* where it was last seen; "": unknown */
	int64_t first_seen_ms, last_seen_ms; /* Unix time */
};

struct ptb_log; /* what has been told */

struct ptb_log *ptb_log_new(void); /* NULL: no memory */
void ptb_log_free(struct ptb_log *log);

typedef void (*ptb_fn)(const struct ptb *p, void *arg);

/*
 * Calls fn for each story that is due: new ones, those last told an interval ago, and with at_end all that have untold
 * messages. 0 or -ENOMEM.
 */
int ptb_log_step(struct ptb_log *log, const struct snapshot *snap, bool at_end, ptb_fn fn, void *arg);

/*
 * Whether a tally is about a packet inside a tunnel: it was seen there, or it was too big on its way to a destination
 * behind a peer.
 */
bool tally_is_inner(const struct inventory *inv, const struct wire_tally_key *key);

const char *ptb_direction_name(enum ptb_direction direction); /* "rx", "tx", "made" */

#endif
