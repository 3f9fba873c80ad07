// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One path's memory: which sizes got through, and what hosts send. Filled by ledgers.c, asked by the detectors; ledger_gaps.c and
 * ledger_trials.c have what was lost.
 */
#include "ledger_internal.h"

#include <stdlib.h>
#include <string.h>

#include "outer.h"

#define SIZE_CLASS 16
#define HISTORY_MS 600000 /* as long as a finding lives on without evidence */
#define LESS_MS	   1000	  /* packets of one size for so long are full ones, not a message's odd end */

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
	const struct history *h = history_of(l);
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
	const struct history *h = history_of(l);
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
	const struct history *h = history_of(l);

	for (size_t i = 0; i < LEDGER_FULL; i++) {
		const struct full_size *full = &h->full[i];

		/* What was announced binds connections made since. */
		if (full->first_ms > (full->announced >= outer ? stalled_ms : connected_ms) &&
		    full->last_ms - full->first_ms >= LESS_MS && is_less(full, outer, stalled, n))
			return full;
	}
	return NULL;
}

msec_t ledger_known_since_ms(const struct ledger *l, msec_t now_ms, uint32_t window_ms)
{
	msec_t since_ms = now_ms > window_ms ? now_ms - window_ms : 0;

	return since_ms > l->moved_ms ? since_ms : l->moved_ms;
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
