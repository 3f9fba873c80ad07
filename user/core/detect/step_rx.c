// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Witnesses of a step on the way from the peer. What does not arrive is not seen: a stream has a hole or stops, and the peer's
 * counters have the gaps that its sender's repetitions in vain would leave.
 */
#include "step_internal.h"

/* That the gaps are of others, where a stream has a hole; where what came last was not all, or a size is expected to vanish. */
#define CHANCE_GAPS_HOLE       0.25
#define CHANCE_GAPS_UNFINISHED 1e-2

#define REPEATED_LEAST	 3   /* so many in vain after the first, of one flow */
#define REPEATED_MIN	 4   /* … of all flows */
#define REPEATED_CHANGED 6   /* … of all flows, if the size did get through shortly before */
#define TICK_SLACK_MS	 250 /* the programs date packets with the last snapshot's time */
#define LOST_TICKS_MIN	 3   /* gaps at different moments, not a burst or two */
#define LOST_TICKS_JUMBO 2   /* … where the size makes a hole likelier than a burst */
#define STALL_LOSS_MAX	 64  /* packets that one stalled flow loses at most: a window and its repetitions */
#define RTO_MIN_MS	 200 /* Linux's shortest retransmission time-out, doubled with each try */

/* How often a sender that doubles its time-out has repeated itself in that time: after 200, 600, 1400, 3000 ms, … */
static uint32_t repetitions(msec_t ms)
{
	uint32_t n = 0;

	for (uint64_t rto = RTO_MIN_MS, at = rto; at <= ms && n < 16; rto *= 2, at += rto)
		n++;
	return n;
}

/* … from the stall's beginning until then, or until it ended. */
static uint32_t repetitions_until(const struct stall *s, msec_t ms)
{
	msec_t until_ms = ms < s->until_ms ? ms : s->until_ms;

	return until_ms > s->first_ms ? repetitions(until_ms - s->first_ms) : 0;
}

/* Of these, those that one outage cannot explain: the peer was heard in between. */
static bool heard_between(const struct stall *s)
{
	uint32_t all = repetitions_until(s, s->until_ms);
	uint32_t silent = repetitions_until(s, s->silent_to_ms) - repetitions_until(s, s->silent_from_ms);

	return all >= silent + TRIES_HEARD;
}

/* How often the sender has certainly repeated itself in vain. Each repetition that was lost has left a gap. */
static uint32_t repeated(const struct stall *s)
{
	bool counted = s->lost || s->received;
	uint32_t n;

	if (s->kind == EVIDENCE_ECHO_LOST)
		return s->tries - s->lost - 1; /* stalls of rx have the gaps among their tries */
	/* Without counters only as long as the stream is heard to go on. */
	n = repetitions_until(s, counted || s->outer > ETHERNET_MTU ? s->until_ms : s->last_ms);
	return counted && s->lost < n ? s->lost : n;
}

static uint32_t repeated_of_all(const struct ledger *l, const struct stall *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];
		uint32_t tries = other->outer > LEDGER_SMALL && other->outer <= s->outer ? repeated(other) : 0;

		n += other == s ? tries : tries > TRIES_BURST ? tries - TRIES_BURST : 0;
	}
	return n < s->lost ? n : s->lost;
}

/* Of the gaps, those at other times than the tries in vain. A stalled flow's first window leaves many at once. */
static double lost_by_others(const struct stall *s, uint32_t n)
{
	uint32_t tries = n + 1;

	return s->lost_ticks > tries ? (double)s->lost * (s->lost_ticks - tries) / s->lost_ticks : 0.0;
}

/*
 * The probability at most that the gaps are of others. Then a server merely thinks, or the sender of what is missing is gone,
 * which is the rarer.
 */
static double gaps_max(const struct stall *s, bool before)
{
	if (s->kind != EVIDENCE_TCP_SILENCE)
		return CHANCE_GAPS_HOLE;
	return s->unfinished || (s->outer > ETHERNET_MTU && !before) ? CHANCE_GAPS_UNFINISHED : CHANCE_MAX;
}

/* Whether chance would explain the gaps. */
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
	all = looks * chance_lost_too(n + 1, runs, known, none, step_after_a_loss(&s->all_before));
	like = looks *
	       chance_policed(n + 1, (struct tried){ s->like_before.lost, s->like_before.delivered }, before_all);
	if (all > CHANCE_MAX || like > step_policed_max(&s->like_before, before))
		return true;
	/* Loss may just have risen: then the small ones would not all have come since. */
	return before && (n < REPEATED_CHANGED || chance_lost_too(n + 1, runs, others, none,
								  step_after_a_loss(&s->all_before)) > CHANCE_CHANGED);
}

/*
 * The sender has repeated itself in vain. Where nothing comes at all since a segment was lost and a smaller one after it
 * arrived, the path or the host may have died within the sender's first time-out of a loss; beyond Ethernet's MTU that is
 * less likely than a hole.
 */
bool step_witness_rx(const struct ledger *l, const struct stall *s)
{
	bool before = step_passed_before(l, s);
	uint32_t n = repeated(s), all;

	/* Nothing at all came since, so no gap can show either. */
	if (s->kind == EVIDENCE_TCP_HOLE && s->outer > ETHERNET_MTU && !step_passed_lately(l, s) &&
	    l->last_heard_ms <= s->first_ms + TICK_SLACK_MS)
		return repetitions_until(s, s->until_ms) >= REPEATED_MIN;
	if (!s->lost && !s->received)
		return n >= REPEATED_MIN && !step_passed_lately(l, s) && s->kind == EVIDENCE_TCP_HOLE;
	all = repeated_of_all(l, s);
	/* One that goes on can be waited for, where loss may just have risen. */
	return n >= (before && s->until_ms == l->seen_ms ? REPEATED_MIN : REPEATED_LEAST) && all >= REPEATED_MIN &&
	       heard_between(s) && !by_chance_rx(l, s, all, before);
}
