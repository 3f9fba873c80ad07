// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A step in the size ledger: packets above a size vanish, smaller ones pass. Every stalled flow of the path is a witness if its size has not got through since it stalled (else its trouble is not size), if the far host was
 * alive meanwhile (else it is dead), and if plain loss would not do the same more than once in a year.
 */
#include "step.h"

#include <string.h>

#include "chance.h"
#include "outer.h"

#define CHANCE_MAX	 1e-4 /* with the conditions below less than one false alarm a year on a busy gateway */
#define CHANCE_GAPS_HOLE 0.25 /* rx: that gaps are of others, where a stream has a hole */
#define CHANCE_GAPS_UNFINISHED                                                                                         \
	1e-2 /* … where what came last was not all, or a size of that kind is expected to vanish */
#define CHANCE_CHANGED                                                                                                 \
	1e-3 /* that loss of all sizes has just risen instead of the path's MTU having sunk: both are rare */
#define TRIES_MIN	      3	   /* of one flow: less may be one burst of loss */
#define TRIES_SUSPECT	      4	   /* of one flow: worth a few probes */
#define TRIES_BURST	      2	   /* of each further flow these count for nothing: one burst of loss takes both */
#define TRIES_YOUNG	      6	   /* of a connection just made: its handshake has passed the path as it is now, … */
#define YOUNG_MS	      1000 /* … and would the path have died before its first large segment? */
#define TRIES_HEARD	      2	   /* that many one outage must not explain */
#define CHANGED_MS	      2000 /* … and it must have lasted longer than a link takes to come back */
#define POLICED_PART	      10 /* of large packets: paths that lose as much without regard to size are hardly used */
#define IDLE_MS		      55000 /* a flow unheard for longer may have been forgotten: a minute is what firewalls keep at least */
#define ETHERNET_MTU	      1500 /* beyond it no path on the Internet is to be expected to carry it */
#define SENT_BEFORE_MS	      1000 /* an acknowledgement so soon after may be of what was sent before the path changed */
#define REPEATED_MIN	      4	   /* rx: so many in vain after the first, of one flow */
#define REPEATED_CHANGED      6	   /* … of all flows, if the size did get through shortly before */
#define TICK_SLACK_MS	      250  /* the programs date packets with the last snapshot's time */
#define LOST_TICKS_MIN	      3	   /* rx: gaps at different moments, not a burst or two */
#define LOST_TICKS_JUMBO      2	   /* … where the size makes a hole likelier than a burst */
#define STALL_LOSS_MAX	      64   /* rx: packets that one stalled flow loses at most: a window and its repetitions */
#define RTO_MIN_MS	      200  /* rx: Linux's shortest retransmission time-out, doubled with each try */
#define CONFIDENCE_HOST	      0.98
#define CONFIDENCE_UNTIL_THEN 0.8
#define CONFIDENCE_GAPS	      0.9 /* rx: the size is inferred from what was announced */
#define CONFIDENCE_SILENT     0.7 /* rx: and nothing but the hole speaks for it */

/* When that size last got through. rx: a stall's size includes the most that the peer may have padded. */
static msec_t size_ms(const struct ledger *l, const struct stall *s)
{
	return ledger_delivered_ms(l, l->direction == WIRE_RX ? s->outer - (OUTER_PADDING - 1) : s->outer);
}

static bool size_got_through(const struct ledger *l, const struct stall *s)
{
	/* A size given up was followed by deliveries of smaller ones only, whatever came before. */
	return size_ms(l, s) > s->first_ms;
}

static bool size_got_through_lately(const struct ledger *l, const struct stall *s)
{
	msec_t ms = size_ms(l, s);

	return ms && ms + LEDGER_WINDOW_MS > s->first_ms;
}

/* … on the path as it is. */
static bool size_got_through_before(const struct ledger *l, const struct stall *s)
{
	return size_got_through_lately(l, s) && size_ms(l, s) > l->moved_ms;
}

/* The tunnel's MTU was lowered meanwhile: this size cannot be sent any more. One given up was tried before that, maybe for it. */
static bool size_is_history(const struct ledger *l, const struct stall *s)
{
	return l->mtu_changed_ms && (s->given_up || s->first_ms < l->mtu_changed_ms) &&
	       s->outer > outer_size(l->tunnel_mtu, l->route_mtu_most, l->outer_family);
}

