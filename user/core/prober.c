// SPDX-License-Identifier: GPL-2.0-or-later
/* The search for a path MTU; see prober.h. */
#include "prober_internal.h"

#include <string.h>
#include <sys/socket.h>

#include "chance.h"

#define TRIES_MIN	  5    /* lost while smaller sizes are answered: less may be chance */
#define CHANCE_MAX	  1e-4 /* that plain loss did it */
#define CHANCE_SEARCH	  0.05 /* … while searching: what was wrongly taken for dead is what the search ends at */
#define SILENT_MAX	  3    /* probes in a row, then a small one shows whether anything arrives */
#define SILENT_SAME_MAX	  2    /* … of one size: a short outage shall not condemn it */
#define CONTROLS_LOST_MAX 4    /* in a row: nothing is answered any more; if nothing ever was, large ones count too */
#define RESTARTS_MAX	  1
#define RATIONED_MAX	  2 /* gaps of four times what is known of those who ration their answers */
#define TIMEOUT_FIRST_MS  1000
#define TIMEOUT_MIN_MS	  400
#define TIMEOUT_AGAIN_MS  250 /* of a size that was missed before */
#define TIMEOUT_MAX_MS	  2000
#define MTU_MIN_IPV4	  576 /* a router that names less is not believed (RFC 791, RFC 8200) */
#define MTU_MIN_IPV6	  1280

static struct prober_size *size_at(struct prober *p, uint32_t outer)
{
	uint32_t i;

	for (i = 0; i < p->sizes_n && p->sizes[i].outer != outer; i++)
		;
	if (i == p->sizes_n && p->sizes_n < PROBER_BUDGET)
		p->sizes[p->sizes_n++] = (struct prober_size){ .outer = outer };
	return i < PROBER_BUDGET ? &p->sizes[i] : NULL;
}

/* Tries lost that plain loss, as seen so far, does not explain. */
static uint32_t tries_needed(const struct prober *p, uint32_t at_least, double chance_max)
{
	double rate = chance_loss_rate(p->lost, p->lost + p->answered);
	uint32_t n = at_least;

	while (n < PROBER_BUDGET && chance_all_lost(rate, n) > chance_max)
		n++;
	return n;
}

uint32_t prober_lower(const struct prober *p)
{
	uint32_t lower = 0;

	for (uint32_t i = 0; i < p->sizes_n; i++)
		if (p->sizes[i].arrives && p->sizes[i].outer > lower)
			lower = p->sizes[i].outer;
	return lower;
}

/*
 * Whether so many lost tries of that size are no chance; what a router calls too big needs no more than a search, and what is
 * in question is settled before the search goes on.
 */
static bool is_dead(const struct prober *p, const struct prober_size *s, uint32_t lost, bool proven)
{
	if ((proven || s->outer == p->config.guess) && !s->said)
		return lost >= tries_needed(p, TRIES_MIN, CHANCE_MAX);
	return lost >= tries_needed(p, 1, CHANCE_SEARCH);
}

/* The smallest dead size above all that arrive, NULL if there is none below what the caller knows. */
static const struct prober_size *smallest_dead(const struct prober *p, bool proven)
{
	uint32_t lower = prober_lower(p), end = p->config.upper > lower ? p->config.upper : UINT32_MAX;
	const struct prober_size *dead = NULL;

	for (uint32_t i = 0; i < p->sizes_n; i++) {
		const struct prober_size *s = &p->sizes[i];

		if (s->outer > lower && s->outer < end && is_dead(p, s, s->lost + (proven ? 0 : s->doubts), proven)) {
			dead = s;
			end = s->outer;
		}
	}
	return dead;
}

static uint32_t upper_by(const struct prober *p, const struct prober_size *dead)
{
	if (dead)
		return dead->outer;
	return p->config.upper > prober_lower(p) ? p->config.upper : 0;
}

uint32_t prober_upper(const struct prober *p)
{
	return upper_by(p, smallest_dead(p, true));
}

uint32_t prober_upper_likely(const struct prober *p)
{
	return upper_by(p, smallest_dead(p, false));
}

bool prober_upper_said(const struct prober *p)
{
	const struct prober_size *dead = smallest_dead(p, true);

	return dead && dead->said;
}

static void finish(struct prober *p, enum prober_end end)
{
	p->end = end;
	p->trial = 0;
}

/* The largest size that is known or taken to arrive. */
static uint32_t small_size(const struct prober *p)
{
	uint32_t lower = prober_lower(p);

	return lower ? lower : p->config.control;
}

