// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stalls on the way to the peer: a segment that is sent again and again, echo requests without replies, a size that the
 * sender gave up. Called by flows.c for each flow.
 */
#include "stalls_internal.h"

#include "chance.h"
#include "outer.h"

#define STALL_ECHO_MIN 2  /* echo requests of one size in a row without a reply */
#define ECHO_ODDS_MIN  20 /* the direction in which an echo was lost is told if it is so much likelier */

/*
 * Echo requests without replies: either the requests were lost, or the replies, which then have left as many gaps in the
 * peer's counters, besides those of plain loss. Where neither is much likelier than the other, nothing is said.
 */
static void stall_echo(struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx, uint32_t outer)
{
	msec_t now = ls->now_ms, from = f->trial_first_ms, window;
	uint32_t replies = f->trial_tries, lost, came, lost_before, came_before;
	struct tried none = { 0, 0 };
	struct stall *s;
	double chance;

	if (f->trial_tries < STALL_ECHO_MIN || now - f->trial_last_ms > STALL_FORGET_MS)
		return;
	window = from > LEDGER_WINDOW_MS ? from - LEDGER_WINDOW_MS : 0;
	ledger_loss(rx, from, now, &lost, &came, NULL);
	ledger_loss(rx, window, from ? from - 1 : 0, &lost_before, &came_before, NULL);
	/* The gap of the last reply shows only with the next packet. */
	replies--;
	chance = chance_gaps_of_others(replies, (struct tried){ lost, came },
				       (struct tried){ lost_before, came_before }, none);
	if (chance > 1.0 / ECHO_ODDS_MIN && chance < ECHO_ODDS_MIN)
		return;
	s = stall_add(chance < 1.0 ? rx : tx, f,
		      &(struct stall){ .kind = EVIDENCE_ECHO_LOST,
				       .outer = outer,
				       .tries = f->trial_tries,
				       .first_ms = from,
				       .well_ms = from,
				       .last_ms = f->trial_last_ms,
				       .until_ms = now });
	if (s && chance < 1.0)
		stall_loss(ls, s, tx, rx);
}

/* Somebody beyond the peer says that so much does not fit there. */
static bool flow_is_told(const struct ledgers *ls, const struct flow *f, const struct ledger *tx, uint32_t inner)
{
	return (f->told && inner == f->trial_inner) || ledger_is_told(tx, f->remote, inner, ls->now_ms);
}

/* What its sender is told is too big stalls for that, and says nothing of the path to the peer. */
static void stall_told(const struct ledgers *ls, const struct flow *f, struct ledger *tx)
{
	struct told *t = &tx->told;

	if (!f->told || ls->now_ms - f->trial_last_ms > LEDGER_TOLD_MS ||
	    (t->last_ms && t->first_ms <= f->trial_first_ms))
		return;
	*t = (struct told){ .first_ms = f->trial_first_ms,
			    .last_ms = f->trial_last_ms,
			    .count = f->told,
			    .inner = f->trial_inner,
			    .mtu = f->told_mtu };
	flow_endpoints(&t->flow, f, WIRE_TX);
	t->flow.stalled_ms = ls->now_ms - f->trial_first_ms;
	t->host = t->flow.source.ip;
}

/* Segments under way, if none has arrived: what is acknowledged would be acknowledged again with each that had. */
static uint32_t window_lost(const struct flow *f)
{
	uint32_t bytes = f->tx_end - f->tx_acked;

	if (f->flags & WIRE_FLOW_TX_DUPLICATE || f->trial_inner <= f->headers || f->trial_seq != f->tx_acked)
		return 0;
	return bytes / (f->trial_inner - f->headers);
}

void stall_tx(struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx)
{
	msec_t now = ls->now_ms;
	uint32_t outer = ledger_outer_most(tx, f->trial_inner);

	if (flow_is_told(ls, f, tx, f->trial_inner)) {
		stall_told(ls, f, tx);
		return;
	}
	if (flow_is_echo(f)) {
		stall_echo(ls, f, tx, rx, outer);
		return;
	}
	if (f->trial_tries < STALL_TRIES_MIN || now - f->trial_last_ms > STALL_FORGET_MS || flow_is_refused(f))
		return;
	stall_add(tx, f,
		  &(struct stall){ .kind = EVIDENCE_TCP_RETRANSMIT,
				   .outer = outer,
				   .tries = f->trial_tries,
				   .first_ms = f->trial_first_ms,
				   .last_ms = f->trial_last_ms,
				   .window = window_lost(f) });
}

void stall_given_up(struct ledgers *ls, const struct flow *f, struct ledger *tx)
{
	struct stall found = { .kind = flow_is_echo(f) ? EVIDENCE_ECHO_LOST : EVIDENCE_TCP_RETRANSMIT,
			       .tries = f->tx_lost_tries,
			       .first_ms = f->tx_lost_ms,
			       .last_ms = f->tx_lost_ms,
			       .given_up = true };
	const struct flow_memory *m;

	if (!f->tx_lost_ms || f->tx_lost_tries < STALL_TRIES_MIN || ls->now_ms - f->tx_lost_ms > LEDGER_WINDOW_MS ||
	    f->tx_delivered_ms < f->tx_lost_ms || flow_is_told(ls, f, tx, f->tx_lost_inner))
		return;
	found.outer = ledger_outer_most(tx, f->tx_lost_inner);
	m = flow_memory_find(ls, f->tag);
	if (m && m->given_up_ms == f->tx_lost_ms) {
		/* Of what was tried since, other packets got through just before and after. */
		found.tries_heard = m->given_up_heard + f->tx_lost_tries - m->given_up_tries;
		found.runs = m->given_up_runs + f->tx_lost_tries - m->given_up_tries;
		found.smaller = ledger_outer_least(tx, m->given_up_for);
	}
	stall_add(tx, f, &found);
}