/* Nothing at all gets through since then, small packets neither: the path is dead this way. */
static bool everything_dies(const struct ledger *l, const struct stall *s)
{
	if (ledger_delivered_ms(l, 1) > s->first_ms)
		return false;
	for (size_t i = 0; i < l->stalls_n; i++)
		if (l->stalls[i].outer <= LEDGER_SMALL && l->stalls[i].last_ms >= s->first_ms)
			return true;
	return false;
}

/* The same happened again to a flow that got something through in between: no outage does that twice. */
static bool repeats(const struct ledger *l, const struct stall *s)
{
	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (other->tries >= TRIES_MIN && other->first_ms > s->last_ms && other->delivered_ms > s->last_ms &&
		    other->outer > LEDGER_SMALL && other->outer <= s->outer &&
		    !memcmp(other->host, s->host, sizeof(s->host)))
			return true;
	}
	return false;
}

/* Tries of this size or less, of all flows, that were in vain since this one stalls. */
static uint32_t tries_of_all(const struct ledger *l, const struct stall *s)
{
	uint32_t n = s->tries;

	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (other != s && other->outer > LEDGER_SMALL && other->outer <= s->outer &&
		    other->last_ms >= s->first_ms && other->alive >= ALIVE_UNTIL_THEN && other->tries > TRIES_BURST)
			n += other->tries - TRIES_BURST;
	}
	return n;
}

/* Tries of small packets in vain since then: established connections lose them as well, so loss is not a matter of size. */
static uint32_t small_lost(const struct ledger *l, msec_t since_ms)
{
	uint32_t n = 0;

	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (other->outer <= LEDGER_SMALL && other->kind == EVIDENCE_TCP_RETRANSMIT && other->delivered_ms &&
		    other->last_ms >= since_ms)
			n += other->tries;
	}
	return n;
}

/* What became of packets that were sent because one was lost. */
static struct tried after_a_loss(const struct trials *t)
{
	return (struct tried){ t->again, t->lost - t->again };
}

/* Whether loss that all sizes suffer alike takes n more as well, in so many bursts. */
static double chance_all_sizes(const struct ledger *l, const struct stall *s, uint32_t n, uint32_t runs,
			       msec_t since_ms)
{
	struct trials known = ledger_trials(l, 0, since_ms);
	uint32_t back_passed = 0, back_lost = 0;

	if (l->back) {
		ledger_loss(l->back, since_ms, l->seen_ms, NULL, &back_passed, NULL);
		/* What is lost since flows stall on the way back may be of a hole there. */
		ledger_loss(l->back, since_ms, l->back->stalled_ms ? l->back->stalled_ms - 1 : l->seen_ms, &back_lost,
			    NULL, NULL);
	}
	/* Without the peer's counters: what came between the tries. */
	if (!back_passed)
		back_passed = s->runs;
	return chance_lost_too(n, runs, (struct tried){ known.lost + small_lost(l, since_ms), known.delivered },
			       (struct tried){ back_lost, back_passed }, after_a_loss(&known));
}

/*
 * Where one in so many large packets is lost anyway, a policer is there; a path that has changed as well is the rarer. A single
 * one may have been lost by chance.
 */
static double policed_max(const struct trials *large, bool before)
{
	return before && large->lost > 1 && (uint64_t)large->lost * POLICED_PART > large->delivered
		       ? CHANCE_MAX * CHANCE_CHANGED
		       : CHANCE_MAX;
}

/* The flow had been answered and was young when its first large segment began to be lost. */
static bool is_young(const struct stall *s)
{
	return s->kind == EVIDENCE_TCP_RETRANSMIT && s->flow_first_ms <= s->first_ms &&
	       s->first_ms - s->flow_first_ms <= YOUNG_MS && s->flow_heard_ms >= s->flow_first_ms && !s->given_up;
}

/* Whether chance would explain that nothing of that size gets through. */
static bool by_chance_tx(const struct ledger *l, const struct stall *s, msec_t now_ms, bool before)
{
	msec_t since_ms = ledger_loss_since_ms(l, 0, now_ms), large_ms = ledger_loss_since_ms(l, s->outer, now_ms);
	struct trials known = ledger_trials(l, 0, large_ms), large = ledger_trials(l, s->outer, large_ms);
	uint32_t n = tries_of_all(l, s), runs = s->alive == ALIVE_HOST ? s->runs : n;
	double all = chance_all_sizes(l, s, n, runs, since_ms);
	double like = chance_policed(n, (struct tried){ large.lost, large.delivered },
				     (struct tried){ known.lost - large.lost, known.delivered - large.delivered });
	double looks = 1.0 + large.delivered; /* with each packet of that size such a run may begin */

	if (looks * all > CHANCE_MAX || looks * like > policed_max(&large, before))
		return true;
	/* Loss may just have risen: then the small ones would not all have passed since. */
	return before && !(is_young(s) && s->tries >= TRIES_YOUNG && !small_lost(l, s->first_ms)) &&
	       chance_all_sizes(l, s, n, runs, s->first_ms + SENT_BEFORE_MS) > CHANCE_CHANGED;
}

