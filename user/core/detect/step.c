// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A step in the size ledger: packets above a size vanish, smaller ones pass. Every stalled flow of the path is a witness if its size has not got through since it stalled (else its trouble is not size), if the far host was
 * alive meanwhile (else it is dead), and if plain loss would not do the same more than once in a year.
 */
#include "step.h"

#include <string.h>

#include "chance.h"
#include "outer.h"

#define CHANCE_MAX	      1e-4 /* with the conditions below less than one false alarm a year on a busy gateway */
#define TRIES_MIN	      3	   /* however improbable: less may be one burst of loss */
#define TRIES_UNHEARD	      4	   /* the host was not heard again since: it might have died just then */
#define TRIES_CHANGED	      5 /* the size did get through shortly before: a burst must not pass for a changed path */
#define TRIES_HEARD	      2 /* that many one outage must not explain */
#define CHANGED_MS	      2000 /* … and it must have lasted longer than a link takes to come back */
#define OUTER_MIN	      576  /* no IPv4 path carries less (RFC 791), what dies below it dies of something else */
#define ETHERNET_MTU	      1500 /* beyond it no path on the Internet is to be expected to carry it */
#define LOOKBACK_MS	      10000 /* what got through so long before counts for the bracket, if nothing says the path changed */
#define LOST_TICKS_MIN	      3 /* rx: gaps at different moments, not a burst or two */
#define LOST_TICKS_JUMBO      2 /* … where the size makes a hole likelier than a burst */
#define STALL_LOSS_MAX	      24 /* rx: packets that one stalled flow loses at most: an initial window and its repetitions */
#define PADDING		      16  /* WireGuard pads the inner packet to a multiple of it */
#define RTO_MIN_MS	      200 /* rx: Linux's shortest retransmission time-out, doubled with each try */
#define CONFIDENCE_HOST	      0.98
#define CONFIDENCE_UNTIL_THEN 0.8
#define CONFIDENCE_PEER	      0.75
#define CONFIDENCE_GAPS	      0.9 /* rx: the size is inferred from what was announced */
#define CONFIDENCE_SILENT     0.7 /* rx: and nothing but the hole speaks for it */

/* When that size last got through. rx: a stall's size includes the most that the peer may have padded. */
static uint32_t size_ms(const struct ledger *l, const struct stall *s)
{
	return ledger_delivered_ms(l, l->direction == WIRE_RX ? s->outer - (PADDING - 1) : s->outer);
}

static bool size_got_through(const struct ledger *l, const struct stall *s)
{
	/* A size given up was followed by deliveries of smaller ones only, whatever came before. */
	return size_ms(l, s) > s->first_ms;
}

static bool size_got_through_before(const struct ledger *l, const struct stall *s)
{
	uint32_t ms = size_ms(l, s);

	return ms && ms + LEDGER_WINDOW_MS > s->first_ms;
}

/* The tunnel's MTU was lowered meanwhile: this size cannot be sent any more. */
static bool size_is_history(const struct ledger *l, const struct stall *s, uint32_t overhead)
{
	if (l->direction == WIRE_TX)
		return s->outer > l->tunnel_mtu + overhead;
	return s->first_ms < l->mtu_changed_ms && s->outer > l->tunnel_mtu + overhead;
}

/* Several hosts behind a living peer stall: not all of them have died at once. */
static bool hosts_differ(const struct ledger *l)
{
	for (size_t i = 1; i < l->stalls_n; i++)
		if (memcmp(l->stalls[i].host, l->stalls[0].host, sizeof(l->stalls[0].host)))
			return true;
	return false;
}

/* Nothing at all gets through since then, small packets neither: the path is dead this way. */
static bool everything_dies(const struct ledger *l, const struct stall *s)
{
	if (ledger_delivered_ms(l, 1) > s->first_ms)
		return false;
	for (size_t i = 0; i < l->stalls_n; i++)
		if (l->stalls[i].outer <= OUTER_MIN && l->stalls[i].last_ms >= s->first_ms)
			return true;
	return false;
}

