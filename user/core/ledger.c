// SPDX-License-Identifier: GPL-2.0-or-later
/* One path's memory: what got through and what was lost, by time. Filled by ledgers.c, asked by the detectors. */
#include "ledger.h"

#define SIZE_CLASS 16
#define SECOND_MS  1000

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

static void deliver(struct ledger *l, uint32_t outer, uint32_t passed_ms, uint32_t ms, uint32_t count)
{
	struct delivered_size *s;

	if (!ms)
		return;
	s = size_slot(l, outer);
	if (outer > s->outer)
		s->outer = outer;
	if (ms > s->last_ms)
		s->last_ms = ms;
	if (passed_ms > s->passed_ms)
		s->passed_ms = passed_ms;
	s->count += count;
}

void ledger_deliver(struct ledger *l, uint32_t outer, uint32_t ms, uint32_t count)
{
	deliver(l, outer, ms, ms, count);
}

void ledger_deliver_between(struct ledger *l, uint32_t outer, uint32_t passed_ms, uint32_t ms)
{
	deliver(l, outer, passed_ms, ms, 1);
}

uint32_t ledger_delivered_below(const struct ledger *l, uint32_t below, uint32_t since_ms)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < LEDGER_SIZES; i++) {
		const struct delivered_size *s = &l->sizes[i];

		if (s->last_ms && s->passed_ms >= since_ms && (!below || s->outer < below) && s->outer > largest)
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

void ledger_silence(const struct ledger *l, uint32_t from_ms, uint32_t to_ms, uint32_t *silent_from_ms,
		    uint32_t *silent_to_ms)
{
	uint32_t heard_ms = from_ms;

	*silent_from_ms = *silent_to_ms = from_ms;
	for (size_t i = 0; i <= LEDGER_TICKS; i++) {
		const struct loss_tick *t = &l->ticks[(l->ticks_next + i) % LEDGER_TICKS];
		uint32_t ms = i < LEDGER_TICKS ? t->ms : to_ms; /* the oldest first, and then the end */

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

void ledger_try(struct ledger *l, uint32_t outer, uint32_t ms, uint32_t delivered, uint32_t retried)
{
	uint32_t second = ms / SECOND_MS + 1;
	struct trial_second *t = &l->trials[second % LEDGER_TRIAL_SECONDS];

	if (t->second != second)
		*t = (struct trial_second){ .second = second };
	add_saturated(&t->delivered[trial_class(outer)], delivered);
	add_saturated(&t->retried[trial_class(outer)], retried);
	l->trials_ever += delivered;
}

void ledger_trials(const struct ledger *l, uint32_t outer, uint32_t since_ms, uint32_t *delivered, uint32_t *retried)
{
	/* The class below as well: a size at the lower edge of its own has its like there. */
	size_t from = trial_class(outer), first = from ? from - 1 : 0;

	*delivered = *retried = 0;
	for (size_t i = 0; i < LEDGER_TRIAL_SECONDS; i++) {
		const struct trial_second *t = &l->trials[i];

		if (!t->second || t->second <= since_ms / SECOND_MS)
			continue;
		for (size_t c = first; c < LEDGER_TRIAL_CLASSES; c++) {
			*delivered += t->delivered[c];
			*retried += t->retried[c];
		}
	}
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
