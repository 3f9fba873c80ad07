// SPDX-License-Identifier: GPL-2.0-or-later
/* One path's memory: what got through and what was lost, by time. Filled by ledgers.c, asked by the detectors. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "outer.h"

#define SIZE_CLASS	16
#define SECOND_MS	1000
#define LATELY_MS	10000  /* loss that has risen shows in it, and it holds enough tries of a busy path to tell */
#define HISTORY_MS	600000 /* as long as a finding lives on without evidence */
#define TICK_MS		300    /* gaps are dated by the tick that found them, and ticks may be late */
#define RTO_MAX_MS	120000 /* Linux's longest retransmission time-out (include/net/tcp.h) */
#define GAPS_MAX	32
#define LESS_MS		1000 /* packets of one size for so long are full ones, not a message's odd end */
#define REPETITIONS_MAX 9    /* after that many Linux's time-out does not double any more */

static const struct history *told(const struct ledger *l)
{
	static const struct history nothing;

	return l->history ? l->history : &nothing;
}

struct history *ledger_history(struct ledger *l, msec_t now_ms)
{
	if (!l->history)
		l->history = calloc(1, sizeof(*l->history));
	l->history_ms = now_ms;
	return l->history;
}

void ledger_free(struct ledger *l)
{
	free(l->history);
	free(l->stalls);
	l->history = NULL;
	l->stalls = NULL;
}

void ledger_forget(struct ledger *l, msec_t now_ms)
{
	if (!l->stalls_n) {
		free(l->stalls);
		l->stalls = NULL;
	}
	if (now_ms - l->history_ms > HISTORY_MS) {
		free(l->history);
		l->history = NULL;
	}
}

static struct delivered_size *size_slot(struct history *h, uint32_t most)
{
	struct delivered_size *oldest = &h->sizes[0];

	for (size_t i = 0; i < LEDGER_SIZES; i++) {
		struct delivered_size *s = &h->sizes[i];

		if (s->last_ms && s->most / SIZE_CLASS == most / SIZE_CLASS)
			return s;
		if (s->last_ms < oldest->last_ms)
			oldest = s;
	}
	*oldest = (struct delivered_size){ 0 };
	return oldest;
}

uint32_t ledger_outer_least(const struct ledger *l, uint32_t inner)
{
	bool limited = l->direction == WIRE_RX || inner > l->route_mtu_least;

	return outer_size(inner, limited ? inner : l->route_mtu_least, l->outer_family);
}

uint32_t ledger_outer_most(const struct ledger *l, uint32_t inner)
{
	return outer_size(inner, l->direction == WIRE_RX ? 0 : l->route_mtu_most, l->outer_family);
}

static void deliver(struct ledger *l, struct delivered_size d)
{
	struct delivered_size *s;

	if (!d.last_ms || !l->history)
		return;
	s = size_slot(l->history, d.most);
	if (d.outer > s->outer)
		s->outer = d.outer;
	if (d.most > s->most)
		s->most = d.most;
	if (d.last_ms > s->last_ms)
		s->last_ms = d.last_ms;
	if (d.passed_ms > s->passed_ms)
		s->passed_ms = d.passed_ms;
}

void ledger_deliver(struct ledger *l, uint32_t outer, msec_t ms)
{
	deliver(l, (struct delivered_size){ outer, outer, ms, ms });
}

void ledger_deliver_inner(struct ledger *l, uint32_t inner, msec_t passed_ms, msec_t ms)
{
	deliver(l, (struct delivered_size){ ledger_outer_least(l, inner), ledger_outer_most(l, inner), ms, passed_ms });
}

uint32_t ledger_delivered_below(const struct ledger *l, uint32_t below, msec_t since_ms)
{
	const struct history *h = told(l);
	uint32_t largest = 0;

	for (size_t i = 0; i < LEDGER_SIZES; i++) {
		const struct delivered_size *s = &h->sizes[i];

		if (s->last_ms && s->passed_ms >= since_ms && (!below || s->outer < below) && s->outer > largest)
			largest = s->outer;
	}
	return largest;
}

msec_t ledger_delivered_ms(const struct ledger *l, uint32_t outer)
{
	const struct history *h = told(l);
	msec_t latest = 0;

	for (size_t i = 0; i < LEDGER_SIZES; i++)
		if (h->sizes[i].most >= outer && h->sizes[i].last_ms > latest)
			latest = h->sizes[i].last_ms;
	return latest;
}