/* The same happened again to a flow that got something through in between: no outage does that twice. */
static bool repeats(const struct ledger *l, const struct stall *s)
{
	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (other->tries >= TRIES_MIN && other->first_ms > s->last_ms && other->delivered_ms > s->last_ms &&
		    other->outer > OUTER_MIN && !memcmp(other->host, s->host, sizeof(s->host)))
			return true;
	}
	return false;
}

static bool witness_tx(const struct ledger *l, const struct stall *s, uint32_t now_ms)
{
	double rate = chance_loss_rate(l->retries, l->trials);
	bool before = size_got_through_before(l, s);

	if (s->tries < TRIES_MIN || (before && (s->tries < TRIES_CHANGED || now_ms - s->first_ms < CHANGED_MS)))
		return false;
	if (chance_all_lost(rate, s->tries) * (l->trials_ever ? (double)l->trials_ever : 1.0) > CHANCE_MAX)
		return false;
	if (everything_dies(l, s))
		return false;
	switch (s->alive) {
	case ALIVE_HOST:
		return s->given_up || s->tries_heard >= TRIES_HEARD || repeats(l, s);
	case ALIVE_UNTIL_THEN:
		return s->outer > ETHERNET_MTU && !before && s->tries >= TRIES_UNHEARD;
	case ALIVE_PEER:
		return !before && s->tries >= TRIES_UNHEARD && s->tries_heard >= TRIES_HEARD && hosts_differ(l);
	default:
		return false;
	}
}

/* How often a sender that doubles its time-out has repeated itself in that time. */
static uint32_t repetitions(uint32_t ms)
{
	uint32_t n = 0;

	for (uint32_t rto = RTO_MIN_MS; rto <= ms && n < 16; rto *= 2)
		n++;
	return n;
}

/* Base loss from the peer in the minute before the stall. */
static double loss_rate_before(const struct ledger *l, const struct stall *s)
{
	uint32_t lost, received;

	ledger_loss(l, s->first_ms > LEDGER_WINDOW_MS ? s->first_ms - LEDGER_WINDOW_MS : 0, s->first_ms, &lost,
		    &received, NULL);
	return chance_loss_rate(lost, (uint64_t)lost + received);
}

static bool witness_rx(const struct ledger *l, const struct stall *s, uint32_t now_ms)
{
	double rate = loss_rate_before(l, s);
	uint32_t repeated = repetitions(s->last_ms - s->first_ms);

	if (size_got_through_before(l, s))
		return false;
	/* The same stream still shows the same hole: its sender has repeated itself in vain all the while. */
	if (s->kind == EVIDENCE_TCP_HOLE && repeated >= TRIES_MIN && chance_all_lost(rate, repeated + 1) < CHANCE_MAX)
		return true;
	/*
	 * Nothing came at all since a larger segment was lost and a smaller one after it arrived. Either the path or the
	 * host died within the sender's first time-out of a loss, or what is large does not pass: beyond Ethernet's MTU the
	 * latter.
	 */
	if (s->kind == EVIDENCE_TCP_HOLE && s->outer > ETHERNET_MTU &&
	    repetitions(now_ms - s->first_ms) >= TRIES_UNHEARD)
		return true;
	if (s->lost > STALL_LOSS_MAX * l->stalls_total)
		return false; /* more than these flows can lose: the path loses everything alike */
	return s->lost >= TRIES_MIN && s->received && s->chance < CHANCE_MAX &&
	       s->lost_ticks >= (s->outer > ETHERNET_MTU ? LOST_TICKS_JUMBO : LOST_TICKS_MIN);
}

static bool is_witness(const struct ledger *l, const struct stall *s, uint32_t now_ms, uint32_t overhead)
{
	if (s->outer <= OUTER_MIN || size_is_history(l, s, overhead) || size_got_through(l, s))
		return false;
	return l->direction == WIRE_TX ? witness_tx(l, s, now_ms) : witness_rx(l, s, now_ms);
}