/* Chooses what to try next, or ends. */
static void advance(struct prober *p)
{
	uint32_t lower = small_size(p), upper = prober_upper_likely(p);

	/* Undecided; one above `upper` was begun when less was made of what had been lost. */
	if (p->trial > lower && (!upper || p->trial < upper))
		return;
	p->trial = prober_choose(p, lower, upper);
	if (p->trial || !prober_lower(p))
		return;
	if (!upper)
		finish(p, PROBER_WHOLE);
	else if (upper == prober_upper(p))
		finish(p, PROBER_BRACKETED);
	else if (upper > p->config.max)
		finish(p, PROBER_GAVE_UP); /* it cannot be sent any more */
	else
		p->trial = upper; /* lost often enough to search on, not to be told */
}

void prober_start(struct prober *p, const struct prober_config *config)
{
	memset(p, 0, sizeof(*p));
	p->config = *config;
	if (p->config.budget > PROBER_BUDGET)
		p->config.budget = PROBER_BUDGET;
	p->config.control = prober_size_fit(p, p->config.control);
	p->hint = p->config.guess = config->guess ? prober_size_fit(p, config->guess) : 0;
}

/* Nothing is answered any more. What used to arrive may have become too large: the path has changed, begin anew. */
static void controls_lost(struct prober *p)
{
	uint32_t lower = prober_lower(p);

	p->controls_lost = 0;
	if (lower <= p->config.control || p->restarts == RESTARTS_MAX) {
		finish(p, PROBER_SILENT);
		return;
	}
	p->restarts++;
	p->sizes_n = 0;
	p->trial = p->silent = p->hint = 0;
	p->heard = false;
}

/* One slow moment of either side shall not slow down all that comes after it: the latest answers count. */
static void rtt_range(const struct prober *p, uint32_t *quickest_ms, uint32_t *slowest_ms)
{
	*quickest_ms = UINT32_MAX;
	*slowest_ms = 0;
	for (uint32_t i = 0; i < PROBER_RTTS && i < p->answered; i++) {
		if (p->rtts_ms[i] < *quickest_ms)
			*quickest_ms = p->rtts_ms[i];
		if (p->rtts_ms[i] > *slowest_ms)
			*slowest_ms = p->rtts_ms[i];
	}
}

static bool was_missed(const struct prober *p, uint32_t outer)
{
	for (uint32_t i = 0; i < p->sizes_n; i++)
		if (p->sizes[i].outer == outer)
			return p->sizes[i].lost || p->sizes[i].doubts;
	return false;
}

/*
 * How long an answer is waited for. Less once the size has been missed: then the small probe that is sent after its next tries
 * tells what became of them.
 */
static uint32_t timeout_ms(const struct prober *p, const struct prober_probe *probe)
{
	bool again = probe->outer > small_size(p) && was_missed(p, probe->outer);
	uint32_t quickest_ms, slowest_ms, ms, least_ms = again ? TIMEOUT_AGAIN_MS : TIMEOUT_MIN_MS;

	if (!p->answered)
		return TIMEOUT_FIRST_MS;
	rtt_range(p, &quickest_ms, &slowest_ms);
	ms = again ? quickest_ms : 3 * slowest_ms;
	if (ms < least_ms)
		return least_ms;
	return ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : ms;
}

/* The probe is not answered, for now: a late answer is still welcome. */
static void missed(struct prober *p, struct prober_probe *probe)
{
	struct prober_size *s = size_at(p, probe->outer);

	probe->over = true;
	p->waiting = false;
	if (probe->outer > small_size(p) && s) {
		/* The message shows that something arrives as well as an answer would. */
		if (s->said)
			s->lost++;
		else
			s->doubts++;
		p->silent += !s->said;
		return;
	}
	/* An outage: what was lost just before says nothing about size. */
	for (uint32_t i = 0; i < p->sizes_n; i++)
		p->sizes[i].doubts = 0;
	if (p->answered) {
		p->lost++;
		p->rationed += p->rationed < RATIONED_MAX;
	}
	if (++p->controls_lost + (p->heard ? 0 : p->silent) >= CONTROLS_LOST_MAX)
		controls_lost(p);
}

/* Whether a small probe has to show that anything arrives, before more is made of the silence. */
static bool needs_control(const struct prober *p)
{
	if (!p->trial || p->controls_lost || p->silent >= SILENT_MAX || (!p->heard && p->silent))
		return true;
	for (uint32_t i = 0; i < p->sizes_n; i++) {
		const struct prober_size *s = &p->sizes[i];

		if (s->outer == p->trial)
			return s->doubts >= SILENT_SAME_MAX || (s->doubts && is_dead(p, s, s->lost + s->doubts, true));
	}
	return false;
}

