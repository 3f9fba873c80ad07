// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stalls on the way from the peer: a hole in a stream, silence where an answer is due; and the gaps in the peer's counters
 * that go with them. Called by flows.c for each flow.
 */
#include "stalls_internal.h"

#include <netinet/in.h>

#include "outer.h"

#define STALL_QUIET_MS	700 /* a hole or a silence shorter than a few round trips and one retransmission is none */
#define TCP_OPTIONS_MAX 40  /* bytes */
#define CLOCK_SLACK_MS	250 /* the programs' clock stands still for a tick: a time may be so much too early */

static msec_t ms_before(msec_t ms, uint32_t by)
{
	return ms > by ? ms - by : 0;
}

void stall_loss(const struct ledgers *ls, struct stall *s, const struct ledger *tx, const struct ledger *rx)
{
	msec_t from = ms_before(s->first_ms, CLOCK_SLACK_MS);
	msec_t well =
		ms_before(rx->stalled_ms && rx->stalled_ms < s->well_ms ? rx->stalled_ms : s->well_ms, CLOCK_SLACK_MS);
	msec_t window = ledger_known_since_ms(rx, well, LEDGER_WINDOW_MS);
	struct trials there = ledger_trials(tx, 0, window);
	uint32_t gaps, came, lost;
	msec_t repeated_ms;

	/* What came in the tick in which a request was sent may be of the transfer before it. */
	ledger_loss(rx, s->first_ms + !s->unfinished, ls->now_ms, NULL, &s->received, NULL);
	/* What is missing since the last snapshot may merely be late, and what has come since then may have been. */
	ledger_loss(rx, from, ls->now_ms, &lost, NULL, NULL);
	ledger_loss(rx, from, ms_before(ls->before_ms, 1), &s->lost, NULL, &s->lost_ticks);
	if (s->lost > lost)
		s->lost = lost;
	s->lost_at_once = ledger_lost_at_once(rx, from, ls->now_ms);
	if (s->lost_at_once > s->lost)
		s->lost_at_once = s->lost;
	s->repeated = ledger_repetitions(rx, ms_before(s->well_ms, CLOCK_SLACK_MS), ms_before(ls->before_ms, 1),
					 &repeated_ms);
	ledger_silence(rx, from, ls->now_ms, &s->silent_from_ms, &s->silent_to_ms);
	ledger_loss(rx, window, ms_before(well, 1), &gaps, &came, NULL);
	s->lost_before = gaps + there.lost;
	s->received_before = came + there.delivered;
	s->like_before = ledger_trials(rx, s->outer, ledger_loss_since_ms(rx, s->outer, ls->now_ms));
	s->all_before = ledger_trials(rx, 0, window);
	/* When it was no longer idle is known by that alone. */
	if (s->may_idle && repeated_ms > s->first_ms)
		s->first_ms = repeated_ms;
}

/*
 * The largest outer size that the remote side may send on this flow. What the local side announced bounds it, and what it
 * announced itself: that is its own MTU (RFC 6691). A hole as long as two of its segments is one of two segments.
 */
static uint32_t segment_bound(const struct flow *f, const struct ledger *rx, uint32_t payload)
{
	uint32_t headers = flow_headers_min(f), inner = rx->tunnel_mtu, largest;

	if (f->mss_local)
		inner = (f->mss_remote && f->mss_remote < f->mss_local ? f->mss_remote : f->mss_local) + headers;
	largest = payload + (f->headers ? f->headers : headers + TCP_OPTIONS_MAX);
	if (payload && largest < inner)
		inner = largest;
	return ledger_outer_most(rx, inner);
}

static msec_t latest(msec_t a, msec_t b)
{
	return a > b ? a : b;
}

msec_t flow_answer_due_ms(const struct flow *f)
{
	bool remote_serves = f->flags & WIRE_FLOW_SYN_TX;

	if (f->hole_ms || (f->flags & WIRE_FLOW_RX_SHUT))
		return 0;
	if (f->flags & WIRE_FLOW_RX_MORE)
		return f->last_rx_data_ms;
	if ((f->flags & (WIRE_FLOW_CLOSED | WIRE_FLOW_ABORTED)) == WIRE_FLOW_CLOSED ||
	    (!remote_serves && !f->mss_remote))
		return 0;
	if (remote_serves && (f->flags & WIRE_FLOW_TX_REQUEST))
		return f->last_tx_data_ms;
	if (remote_serves && (f->flags & WIRE_FLOW_RX_RESPONSE))
		return 0;
	return latest(latest(f->first_ms, f->last_tx_data_ms), f->last_rx_data_ms);
}

/* When the stream from the remote side last went on, as far as is known. */
static msec_t stream_went_on_ms(const struct ledgers *ls, const struct flow *f)
{
	const struct flow_memory *m = flow_memory_find(ls, f->tag);

	return m ? m->rx_next_ms : 0;
}

/* Whether something should have come by now. */
static bool is_overdue(const struct ledgers *ls, const struct flow *f, const struct ledger *rx, struct stall *found)
{
	/* A hole that is being filled from its beginning is no stall. */
	msec_t now = ls->now_ms,
	       since = f->hole_ms ? latest(f->hole_ms, stream_went_on_ms(ls, f)) : flow_answer_due_ms(f);
	msec_t until = f->flags & WIRE_FLOW_RESET ? latest(f->last_tx_ms, f->last_rx_ms) : now;

	if (!since || until < since + STALL_QUIET_MS)
		return false;
	if (f->hole_ms) {
		*found = (struct stall){ .kind = EVIDENCE_TCP_HOLE,
					 .outer = segment_bound(f, rx, f->hole_end - f->rx_next),
					 .tries = 1,
					 .first_ms = since,
					 .last_ms = f->last_rx_ms,
					 .until_ms = until };
		return now - f->last_rx_ms <= STALL_FORGET_MS;
	}
	*found = (struct stall){
		.kind = EVIDENCE_TCP_SILENCE,
		.outer = segment_bound(f, rx, 0),
		.first_ms = since,
		.last_ms = until,
		.until_ms = until,
		.unfinished = f->flags & WIRE_FLOW_RX_MORE,
		.of_server = f->flags & WIRE_FLOW_SYN_TX,
		.may_idle = !(f->flags & (WIRE_FLOW_SYN_TX | WIRE_FLOW_RX_MORE)) && f->flags & WIRE_FLOW_RX_RESPONSE,
	};
	return !f->trial_last_ms && now - since <= STALL_FORGET_MS;
}

void stall_rx(struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx)
{
	struct stall found, *s;

	/* Where a hole is left, a refusal was of something that came after it. */
	if (flow_is_echo(f) || (flow_is_refused(f) && !f->hole_ms) || !(f->flags & WIRE_FLOW_ESTABLISHED) ||
	    !is_overdue(ls, f, rx, &found))
		return;
	/* What shows a hole may have been sent later; but not much, or the silence before would have been a stall by itself. */
	found.well_ms = latest(stream_went_on_ms(ls, f), ms_before(found.first_ms, STALL_QUIET_MS));
	if (found.well_ms > found.first_ms)
		found.well_ms = found.first_ms;
	s = stall_add(rx, f, &found);
	if (!s)
		return;
	stall_loss(ls, s, tx, rx);
	s->tries += s->lost;
}
