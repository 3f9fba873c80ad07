// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Witnesses of a step on the way from the peer. What does not arrive is not seen: a stream has a hole or stops, and the peer's
 * counters have the gaps that its sender's repetitions in vain would leave. A sender that looks for holes itself (RFC 4821) goes on
 * in smaller packets after a few.
 */
#include "step_internal.h"

#include <math.h>

#include "order.h"

/*
 * That the gaps are of others, where a stream has a hole; where what came last was not all, or a client has said nothing; where a
 * server may merely think.
 */
#define CHANCE_GAPS_HOLE       0.25
#define CHANCE_GAPS_UNFINISHED 1e-2
#define CHANCE_GAPS_SERVER     3e-4
#define CHANCE_GAPS_IDLE       1e-5 /* … where a client has been answered, and never had more to say than one packet holds */

#define REPEATED_LEAST	 3 /* so many in vain after the first, of one flow */
#define REPEATED_MIN	 4 /* … of all flows */
#define REPEATED_TERSE	 5 /* … of one whose sender never had more to say than one packet holds, see repeated_least() */
#define REPEATED_CHANGED 6    /* … of all flows, if the size did get through shortly before; or less, … */
#define CHANCE_EARLIER	 1e-2 /* … if chance would do it so much more rarely for each */
#define TICK_SLACK_MS	 250  /* the programs date packets with the last snapshot's time */
#define CLEAN_PART	 400  /* less than one packet in so many is lost: gaps are of whoever stalls */
#define LOST_TICKS_MIN	 3    /* gaps at different moments, not a burst or two */
#define LOST_TICKS_JUMBO 2    /* … where the size makes a hole likelier than a burst */
#define STALL_LOSS_MAX	 64   /* packets that one stalled flow loses at most: a window and its repetitions */

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

/*
 * Of these, those that one outage cannot explain: the peer was heard in between. Where it is not known when the sender began, those
 * that have left gaps of their own, besides the largest.
 */
static bool heard_between(const struct stall *s)
{
	uint32_t all = repetitions_until(s, s->until_ms);
	uint32_t silent = repetitions_until(s, s->silent_to_ms) - repetitions_until(s, s->silent_from_ms);

	return s->may_idle ? s->lost - s->lost_at_once >= TRIES_HEARD : all >= silent + TRIES_HEARD;
}

/* … of one that has given up the size: each try has left a gap, and the last repetition was a smaller one. */
static uint32_t repeated_until_given_up(const struct stall *s)
{
	uint32_t n = repetitions_until(s, s->until_ms);

	return n && s->lost ? least(n - 1, least(s->repeated, s->lost - 1)) : 0;
}

/*
 * How often the sender has certainly repeated itself in vain. Each repetition that was lost has left a gap, at its time; since the
 * peer was last heard none can have shown.
 */
static uint32_t repeated(const struct ledger *l, const struct stall *s)
{
	bool counted = s->lost || s->received;
	uint32_t n, seen;

	if (s->kind == EVIDENCE_ECHO_LOST)
		return s->tries - s->lost - 1; /* stalls of rx have the gaps among their tries */
	/* Without counters only as long as the stream is heard to go on. */
	n = repetitions_until(s, counted || s->outer > ETHERNET_MTU ? s->until_ms : s->last_ms);
	seen = repetitions_until(s, l->last_heard_ms);
	if (counted && s->repeated < seen)
		n -= seen - s->repeated;
	if (s->may_idle && s->repeated < n)
		n = s->repeated;
	return counted ? least(n, s->lost_own) : n;
}

/* Packets get lost anyway. */
static bool is_lossy(const struct stall *s)
{
	return (s->before.lost + s->before_there.lost) * CLEAN_PART > s->before.passed + s->before_there.passed;
}

/* A client that has been answered and may have no more to say, as it never had more than one packet holds: any gaps may be its own. */
static bool is_idle(const struct stall *s)
{
	return s->may_idle && s->terse && is_lossy(s);
}

/*
 * … it, and the other flows for which there are gaps as well: a flow leaves one with its first try, and with each repetition. Whatever
 * gaps there are, enough idle clients would have left them.
 */
static uint32_t repeated_of_all(const struct ledger *l, const struct stall *s, uint32_t n)
{
	uint32_t gaps = s->lost > n + 1 ? s->lost - (n + 1) : 0, all = n < s->lost ? n : s->lost;

	for (size_t i = 0; !is_idle(s) && i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];
		uint32_t tries = other->outer > LEDGER_SMALL && other->outer <= s->outer ? repeated(l, other) : 0;

		if (other == s || other->given_up || is_idle(other) || tries <= TRIES_BURST || gaps < tries + 1)
			continue;
		all += tries - TRIES_BURST;
		gaps -= tries + 1;
	}
	return all;
}