void ledger_given_up(struct ledger *l, const struct stall *s)
{
	struct stall *slot = &l->history->given_up[0];

	for (size_t i = 1; i < LEDGER_GIVEN_UP; i++)
		if (l->history->given_up[i].until_ms < slot->until_ms)
			slot = &l->history->given_up[i];
	*slot = *s;
}

static bool is_same_full(const struct full_size *a, const struct full_size *b)
{
	return !memcmp(a->host, b->host, sizeof(a->host)) && !memcmp(a->asked_by, b->asked_by, sizeof(a->asked_by));
}

void ledger_full(struct ledger *l, const struct full_size *full)
{
	struct full_size *slot = &l->history->full[0];

	for (size_t i = 0; i < LEDGER_FULL; i++) {
		struct full_size *other = &l->history->full[i];

		if (is_same_full(other, full)) {
			slot = other;
			break;
		}
		if (other->last_ms < slot->last_ms)
			slot = other;
	}
	if (slot->outer != full->outer || !is_same_full(slot, full))
		*slot = *full;
	slot->last_ms = full->last_ms;
	slot->allowed = full->allowed;
	slot->announced = full->announced;
}

/* Whether one of the flows is of that host, and to the one that asks it for less by now, if one does. */
static bool is_source(const struct full_size *full, const struct finding_flow *flows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(flows[i].source.ip.bytes, full->host, sizeof(full->host)) &&
		    (!full->is_asked || !memcmp(flows[i].destination.ip.bytes, full->asked_by, sizeof(full->asked_by))))
			return true;
	return false;
}

static bool is_less(const struct full_size *full, uint32_t outer, const struct finding_flow *stalled, size_t n)
{
	if (full->outer >= outer)
		return false;
	if (full->is_asked)
		return is_source(full, stalled, n);
	return full->allowed >= outer && (full->announced >= outer || is_source(full, stalled, n));
}

const struct full_size *ledger_sends_less(const struct ledger *l, uint32_t outer, msec_t stalled_ms,
					  msec_t connected_ms, const struct finding_flow *stalled, size_t n)
{
	const struct history *h = told(l);

	for (size_t i = 0; i < LEDGER_FULL; i++) {
		const struct full_size *full = &h->full[i];

		/* What was announced binds connections made since. */
		if (full->first_ms > (full->announced >= outer ? stalled_ms : connected_ms) &&
		    full->last_ms - full->first_ms >= LESS_MS && is_less(full, outer, stalled, n))
			return full;
	}
	return NULL;
}

void ledger_loss(const struct ledger *l, msec_t from_ms, msec_t to_ms, uint32_t *lost, uint32_t *received,
		 uint32_t *lost_ticks)
{
	const struct history *h = told(l);
	int64_t sum = 0;
	uint32_t came = 0, with_loss = 0;

	for (size_t i = 0; i < LEDGER_TICKS; i++) {
		const struct loss_tick *t = &h->ticks[(h->ticks_next + i) % LEDGER_TICKS]; /* the oldest first */

		if (!t->ms || t->ms < from_ms || t->ms > to_ms)
			continue;
		/* What came late may have closed gaps of before. */
		sum = sum + t->lost > 0 ? sum + t->lost : 0;
		came += t->received;
		with_loss += t->lost > 0;
	}
	if (lost)
		*lost = sum;
	if (received)
		*received = came;
	if (lost_ticks)
		*lost_ticks = with_loss;
}

void ledger_probes_lost(struct ledger *l, uint32_t n, msec_t since_ms)
{
	struct history *h = l->history;

	for (size_t i = 1; n && i <= LEDGER_TICKS; i++) {
		struct loss_tick *t = &h->ticks[(h->ticks_next - i) % LEDGER_TICKS]; /* the latest first */
		uint32_t lost = t->lost > 0 ? t->lost : 0, of_these = lost < n ? lost : n;

		if (t->ms < since_ms)
			return;
		t->lost -= of_these;
		n -= of_these;
	}
}

uint32_t ledger_lost_at_once(const struct ledger *l, msec_t from_ms, msec_t to_ms)
{
	const struct history *h = told(l);
	int32_t most = 0, next = 0;

	for (size_t i = 0; i < LEDGER_TICKS; i++) {
		const struct loss_tick *t = &h->ticks[i];

		if (!t->ms || t->ms < from_ms || t->ms > to_ms || t->lost <= next)
			continue;
		next = t->lost < most ? t->lost : most;
		most = t->lost < most ? most : t->lost;
	}
	return (uint32_t)most + (uint32_t)next;
}

