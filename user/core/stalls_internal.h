/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that find stalls share: flows.c enters each flow and asks stalls_tx.c and stalls_rx.c whether it is stalled;
 * they note that with stalls.c. `tx` and `rx` are the ledgers of the flow's path, with a history.
 */
#ifndef MTUSCOPE_STALLS_INTERNAL_H
#define MTUSCOPE_STALLS_INTERNAL_H

#include <netinet/in.h>
#include <stdlib.h>

#include "ledgers_internal.h"

#define STALL_TRIES_MIN 2     /* a segment sent that often is worth a look; the detectors ask for more */
#define STALL_FORGET_MS 30000 /* no further try for so long: the sender has given up, nothing is stalled any more */

static inline bool flow_is_echo(const struct flow *f)
{
	return f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6;
}

/*
 * Reset in answer to a segment, which so did arrive. What an application has given up was in vain all the same, and no more will
 * be tried.
 */
static inline bool flow_is_refused(const struct flow *f)
{
	return (f->flags & (WIRE_FLOW_RESET | WIRE_FLOW_ABORTED)) == WIRE_FLOW_RESET;
}

/* Bytes of IP and TCP headers without options: what the largest segment (MSS, RFC 9293) leaves of a packet. */
static inline uint32_t flow_headers_min(const struct flow *f)
{
	return (f->family == AF_INET6 ? 40 : 20) + 20;
}

/* What is remembered of the flow from snapshots before; NULL: nothing. */
static inline struct flow_memory *flow_memory_find(const struct ledgers *ls, uint64_t tag)
{
	struct flow_memory *m;

	HASH_FIND(hh, ls->flows, &tag, sizeof(tag), m);
	return m;
}

static inline void interruption_end(struct flow_memory *m)
{
	free(m->interruption);
	m->interruption = NULL;
}

/* The flow's ends, the source being the one that sends in that direction. */
void flow_endpoints(struct finding_flow *flow, const struct flow *f, enum wire_direction direction);

/*
 * Since when the remote side owes a word; 0: it owes none. One that was asked owes an answer to each request, if it is the
 * server; a client owes none, it may idle after an answer. Either has had something to say if it has said
 * nothing at all since the handshake.
 */
msec_t flow_answer_due_ms(const struct flow *f);

/*
 * Notes a stall in the ledger, NULL if it has enough that say more. `found` says kind, outer, tries, first_ms and last_ms, and of
 * a size given up the rest of that; what the flow and the ledger know of it is filled in.
 */
struct stall *stall_add(struct ledger *l, const struct flow *f, const struct stall *found);

/* Notes one of which all is known. */
struct stall *stall_note(struct ledger *l, const struct stall *whole);

/* tx: the oldest unacknowledged segment is sent again and again, or echo requests of a size stay without reply. */
void stall_tx(struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx);

/* tx: the sender gave a size up for a smaller one (RFC 4821), and the smaller one got through. */
void stall_given_up(struct ledgers *ls, const struct flow *f, struct ledger *tx);

/* rx: a hole in the stream from the remote side that stays open, or silence where an answer is due to what is acknowledged. */
void stall_rx(struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx);

/*
 * rx: follows the flow's stall to its end. Where the stream goes on in smaller packets its sender has given the size up
 * (RFC 4821), and that is kept in the path's history.
 */
void stall_given_up_rx(const struct ledgers *ls, const struct flow *f, const struct ledger *tx, struct ledger *rx);

/* rx: notes the stalls of the path's history that are not too old. */
void stalls_given_up(struct ledger *rx, msec_t now_ms);

/*
 * rx: what the counters say of a stall, and what they said before the first stall of the path. What was sent and acknowledged
 * says something of the way back, too.
 */
void stall_loss(const struct ledgers *ls, struct stall *s, const struct ledger *tx, const struct ledger *rx);

#endif