/*
 * A firewall may have forgotten the flows that there were: nothing of theirs passes any more, however small. Idle ones are
 * forgotten one by one; of others, small packets that die as well tell, and that no flow which is older is heard.
 */
static bool is_forgotten(const struct ledger *l, const struct stall *s)
{
	if (s->kind != EVIDENCE_TCP_RETRANSMIT || s->given_up)
		return false;
	if (s->flow_heard_ms + IDLE_MS < s->first_ms)
		return true;
	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (other->outer <= LEDGER_SMALL && other->kind == EVIDENCE_TCP_RETRANSMIT && other->delivered_ms &&
		    other->tries >= TRIES_MIN && other->last_ms >= s->first_ms &&
		    other->flow_heard_ms <= other->first_ms && l->remembered_ms <= s->first_ms + SENT_BEFORE_MS)
			return true;
	}
	return false;
}

static bool witness_tx(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	bool lately = size_got_through_lately(l, s);

	if (s->tries < TRIES_MIN || (lately && now_ms - s->first_ms < CHANGED_MS) ||
	    by_chance_tx(l, s, now_ms, size_got_through_before(l, s)))
		return false;
	if (everything_dies(l, s) || is_forgotten(l, s))
		return false;
	switch (s->alive) {
	case ALIVE_HOST:
		return s->tries_heard >= TRIES_HEARD || repeats(l, s);
	case ALIVE_UNTIL_THEN:
		return s->outer > ETHERNET_MTU && !lately;
	default:
		return false;
	}
}

/* How often a sender that doubles its time-out has repeated itself in that time: after 200, 600, 1400, 3000 ms, … */
static uint32_t repetitions(msec_t ms)
{
	uint32_t n = 0;

	for (uint64_t rto = RTO_MIN_MS, at = rto; at <= ms && n < 16; rto *= 2, at += rto)
		n++;
	return n;
}

/* rx: of these, those that one outage cannot explain: the peer was heard in between. */
static bool heard_between(const struct stall *s, msec_t now_ms)
{
	msec_t from = s->silent_from_ms > s->first_ms ? s->silent_from_ms - s->first_ms : 0;
	msec_t to = s->silent_to_ms > s->first_ms ? s->silent_to_ms - s->first_ms : 0;

	return repetitions(now_ms - s->first_ms) - (repetitions(to) - repetitions(from)) >= TRIES_HEARD;
}

/* rx: how often the sender has certainly repeated itself in vain. Each repetition that was lost has left a gap. */
static uint32_t repeated(const struct stall *s, msec_t now_ms)
{
	bool counted = s->lost || s->received;
	uint32_t n;

	if (s->kind == EVIDENCE_ECHO_LOST)
		return s->tries - s->lost - 1; /* stalls of rx have the gaps among their tries */
	/* Without counters only as long as the stream is heard to go on. */
	n = repetitions((counted || s->outer > ETHERNET_MTU ? now_ms : s->last_ms) - s->first_ms);
	return counted && s->lost < n ? s->lost : n;
}

static uint32_t repeated_of_all(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	uint32_t n = 0;

	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];
		uint32_t tries = other->outer > LEDGER_SMALL && other->outer <= s->outer ? repeated(other, now_ms) : 0;

		n += other == s ? tries : tries > TRIES_BURST ? tries - TRIES_BURST : 0;
	}
	return n < s->lost ? n : s->lost;
}

/* rx: of the gaps, those at other times than the tries in vain. A stalled flow's first window leaves many at once. */
static double lost_by_others(const struct stall *s, uint32_t n)
{
	uint32_t tries = n + 1;

	return s->lost_ticks > tries ? (double)s->lost * (s->lost_ticks - tries) / s->lost_ticks : 0.0;
}

/*
 * rx: the probability at most that the gaps are of others. Then a server merely thinks, or the sender of what is missing is gone,
 * which is the rarer.
 */
static double gaps_max(const struct stall *s, bool before)
{
	if (s->kind != EVIDENCE_TCP_SILENCE)
		return CHANCE_GAPS_HOLE;
	return s->unfinished || (s->outer > ETHERNET_MTU && !before) ? CHANCE_GAPS_UNFINISHED : CHANCE_MAX;
}

