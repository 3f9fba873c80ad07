// SPDX-License-Identifier: GPL-2.0-or-later
/* One path's memory: what got through and what was lost, by time. Filled by ledgers.c, asked by the detectors. */
#include "ledger.h"

#define SIZE_CLASS 16

static struct delivered_size *size_slot(struct ledger *l, uint32_t outer)
{
	struct delivered_size *oldest = &l->sizes[0];

	for (size_t i = 0; i < LEDGER_SIZES; i++) {
		struct delivered_size *s = &l->sizes[i];

		if (s->last_ms && s->outer / SIZE_CLASS == outer / SIZE_CLASS)
			return s;
		if (s->last_ms < oldest->last_ms)
			oldest = s;
	}
	*oldest = (struct delivered_size){ 0 };
	return oldest;
}

void ledger_deliver(struct ledger *l, uint32_t outer, uint32_t ms, uint32_t count)
{
	struct delivered_size *s;

	if (!ms)
		return;
	s = size_slot(l, outer);
	if (outer > s->outer)
		s->outer = outer;
	if (ms > s->last_ms)
		s->last_ms = ms;
	s->count += count;
}

uint32_t ledger_delivered_below(const struct ledger *l, uint32_t below, uint32_t since_ms)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < LEDGER_SIZES; i++) {
		const struct delivered_size *s = &l->sizes[i];

		if (s->last_ms && s->last_ms >= since_ms && (!below || s->outer < below) && s->outer > largest)
			largest = s->outer;
	}
	return largest;
}

uint32_t ledger_delivered_ms(const struct ledger *l, uint32_t outer)
{
	uint32_t latest = 0;

	for (size_t i = 0; i < LEDGER_SIZES; i++)
		if (l->sizes[i].outer >= outer && l->sizes[i].last_ms > latest)
			latest = l->sizes[i].last_ms;
	return latest;
}

void ledger_loss(const struct ledger *l, uint32_t from_ms, uint32_t to_ms, uint32_t *lost, uint32_t *received,
		 uint32_t *lost_ticks)
{
	int64_t sum = 0;
	uint32_t came = 0, with_loss = 0;

	for (size_t i = 0; i < LEDGER_TICKS; i++) {
		const struct loss_tick *t = &l->ticks[i];

		if (!t->ms || t->ms < from_ms || t->ms > to_ms)
			continue;
		sum += t->lost;
		came += t->received;
		with_loss += t->lost > 0;
	}
	if (lost)
		*lost = sum > 0 ? sum : 0;
	if (received)
		*received = came;
	if (lost_ticks)
		*lost_ticks = with_loss;
}

const struct subject *ledger_subject(const struct ledger *l, enum wire_tally_kind kind, int aux, uint32_t since_ms)
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
