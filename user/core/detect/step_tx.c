// SPDX-License-Identifier: GPL-2.0-or-later
/* Witnesses of a step on the way to the peer: what is sent again and again, while other packets are acknowledged. */
#include "step_internal.h"

#include <netinet/in.h>
#include <string.h>

#define TRIES_YOUNG 6	 /* of a connection just made: its handshake has passed the path as it is now, … */
#define YOUNG_MS    1000 /* … and would the path have died before its first large segment? */
#define WINDOW_MIN  8	 /* segments: a path on which as many are lost by plain loss is of no use to anybody */
#define WINDOW_LOOKS                                                                                                   \
	10.0 /* moments of a minute at which all that is under way may be lost: more, and nobody would use the path */
#define DIALOGUE_MS 1000  /* heard so shortly before its first large segment */
#define CHANGED_MS  2000  /* a size that got through lately must be lost for longer than a link takes to come back */
#define USUAL_MS    10000 /* a peer heard at intervals for so long is expected to be heard on */
#define IDLE_MS	    55000 /* a flow unheard for longer may have been forgotten: a minute is what firewalls keep at least */

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

/* Whether loss that all sizes suffer alike takes n more as well, in so many bursts; with that known of what was sent. */
static double chance_all_sizes(const struct ledger *l, const struct stall *s, uint32_t n, uint32_t runs,
			       struct tried known, msec_t since_ms)
{
	struct trials trials = ledger_trials(l, 0, since_ms);
	uint32_t back_passed = 0, back_lost = 0;
	msec_t until_ms = l->seen_ms;

	if (l->back) {
		ledger_loss(l->back, since_ms, l->seen_ms, NULL, &back_passed, NULL);
		/* What is lost since flows stall on the way back may be of a hole there, or is of one. */
		if (l->back->stalled_ms)
			until_ms = l->back->stalled_ms - 1;
		if (l->back->hole_ms && l->back->hole_ms <= until_ms)
			until_ms = l->back->hole_ms - 1;
		ledger_loss(l->back, since_ms, until_ms, &back_lost, NULL, NULL);
	}
	/* Without the peer's counters: what came between the tries. */
	if (!back_passed)
		back_passed = s->runs;
	known.lost += small_lost(l, since_ms);
	return chance_lost_too(n, runs, known, (struct tried){ back_lost, back_passed }, step_after_a_loss(&trials));
}

/* The flow had been answered and was young when its first large segment began to be lost. */
static bool is_young(const struct stall *s)
{
	return s->kind == EVIDENCE_TCP_RETRANSMIT && s->flow_first_ms <= s->first_ms &&
	       s->first_ms - s->flow_first_ms <= YOUNG_MS && s->flow_heard_ms >= s->flow_first_ms && !s->given_up;
}

/* The other host was heard when this one's tries had been in vain for some time already. */
static bool is_heard_meanwhile(const struct stall *s, const struct stall *other)
{
	return other->flow_heard_ms > s->first_ms + SENT_BEFORE_MS;
}

/*
 * The same befalls one host after the other, each heard while the one before was not any more. Hosts behind a link that dies, and
 * flows that a firewall forgets, are lost all at once.
 */
static bool is_spreading(const struct ledger *l, const struct stall *s)
{
	for (size_t i = 0; i < l->stalls_n; i++) {
		const struct stall *other = &l->stalls[i];

		if (other->kind == EVIDENCE_TCP_RETRANSMIT && other->outer > LEDGER_SMALL && !other->given_up &&
		    other->tries >= TRIES_MIN && other->alive >= ALIVE_UNTIL_THEN &&
		    memcmp(other->host, s->host, sizeof(s->host)) != 0 &&
		    (is_heard_meanwhile(s, other) || is_heard_meanwhile(other, s)))
			return true;
	}
	return false;
}

static struct tried tried_of(const struct trials *t)
{
	return (struct tried){ t->lost, t->delivered };
}

static struct tried without(struct tried all, struct tried part)
{
	return (struct tried){ all.lost - part.lost, all.passed - part.passed };
}

/* What is known of loss since it is as it was when a flow stalled: of all sizes, and of the stalled one's like. */
struct known_loss {
	msec_t since_ms;
	struct trials all, large;
	struct tried others; /* not of its like, in the time of `large` */
};

static struct known_loss known_loss(const struct ledger *l, const struct stall *s)
{
	msec_t since_ms = ledger_loss_since_ms(l, 0, s->first_ms),
	       large_ms = ledger_loss_since_ms(l, s->outer, s->first_ms);
	struct trials large = ledger_trials(l, s->outer, large_ms), like = ledger_trials(l, 0, large_ms);

	return (struct known_loss){ since_ms, ledger_trials(l, 0, since_ms), large,
				    without(tried_of(&like), tried_of(&large)) };
}