/* Packets that did not come, which the next one that did shows. */
struct gap {
	msec_t from_ms, to_ms; /* they were due then */
	int32_t lost;
};

/* The time-out of a sender, as far as gaps show it. */
struct timeout_range {
	double least_ms, most_ms;
};

/* Whether it may have repeated itself for the n-th time there; narrows the range if so. */
static bool timeout_fits(struct timeout_range *r, uint32_t n, const struct gap *first, const struct gap *gap)
{
	double times = (double)((1U << n) - 1);
	double least = (gap->from_ms > first->to_ms ? (double)(gap->from_ms - first->to_ms) : 0.0) / times;
	double most = (double)(gap->to_ms - first->from_ms) / times;

	if (least > r->most_ms || most < r->least_ms)
		return false;
	r->least_ms = least > r->least_ms ? least : r->least_ms;
	r->most_ms = most < r->most_ms ? most : r->most_ms;
	return true;
}

/* … by gaps of which the first has its first try, and the second its first repetition; they may be one. */
static uint32_t repetitions_from(const struct gap *gaps, size_t n, size_t second)
{
	struct timeout_range r = { RTO_MIN_MS, RTO_MAX_MS };
	int32_t used = second ? 0 : 1;
	uint32_t found = 0;
	size_t i = second;

	while (i < n && found < REPETITIONS_MAX) {
		if (used < gaps[i].lost && timeout_fits(&r, found + 1, &gaps[0], &gaps[i])) {
			found++;
			used++;
		} else if (!found) {
			return 0;
		} else {
			i++;
			used = 0;
		}
	}
	return found;
}

/* Up to GAPS_MAX gaps of that time; their number. */
static size_t gaps_of(const struct history *h, msec_t from_ms, msec_t to_ms, struct gap gaps[GAPS_MAX])
{
	msec_t heard_ms = 0;
	size_t n = 0;

	for (size_t i = 0; i < LEDGER_TICKS && n < GAPS_MAX; i++) {
		const struct loss_tick *t = &h->ticks[(h->ticks_next + i) % LEDGER_TICKS]; /* the oldest first */

		if (t->ms && t->ms >= from_ms && t->ms <= to_ms && t->lost > 0)
			gaps[n++] = (struct gap){ heard_ms > TICK_MS ? heard_ms - TICK_MS : 0, t->ms, t->lost };
		if (t->received)
			heard_ms = t->ms;
	}
	return n;
}

uint32_t ledger_repetitions(const struct ledger *l, msec_t from_ms, msec_t to_ms, msec_t *first_ms)
{
	struct gap gaps[GAPS_MAX];
	size_t n = gaps_of(told(l), from_ms, to_ms, gaps);
	uint32_t most = 0;

	*first_ms = to_ms;
	for (size_t first = 0; first < n; first++) {
		for (size_t second = gaps[first].lost < 2; second < n - first; second++) {
			uint32_t found = repetitions_from(gaps + first, n - first, second);

			if (found <= most)
				continue;
			most = found;
			*first_ms = gaps[first].to_ms;
		}
	}
	return most;
}

void ledger_silence(const struct ledger *l, msec_t from_ms, msec_t to_ms, msec_t *silent_from_ms, msec_t *silent_to_ms)
{
	const struct history *h = told(l);
	msec_t heard_ms = from_ms;

	*silent_from_ms = *silent_to_ms = from_ms;
	for (size_t i = 0; i <= LEDGER_TICKS; i++) {
		const struct loss_tick *t = &h->ticks[(h->ticks_next + i) % LEDGER_TICKS];
		msec_t ms = i < LEDGER_TICKS ? t->ms : to_ms; /* the oldest first, and then the end */

		if (ms <= heard_ms || ms > to_ms || (i < LEDGER_TICKS && !t->received))
			continue;
		if (ms - heard_ms > *silent_to_ms - *silent_from_ms) {
			*silent_from_ms = heard_ms;
			*silent_to_ms = ms;
		}
		heard_ms = ms;
	}
}

static size_t trial_class(uint32_t outer)
{
	/* The upper ends of the classes: 576, and times the square root of two. */
	static const uint32_t ends[LEDGER_TRIAL_CLASSES - 1] = { 576, 815, 1152, 1629, 2304, 3258, 4608, 6517 };
	size_t class = 0;

	while (class < LEDGER_TRIAL_CLASSES - 1 && outer > ends[class])
		class ++;
	return class;
}