/* rx: whether chance would explain the gaps. */
static bool by_chance_rx(const struct ledger *l, const struct stall *s, uint32_t n, bool before)
{
	struct tried before_all = { s->lost_before, s->received_before };
	struct tried others = { lost_by_others(s, n), s->received }, none = { 0, 0 };
	struct tried known = { others.lost + before_all.lost, others.passed + before_all.passed };
	uint32_t runs = s->lost_ticks < n + 1 ? s->lost_ticks : n + 1;
	/* With each packet of that size such a run may begin. */
	double looks = 1.0 + s->like_before.delivered, all, like;
	bool jumbo = s->outer > ETHERNET_MTU;

	if (!s->received || s->lost_ticks < (jumbo ? LOST_TICKS_JUMBO : LOST_TICKS_MIN))
		return true;
	/* More than these flows can lose: the path loses everything alike. */
	if (s->kind != EVIDENCE_TCP_HOLE && s->lost > STALL_LOSS_MAX * l->stalls_total)
		return true;
	if (chance_gaps_of_others(s->lost, (struct tried){ s->lost, s->received }, before_all) > gaps_max(s, before))
		return true;
	all = looks * chance_lost_too(n + 1, runs, known, none, after_a_loss(&s->all_before));
	like = looks *
	       chance_policed(n + 1, (struct tried){ s->like_before.lost, s->like_before.delivered }, before_all);
	if (all > CHANCE_MAX || like > policed_max(&s->like_before, before))
		return true;
	/* Loss may just have risen: then the small ones would not all have come since. */
	return before && (n < REPEATED_CHANGED ||
			  chance_lost_too(n + 1, runs, others, none, after_a_loss(&s->all_before)) > CHANCE_CHANGED);
}

/*
 * The sender has repeated itself in vain. Where nothing comes at all since a segment was lost and a smaller one after it
 * arrived, the path or the host may have died within the sender's first time-out of a loss; beyond Ethernet's MTU that is
 * less likely than a hole.
 */
static bool witness_rx(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	bool before = size_got_through_before(l, s);
	uint32_t n = repeated(s, now_ms);

	/* Nothing at all came since, so no gap can show either. */
	if (s->kind == EVIDENCE_TCP_HOLE && s->outer > ETHERNET_MTU && !size_got_through_lately(l, s) &&
	    l->last_heard_ms <= s->first_ms + TICK_SLACK_MS)
		return repetitions(now_ms - s->first_ms) >= REPEATED_MIN;
	if (n < REPEATED_MIN)
		return false;
	if (!s->lost && !s->received)
		return !size_got_through_lately(l, s) && s->kind == EVIDENCE_TCP_HOLE;
	return heard_between(s, now_ms) && !by_chance_rx(l, s, repeated_of_all(l, s, now_ms), before);
}

/* tx: probes have shown that the host lives and that this size does not reach it. */
static bool probes_say_so(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	return l->direction == WIRE_TX && l->probed_ms && now_ms - l->probed_ms <= LEDGER_WINDOW_MS &&
	       s->outer >= l->probed_dead_outer && s->tries >= TRIES_MIN;
}

static bool is_witness(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	if (s->outer <= LEDGER_SMALL || size_is_history(l, s) || size_got_through(l, s))
		return false;
	if (probes_say_so(l, s, now_ms))
		return true;
	return l->direction == WIRE_TX ? witness_tx(l, s, now_ms) : witness_rx(l, s, now_ms);
}

const struct stall *step_suspect(const struct ledger *l)
{
	for (size_t i = 0; l->direction == WIRE_TX && i < l->stalls_n; i++) {
		const struct stall *s = &l->stalls[i];

		if (s->outer > LEDGER_SMALL && s->tries >= TRIES_SUSPECT && s->alive != ALIVE_NOT && !s->given_up &&
		    !size_is_history(l, s) && !size_got_through(l, s))
			return s;
	}
	return NULL;
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
	return s->alive == ALIVE_HOST ? CONFIDENCE_HOST : CONFIDENCE_UNTIL_THEN;
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

bool step_find(const struct ledger *l, msec_t now_ms, struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < l->stalls_n; i++)
		if (is_witness(l, &l->stalls[i], now_ms))
			witness_add(l, &l->stalls[i], v);
	if (!v->upper)
		return false;
	/* What got through before may have been on another path. */
	v->lower = ledger_delivered_below(l, v->upper, v->first_ms + SENT_BEFORE_MS);
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