/* Repetitions in vain of sizes given up, at different times, between which the streams had gone on. */
struct given_up {
	uint32_t repeated; /* of each further stall without as many tries as one burst takes */
	uint32_t heard;	   /* those that one outage in each stall cannot explain */
};

static void given_up_add(struct given_up *all, const struct stall *s)
{
	uint32_t n = repeated_until_given_up(s);
	uint32_t silent = repetitions_until(s, s->silent_to_ms) - repetitions_until(s, s->silent_from_ms);

	all->repeated += all->repeated ? n + 1 - TRIES_BURST : n;
	all->heard += n > silent ? n - silent : 0;
}

static struct given_up given_up_by_all(const struct ledger *l, const struct stall *s)
{
	msec_t free_ms = s->until_ms;
	struct given_up all = { 0, 0 };

	given_up_add(&all, s);
	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (!other->given_up || other->well_ms <= free_ms || other->outer > s->outer ||
		    other->outer <= LEDGER_SMALL || repeated_until_given_up(other) < REPEATED_LEAST)
			continue;
		given_up_add(&all, other);
		free_ms = other->until_ms;
	}
	return all;
}

/* Of the gaps, those at other times than the tries in vain. A stalled flow's first window leaves many at once. */
static double lost_by_others(const struct stall *s, uint32_t n)
{
	uint32_t tries = n + 1;

	return s->lost_ticks > tries ? (double)(s->lost - s->lost_at_once) * (s->lost_ticks - tries) / s->lost_ticks
				     : 0.0;
}

/*
 * The probability at most that the gaps are of others. Then a server merely thinks, which it has done before where that
 * size came; or the sender of what is missing is gone, which is the rarer.
 */
static double gaps_max(const struct stall *s, bool before)
{
	if (s->kind != EVIDENCE_TCP_SILENCE)
		return CHANCE_GAPS_HOLE;
	/* The gaps alone tell that it has more to say. */
	if (s->may_idle)
		return s->terse ? CHANCE_GAPS_IDLE : CHANCE_MAX;
	/* Gaps by chance will hardly be where a sender's repetitions are for so long. */
	if (s->unfinished || (!before && (!s->of_server || s->repeated >= REPEATED_CHANGED)))
		return CHANCE_GAPS_UNFINISHED;
	return before ? CHANCE_MAX : CHANCE_GAPS_SERVER;
}

/* What came and what was lost since a size was given up, as far as no other stall has its part in it. */
static struct tried since_given_up(const struct ledger *l, const struct stall *s)
{
	msec_t until_ms = l->seen_ms;
	uint32_t lost, came;

	if (!s->given_up)
		return (struct tried){ 0, 0 };
	for (size_t i = 0; i < l->stalls_n; i++)
		if (l->stalls[i].well_ms > s->until_ms && l->stalls[i].well_ms <= until_ms)
			until_ms = l->stalls[i].well_ms - 1;
	ledger_loss(l, s->until_ms + 1, until_ms, &lost, NULL, NULL);
	ledger_loss(l, s->until_ms + 1, l->seen_ms, NULL, &came, NULL);
	return (struct tried){ lost, came };
}

/* How much more rarely chance must do what is seen than it otherwise had to. Senders that give a size up do not try more often. */
static double odds_of_few(const struct stall *s, uint32_t n, bool before)
{
	if (!before || n >= REPEATED_CHANGED)
		return 1.0;
	return s->given_up ? CHANCE_EARLIER : pow(CHANCE_EARLIER, REPEATED_CHANGED - n);
}

static struct tried sum(struct tried a, struct tried b)
{
	return (struct tried){ a.lost + b.lost, a.passed + b.passed };
}

/*
 * The smaller of the chances under what is known of this way, with the way there, which mostly loses as much, and without: it may
 * be full of what this side sends.
 */
static double chance_gaps(const struct stall *s)
{
	struct tried now = { s->lost, s->received }, none = { 0, 0 };

	return fmin(chance_gaps_of_others(s->lost, now, sum(s->before, s->before_there), none),
		    chance_gaps_of_others(s->lost, now, s->before, s->before_there));
}

static double chance_lost(const struct stall *s, uint32_t n, uint32_t runs, struct tried known)
{
	struct tried after = step_after_a_loss(&s->all_before), none = { 0, 0 };

	return fmin(chance_lost_too(n, runs, sum(known, s->before_there), none, after),
		    chance_lost_too(n, runs, known, s->before_there, after));
}

