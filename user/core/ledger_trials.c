// SPDX-License-Identifier: GPL-2.0-or-later
/* What became of trials, by size and second; see ledger.h. */
#include "ledger_internal.h"

#define SECOND_MS 1000

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

/* Of sizes like `outer` or larger in one second, if it is since then. */
static struct trials trials_of(const struct trial_second *s, uint32_t outer, msec_t since_ms)
{
	/* The class below as well: a size at the lower edge of its own has its like there. */
	size_t from = trial_class(outer), first = from ? from - 1 : 0;
	struct trials sum = { 0 };

	if (!s->second || s->second <= since_ms / SECOND_MS)
		return sum;
	for (size_t c = first; c < LEDGER_TRIAL_CLASSES; c++) {
		sum.delivered += s->delivered[c];
		sum.lost += s->lost[c];
		sum.again += s->again[c];
		sum.retried += s->retried[c];
	}
	return sum;
}

struct trials ledger_trials(const struct ledger *l, uint32_t outer, msec_t since_ms)
{
	const struct history *h = history_of(l);
	struct trials sum = { 0 };

	for (size_t i = 0; i < LEDGER_TRIAL_SECONDS; i++) {
		struct trials t = trials_of(&h->trials[i], outer, since_ms);

		sum.delivered += t.delivered;
		sum.lost += t.lost;
		sum.again += t.again;
		sum.retried += t.retried;
	}
	return sum;
}

struct tried ledger_trials_at_times(const struct ledger *l, uint32_t outer, msec_t since_ms)
{
	const struct history *h = history_of(l);
	struct tried sum = { 0, 0 };

	for (size_t i = 0; i < LEDGER_TRIAL_SECONDS; i++) {
		struct trials t = trials_of(&h->trials[i], outer, since_ms);
		struct tried one = at_times(t.lost, t.delivered);

		sum.lost += one.lost;
		sum.passed += one.passed;
	}
	return sum;
}

msec_t ledger_loss_since_ms(const struct ledger *l, uint32_t outer, msec_t ms)
{
	msec_t window_ms = ledger_known_since_ms(l, ms, LEDGER_WINDOW_MS);
	msec_t lately_ms = ledger_known_since_ms(l, ms, LATELY_MS);
	struct trials all = ledger_trials(l, outer, window_ms), lately = ledger_trials(l, outer, lately_ms);

	return (uint64_t)lately.lost * all.delivered > (uint64_t)all.lost * lately.delivered ? lately_ms : window_ms;
}
