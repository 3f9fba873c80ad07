// SPDX-License-Identifier: GPL-2.0-or-later
/* Gaps in a peer's counters, by time, and what a sender that repeats itself in vain leaves of them; see ledger.h. */
#include "ledger_internal.h"

#define TICK_MS		300    /* gaps are dated by the tick that found them, and ticks may be late */
#define RTO_MAX_MS	120000 /* Linux's longest retransmission time-out (include/net/tcp.h) */
#define GAPS_MAX	32
#define REPETITIONS_MAX 9 /* after that many Linux's time-out does not double any more */

void ledger_loss(const struct ledger *l, msec_t from_ms, msec_t to_ms, uint32_t *lost, uint32_t *received,
		 uint32_t *lost_ticks)
{
	const struct history *h = history_of(l);
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

struct tried ledger_loss_at_times(const struct ledger *l, msec_t from_ms, msec_t to_ms)
{
	const struct history *h = history_of(l);
	struct tried sum = { 0, 0 };

	for (size_t i = 0; i < LEDGER_TICKS; i++) {
		const struct loss_tick *t = &h->ticks[(h->ticks_next + i) % LEDGER_TICKS]; /* the oldest first */
		struct tried one;

		if (!t->ms || t->ms < from_ms || t->ms > to_ms)
			continue;
		one = at_times(t->lost > 0 ? t->lost : 0, t->received);
		sum.lost += t->lost < 0 ? t->lost : one.lost;
		sum.lost = sum.lost < 0 ? 0 : sum.lost;
		sum.passed += one.passed;
	}
	return sum;
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
	const struct history *h = history_of(l);
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
	size_t n = gaps_of(history_of(l), from_ms, to_ms, gaps);
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
	const struct history *h = history_of(l);
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

msec_t ledger_gaps_since_ms(const struct ledger *l, msec_t to_ms)
{
	msec_t window_ms = ledger_known_since_ms(l, to_ms, LEDGER_WINDOW_MS);
	msec_t lately_ms = ledger_known_since_ms(l, to_ms, LATELY_MS);
	uint32_t lost, came, lost_lately, came_lately;

	ledger_loss(l, window_ms, to_ms, &lost, &came, NULL);
	ledger_loss(l, lately_ms, to_ms, &lost_lately, &came_lately, NULL);
	return (uint64_t)lost_lately * came > (uint64_t)lost * came_lately ? lately_ms : window_ms;
}