/* Whether chance would explain the gaps. */
static bool by_chance_rx(const struct ledger *l, const struct stall *s, uint32_t n, bool before)
{
	struct tried before_all = sum(s->before, s->before_there);
	uint32_t own = s->given_up ? repeated_until_given_up(s) : n; /* in this stall's time */
	struct tried others = { lost_by_others(s, own), s->received }, none = { 0, 0 };
	uint32_t runs = s->lost_ticks < n + 1 ? s->lost_ticks : n + 1;
	/* With each packet of that size such a run may begin. */
	double looks = 1.0 + s->like_before.delivered, all, like, few;
	bool jumbo = s->outer > ETHERNET_MTU;

	if (!s->received || s->lost_ticks < (jumbo ? LOST_TICKS_JUMBO : LOST_TICKS_MIN))
		return true;
	/* More than these flows can lose: the path loses everything alike. */
	if (s->kind != EVIDENCE_TCP_HOLE &&
	    s->lost - s->lost_at_once > STALL_LOSS_MAX * (l->stalls_total + s->given_up))
		return true;
	if (chance_gaps(s) > gaps_max(s, before))
		return true;
	/* … on a path that loses more than it used to, as gaps at other times show. */
	if (others.lost > 0.0 &&
	    chance_changed(others, before_all) *
			    chance_gaps_of_others(own + 1, (struct tried){ others.lost + own + 1, others.passed }, none,
						  none) >
		    gaps_max(s, before))
		return true;
	others = sum(others, since_given_up(l, s));
	all = looks * chance_lost(s, n + 1, runs, sum(others, s->before));
	like = looks * chance_policed(n + 1, step_tried_like(l, s, &s->like_before), before_all);
	few = odds_of_few(s, n, before);
	if (all > few * CHANCE_MAX || like > few * step_policed_max(&s->like_before, before))
		return true;
	/* Loss may just have risen: then the small ones would not all have come since. */
	return before &&
	       chance_lost_too(n + 1, runs, others, none, step_after_a_loss(&s->all_before)) > few * CHANCE_CHANGED;
}

/* Its sender has repeated itself in vain, gone over to smaller packets, and these come. */
static bool is_given_up(const struct ledger *l, const struct stall *s, bool before)
{
	struct given_up all = given_up_by_all(l, s);

	return repeated_until_given_up(s) >= REPEATED_LEAST && all.heard >= TRIES_HEARD &&
	       !by_chance_rx(l, s, all.repeated, before);
}

/* Most servers that say nothing for a second are thinking. Where the peer is heard, the repetitions must have left gaps. */
bool step_suspect_rx(const struct ledger *l, const struct stall *s)
{
	uint32_t n = repetitions_until(s, s->until_ms);

	if (l->last_heard_ms > s->first_ms + SENT_BEFORE_MS && s->lost < n)
		n = s->lost;
	if (s->may_idle && s->repeated < n)
		n = s->repeated;
	return n >= (s->kind == EVIDENCE_TCP_SILENCE && !s->unfinished ? REPEATED_MIN : REPEATED_LEAST);
}

/*
 * How often one flow must have repeated itself. One that goes on can be waited for, where loss may just have risen: that shows in other gaps
 * soon, and of many connections that are used now and then some small answer is lost four times in a row.
 */
static uint32_t repeated_least(const struct ledger *l, const struct stall *s, bool before)
{
	if (s->terse && (s->may_idle || is_lossy(s)))
		return REPEATED_TERSE;
	return before && s->until_ms == l->seen_ms ? REPEATED_MIN : REPEATED_LEAST;
}

/*
 * The sender has repeated itself in vain. Where nothing comes at all since a segment was lost and a smaller one after it
 * arrived, the path or the host may have died within the sender's first time-out of a loss; beyond Ethernet's MTU that is
 * less likely than a hole.
 */
bool step_witness_rx(const struct ledger *l, const struct stall *s)
{
	bool before = step_passed_before(l, s);
	uint32_t n = repeated(l, s), all;

	if (s->given_up)
		return is_given_up(l, s, before);
	/* Nothing at all came since, so no gap can show either. */
	if (s->kind == EVIDENCE_TCP_HOLE && s->outer > ETHERNET_MTU && !step_passed_lately(l, s) &&
	    l->last_heard_ms <= s->first_ms + TICK_SLACK_MS)
		return repetitions_until(s, s->until_ms) >= REPEATED_MIN;
	if (!s->lost && !s->received)
		return n >= REPEATED_MIN && !step_passed_lately(l, s) && s->kind == EVIDENCE_TCP_HOLE;
	all = repeated_of_all(l, s, n);
	return n >= repeated_least(l, s, before) && all >= REPEATED_MIN && heard_between(s) &&
	       !by_chance_rx(l, s, all, before);
}