/* Keeps the flows that have been stalled longest. */
static void flow_add(struct verdict *v, const struct finding_flow *flow)
{
	size_t i = v->flows_n;

	while (i > 0 && v->flows[i - 1].stalled_ms < flow->stalled_ms)
		i--;
	if (i == FINDING_FLOWS_MAX)
		return;
	if (v->flows_n < FINDING_FLOWS_MAX)
		v->flows_n++;
	memmove(&v->flows[i + 1], &v->flows[i], (v->flows_n - i - 1) * sizeof(v->flows[0]));
	v->flows[i] = *flow;
}

static double stall_confidence(const struct ledger *l, const struct stall *s)
{
	if (l->direction == WIRE_RX)
		return s->alive >= ALIVE_PEER && s->lost >= TRIES_MIN ? CONFIDENCE_GAPS : CONFIDENCE_SILENT;
	if (s->alive == ALIVE_HOST)
		return CONFIDENCE_HOST;
	return s->alive == ALIVE_UNTIL_THEN ? CONFIDENCE_UNTIL_THEN : CONFIDENCE_PEER;
}

static void witness_add(const struct ledger *l, const struct stall *s, struct verdict *v)
{
	double confidence = stall_confidence(l, s);

	if (!v->upper || s->outer < v->upper)
		v->upper = s->outer;
	if (!v->first_ms || s->first_ms < v->first_ms)
		v->first_ms = s->first_ms;
	if (confidence > v->confidence)
		v->confidence = confidence;
	if (s->kind == EVIDENCE_TCP_SILENCE) {
		verdict_evidence(v, EVIDENCE_TCP_SILENCE, 1, s->outer);
		verdict_evidence(v, EVIDENCE_COUNTER_GAP, s->lost, 0);
	} else {
		verdict_evidence(v, s->kind, s->tries ? s->tries : 1, s->outer);
	}
	flow_add(v, &s->flow);
}

/* What has got through, for the lower end of the bracket. A size that passed before the path changed is no proof. */
static uint32_t bracket_lower(const struct ledger *l, const struct verdict *v)
{
	uint32_t since = v->first_ms > LOOKBACK_MS ? v->first_ms - LOOKBACK_MS : 1; /* 0 is never */

	if (ledger_delivered_ms(l, v->upper) >= since)
		since = v->first_ms;
	return ledger_delivered_below(l, v->upper, since);
}

bool step_find(const struct ledger *l, uint32_t now_ms, struct verdict *v)
{
	uint32_t overhead = outer_overhead(l->outer_family);

	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < l->stalls_n; i++)
		if (is_witness(l, &l->stalls[i], now_ms, overhead))
			witness_add(l, &l->stalls[i], v);
	if (!v->upper)
		return false;
	v->lower = bracket_lower(l, v);
	if (v->lower)
		verdict_evidence(v, EVIDENCE_DELIVERED, 1, v->lower);
	return true;
}

/* Fragments are made above the smaller of what the link takes and what the kernel has learned. */
static uint32_t fragmentation_begins(const struct ledger *l)
{
	if (l->learned_mtu && (!l->egress_mtu || l->learned_mtu < l->egress_mtu))
		return l->learned_mtu;
	return l->egress_mtu;
}

bool step_is_at_fragments(const struct ledger *l, const struct verdict *v)
{
	uint32_t limit = fragmentation_begins(l);

	if (l->direction == WIRE_RX)
		return ledger_subject(l, WIRE_TALLY_FRAGMENT_RX, -1, v->first_ms);
	if (limit && (v->lower > limit || v->upper <= limit))
		return false;
	return ledger_subject(l, WIRE_TALLY_FRAGMENTED, -1, v->first_ms) ||
	       ledger_subject(l, WIRE_TALLY_FRAGMENT_TX, -1, v->first_ms);
}