/* Whether the loss that there was would explain n tries in vain. */
static bool by_loss(const struct ledger *l, const struct stall *s, const struct known_loss *k, uint32_t n,
		    uint32_t runs, bool before)
{
	double looks = 1.0 + k->large.delivered; /* with each packet of that size such a run may begin */

	return looks * chance_all_sizes(l, s, n, runs, tried_of(&k->all), k->since_ms) > CHANCE_MAX ||
	       looks * chance_policed(n, step_tried_like(l, s, &k->large), k->others) >
		       step_policed_max(&k->large, before);
}

/*
 * The same where all that was under way was lost with the first one. No plain loss does that, no policer, and hardly a full queue;
 * an outage may, or a queue that the flow itself has filled. Such moments are few, and each further try is a packet alone: of it is
 * known what became of repetitions.
 */
static bool by_loss_after_window(const struct ledger *l, const struct stall *s, const struct known_loss *k, uint32_t n,
				 uint32_t runs)
{
	uint32_t alone = n - 1;

	return s->window < WINDOW_MIN ||
	       WINDOW_LOOKS * chance_all_sizes(l, s, alone, runs < alone ? runs : alone, step_after_a_loss(&k->all),
					       k->since_ms) >
		       CHANCE_MAX ||
	       WINDOW_LOOKS * chance_policed(alone, step_after_a_loss(&k->large), k->others) > CHANCE_MAX;
}

/* Whether chance would explain that nothing of that size gets through. */
static bool by_chance_tx(const struct ledger *l, const struct stall *s, bool before)
{
	uint32_t n = tries_of_all(l, s), runs = s->alive == ALIVE_HOST || is_spreading(l, s) ? s->runs : n;
	msec_t since_ms = s->first_ms + SENT_BEFORE_MS;
	struct trials since = ledger_trials(l, 0, since_ms);
	struct known_loss known = known_loss(l, s);

	if (by_loss(l, s, &known, n, runs, before) && by_loss_after_window(l, s, &known, n, runs))
		return true;
	/* Loss may just have risen: then the small ones would not all have passed since. */
	return before && !(is_young(s) && s->tries >= TRIES_YOUNG && !small_lost(l, s->first_ms)) &&
	       chance_all_sizes(l, s, n, runs, tried_of(&since), since_ms) > CHANCE_CHANGED;
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

/*
 * A connection just made, or which had been in dialogue and now sends more at once than it ever did, is all that there is on this path,
 * and was tried again after the peer was heard, by WireGuard's handshake if by nothing else: the path lives, and that the far host
 * died just then would be a coincidence.
 */
static bool is_alone(const struct ledger *l, const struct stall *s, bool lately)
{
	bool in_dialogue = !lately && s->kind == EVIDENCE_TCP_RETRANSMIT && !s->given_up &&
			   s->flow_heard_ms + DIALOGUE_MS >= s->first_ms;
	msec_t alone_ms = s->first_ms + SENT_BEFORE_MS;

	return (is_young(s) || in_dialogue) && s->tries >= TRIES_YOUNG && ledger_delivered_ms(l, 1) <= alone_ms &&
	       l->last_heard_ms > alone_ms && s->last_ms > l->last_heard_ms;
}

/* The peer has not been silent for so long in all the time before: it is dead, or the path. */
static bool is_silent_unusually(const struct ledger *l, msec_t now_ms)
{
	msec_t from_ms, to_ms, heard_ms = l->last_heard_ms;
	msec_t since_ms = heard_ms > USUAL_MS ? heard_ms - USUAL_MS : 0;

	if (!l->back || ledger_known_since_ms(l->back, heard_ms, USUAL_MS) > since_ms)
		return false;
	ledger_silence(l->back, since_ms, heard_ms, &from_ms, &to_ms);
	return now_ms - heard_ms > to_ms - from_ms;
}

bool step_suspect_tx(const struct stall *s)
{
	return s->tries >= TRIES_MIN;
}

bool step_witness_tx(const struct ledger *l, const struct stall *s, msec_t now_ms)
{
	bool lately = step_passed_lately(l, s);

	if (s->tries < TRIES_MIN || (lately && now_ms - s->first_ms < CHANGED_MS) ||
	    by_chance_tx(l, s, step_passed_before(l, s)))
		return false;
	if (everything_dies(l, s) || is_forgotten(l, s))
		return false;
	switch (s->alive) {
	case ALIVE_HOST:
		return s->tries_heard >= TRIES_HEARD || repeats(l, s);
	case ALIVE_UNTIL_THEN:
		return (s->outer > ETHERNET_MTU && !lately && !is_silent_unusually(l, now_ms)) ||
		       is_alone(l, s, lately) || (s->tries_heard >= TRIES_HEARD && is_spreading(l, s));
	default:
		return false;
	}
}