static void add_saturated(uint16_t *sum, uint32_t n)
{
	*sum = n < (uint32_t)(UINT16_MAX - *sum) ? *sum + n : UINT16_MAX;
}

void ledger_try(struct ledger *l, uint32_t outer, msec_t ms, struct trials t)
{
	uint32_t second = ms / SECOND_MS + 1;
	size_t class = trial_class(outer);
	struct trial_second *s;

	if (!l->history)
		return;
	s = &l->history->trials[second % LEDGER_TRIAL_SECONDS];
	if (s->second != second)
		*s = (struct trial_second){ .second = second };
	add_saturated(&s->delivered[class], t.delivered);
	add_saturated(&s->lost[class], t.lost);
	add_saturated(&s->again[class], t.again);
	add_saturated(&s->retried[class], t.retried);
}

void ledger_found(struct ledger *l, uint32_t outer, msec_t ms, uint32_t n)
{
	uint32_t second = ms / SECOND_MS + 1;
	size_t class = trial_class(outer);

	for (uint32_t ago = 0; l->history && n && ago < LEDGER_TRIAL_SECONDS && ago < second; ago++) {
		struct trial_second *s = &l->history->trials[(second - ago) % LEDGER_TRIAL_SECONDS];
		uint16_t found = s->second == second - ago && n < s->lost[class] ? n : 0;

		if (s->second == second - ago && !found)
			found = s->lost[class];
		s->lost[class] -= found;
		s->again[class] = s->again[class] < s->lost[class] ? s->again[class] : s->lost[class];
		n -= found;
	}
}

struct trials ledger_trials(const struct ledger *l, uint32_t outer, msec_t since_ms)
{
	/* The class below as well: a size at the lower edge of its own has its like there. */
	size_t from = trial_class(outer), first = from ? from - 1 : 0;
	const struct history *h = told(l);
	struct trials sum = { 0 };

	for (size_t i = 0; i < LEDGER_TRIAL_SECONDS; i++) {
		const struct trial_second *s = &h->trials[i];

		if (!s->second || s->second <= since_ms / SECOND_MS)
			continue;
		for (size_t c = first; c < LEDGER_TRIAL_CLASSES; c++) {
			sum.delivered += s->delivered[c];
			sum.lost += s->lost[c];
			sum.again += s->again[c];
			sum.retried += s->retried[c];
		}
	}
	return sum;
}

msec_t ledger_known_since_ms(const struct ledger *l, msec_t now_ms, uint32_t window_ms)
{
	msec_t since_ms = now_ms > window_ms ? now_ms - window_ms : 0;

	return since_ms > l->moved_ms ? since_ms : l->moved_ms;
}

msec_t ledger_loss_since_ms(const struct ledger *l, uint32_t outer, msec_t ms)
{
	msec_t window_ms = ledger_known_since_ms(l, ms, LEDGER_WINDOW_MS);
	msec_t lately_ms = ledger_known_since_ms(l, ms, LATELY_MS);
	struct trials all = ledger_trials(l, outer, window_ms), lately = ledger_trials(l, outer, lately_ms);

	return (uint64_t)lately.lost * all.delivered > (uint64_t)all.lost * lately.delivered ? lately_ms : window_ms;
}

msec_t ledger_gaps_since_ms(const struct ledger *l, msec_t to_ms)
{
	msec_t window_ms = ledger_known_since_ms(l, to_ms, LEDGER_WINDOW_MS);
	msec_t lately_ms = ledger_known_since_ms(l, to_ms, LATELY_MS);
	uint32_t lost, came, lost_lately, came_lately;

	ledger_loss(l, window_ms, to_ms, &lost, &came, NULL);
	ledger_loss(l, lately_ms, to_ms, &lost_lately, &came_lately, NULL);
	return (uint64_t)lost_lately * came > (uint64_t)lost * came_lately ? lately_ms : window_ms;
}

const struct subject *ledger_subject(const struct ledger *l, enum wire_tally_kind kind, int aux, msec_t since_ms)
{
	const struct subject *latest = NULL;

	for (size_t i = 0; i < l->subjects_n; i++) {
		const struct subject *s = l->subjects[i];

		if (s->key.kind == kind && (aux < 0 || s->key.aux == aux) && s->last_ms >= since_ms &&
		    (!latest || s->last_ms > latest->last_ms))
			latest = s;
	}
	return latest;
}