/* Whether the other side has an answer for the next probe. What was lost for its size took none. */
static bool may_send(const struct prober *p, uint32_t now_ms, uint32_t *wait_ms)
{
	uint32_t gap_ms = p->config.gap_ms << p->rationed, since, i = p->sent;

	if (!i || !p->config.burst || (p->answered < p->config.burst && !p->rationed))
		return true;
	while (--i && !p->probes[i].answered && p->probes[i].outer > small_size(p))
		;
	since = now_ms - p->probes[i].sent_ms;
	*wait_ms = since < gap_ms ? gap_ms - since : 0;
	return !*wait_ms;
}

bool prober_next(struct prober *p, uint32_t now_ms, struct prober_order *order, uint32_t *wait_ms)
{
	uint32_t outer;

	*wait_ms = 0;
	if (p->waiting) {
		struct prober_probe *last = &p->probes[p->sent - 1];

		if (now_ms - last->sent_ms < timeout_ms(p, last)) {
			*wait_ms = timeout_ms(p, last) - (now_ms - last->sent_ms);
			return false;
		}
		missed(p, last);
	}
	if (!p->end && !p->controls_lost)
		advance(p);
	if (!p->end && p->sent == p->config.budget)
		finish(p, prober_lower(p) ? PROBER_GAVE_UP : PROBER_SILENT);
	if (p->end || !may_send(p, now_ms, wait_ms))
		return false;
	outer = needs_control(p) ? small_size(p) : p->trial;
	*order = (struct prober_order){ p->sent, outer - prober_overhead(p), outer };
	p->probes[p->sent++] = (struct prober_probe){ .outer = outer, .sent_ms = now_ms };
	p->waiting = true;
	return true;
}

/* The probe that an answer is about; NULL if there is none, or if it has been answered. */
static struct prober_probe *probe_of(struct prober *p, uint32_t seq)
{
	if (seq < p->sent && !p->probes[seq].answered)
		return &p->probes[seq];
	p->ignored++;
	return NULL;
}

/* A lost probe counts against its size once a smaller one after it has been answered, and as loss once a larger one has. */
static void settle(struct prober *p, uint32_t answered, bool after)
{
	for (uint32_t i = 0; i < p->sizes_n; i++) {
		struct prober_size *s = &p->sizes[i];

		if (s->outer <= answered) {
			p->lost += s->lost + s->doubts;
			s->lost = s->doubts = 0;
		} else if (after) {
			s->lost += s->doubts;
			s->doubts = 0;
		}
	}
}

/* One that was given up and comes late was slow, not lost. */
static void take_back(struct prober *p, struct prober_size *s)
{
	if (s->doubts)
		s->doubts--;
	else if (s->lost)
		s->lost--;
	else if (p->lost)
		p->lost--;
	if (p->rationed)
		p->rationed--;
}

void prober_answered(struct prober *p, uint32_t seq, uint32_t now_ms)
{
	struct prober_probe *probe = probe_of(p, seq);
	struct prober_size *s = probe ? size_at(p, probe->outer) : NULL;

	if (!s)
		return;
	p->rtts_ms[p->answered % PROBER_RTTS] = now_ms - probe->sent_ms;
	if (seq + 1 == p->sent)
		p->waiting = false;
	if (probe->over)
		take_back(p, s);
	probe->answered = probe->over = true;
	s->arrives = p->heard = true;
	p->answered++;
	p->controls_lost = p->silent = 0;
	settle(p, probe->outer, seq + 1 == p->sent);
}

void prober_too_big(struct prober *p, uint32_t seq, uint32_t mtu, const struct ip_address *by)
{
	struct prober_probe *probe = probe_of(p, seq);
	uint32_t add = prober_overhead(p), hint;
	struct prober_size *s;

	if (!probe)
		return;
	hint = prober_size_fit(p, mtu + add);
	if (mtu < (by->family == AF_INET6 ? MTU_MIN_IPV6 : MTU_MIN_IPV4) || hint < prober_lower(p) ||
	    mtu + add >= probe->outer || p->end) {
		p->ignored++;
		return;
	}
	p->too_big++;
	p->said_mtu = mtu;
	p->said_by = *by;
	p->hint = hint;
	p->heard = true;
	/* It is waited for all the same: an answer would prove the message wrong. */
	s = size_at(p, probe->outer);
	if (s)
		s->said = true;
}

void prober_refused(struct prober *p)
{
	uint32_t outer;

	if (!p->sent || !p->waiting)
		return;
	outer = p->probes[--p->sent].outer;
	p->waiting = false;
	/* What arrived before cannot be sent any more, so nothing can be compared with it. */
	if (outer <= small_size(p)) {
		finish(p, prober_lower(p) ? PROBER_GAVE_UP : PROBER_SILENT);
		return;
	}
	p->config.max = outer - 1;
	p->trial = 0;
	if (p->hint >= outer)
		p->hint = 0;
}
