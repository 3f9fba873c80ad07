// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stalls on the way from the peer: a hole in a stream, silence where an answer is due; and the gaps in the peer's counters
 * that go with them. Called by flows.c for each flow.
 */
#include "stalls_internal.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "order.h"
#include "outer.h"

#define STALL_QUIET_MS	700  /* a hole or a silence shorter than a few round trips and one retransmission is none */
#define TCP_OPTIONS_MAX 40   /* bytes */
#define OVER_MS		1000 /* somebody sends a packet within a second */
#define CLOCK_SLACK_MS	250  /* the programs' clock stands still for a tick: a time may be so much too early */
#define GIVE_UP_MS	(7 * RTO_MIN_MS) /* three repetitions: no sender that looks for holes tries less (RFC 4821, 7.7) */
#define GIVEN_UP_INNER	1279 /* bytes, at most: it begins anew with 1024 (7.2; Linux: sysctl tcp_base_mss) */
#define RESUMED_MS	1000 /* a few round trips: more than one packet has come, and tells its size */

static msec_t ms_before(msec_t ms, uint32_t by)
{
	return ms > by ? ms - by : 0;
}

void stall_loss(const struct ledgers *ls, struct stall *s, const struct ledger *tx, const struct ledger *rx)
{
	msec_t from = ms_before(s->first_ms, CLOCK_SLACK_MS);
	msec_t well =
		ms_before(rx->stalled_ms && rx->stalled_ms < s->well_ms ? rx->stalled_ms : s->well_ms, CLOCK_SLACK_MS);
	msec_t window = ledger_gaps_since_ms(rx, ms_before(well, 1));
	/* Of one that is over all is known. */
	msec_t now = s->given_up ? s->until_ms : ls->now_ms,
	       before = s->given_up ? s->until_ms : ms_before(ls->before_ms, 1);
	/* What is lost after it has ended is of others; the last gap shows with the next packet. */
	msec_t ended = s->until_ms + OVER_MS < before ? s->until_ms + OVER_MS : before;
	uint32_t lost;
	msec_t repeated_ms;

	/* What came in the tick in which a request was sent may be of the transfer before it. */
	ledger_loss(rx, s->first_ms + !s->unfinished, now, NULL, &s->received, NULL);
	/* What is missing since the last snapshot may merely be late, and what has come since then may have been. */
	ledger_loss(rx, from, now, &lost, NULL, NULL);
	ledger_loss(rx, from, before, &s->lost, NULL, &s->lost_ticks);
	if (s->lost > lost)
		s->lost = lost;
	s->lost_at_once = ledger_lost_at_once(rx, from, now);
	if (s->lost_at_once > s->lost)
		s->lost_at_once = s->lost;
	ledger_loss(rx, from, ended, &s->lost_own, NULL, NULL);
	if (s->lost_own > s->lost)
		s->lost_own = s->lost;
	s->repeated = ledger_repetitions(rx, ms_before(s->well_ms, CLOCK_SLACK_MS), ended, &repeated_ms);
	ledger_silence(rx, from, now, &s->silent_from_ms, &s->silent_to_ms);
	s->before = ledger_loss_at_times(rx, window, ms_before(well, 1));
	s->before_there = ledger_trials_at_times(tx, 0, window);
	s->like_before = ledger_trials(rx, s->outer, ledger_loss_since_ms(rx, s->outer, well));
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
		.terse = f->last_rx_data_ms && !f->rx_cut_inner,
		.may_idle = !(f->flags & (WIRE_FLOW_SYN_TX | WIRE_FLOW_RX_MORE)) && f->flags & WIRE_FLOW_RX_RESPONSE,
	};
	return !f->trial_last_ms && now - since <= STALL_FORGET_MS;
}

/* Remembers a stall that lasts long enough for its sender to give up the size. */
static void interruption_follow(struct flow_memory *m, const struct flow *f, const struct stall *s)
{
	if (!m || s->may_idle || s->until_ms < s->first_ms + GIVE_UP_MS)
		return;
	if (!m->interruption)
		m->interruption = calloc(1, sizeof(*m->interruption));
	if (m->interruption)
		*m->interruption = (struct interruption){ *s, f->rx_next, f->rx_cut_inner, 0 };
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
	interruption_follow(flow_memory_find(ls, f->tag), f, s);
}

/* Whether the sender makes smaller packets since then, as one that looks for the path's MTU does. */
static bool is_smaller(const struct interruption *i, const struct flow *f, const struct ledger *rx)
{
	return f->rx_cut_inner <= GIVEN_UP_INNER && (!i->cut_inner || f->rx_cut_inner < i->cut_inner) &&
	       ledger_outer_most(rx, f->rx_cut_inner) < i->stall.outer;
}

void stall_given_up_rx(const struct ledgers *ls, const struct flow *f, const struct ledger *tx, struct ledger *rx)
{
	struct flow_memory *m = flow_memory_find(ls, f->tag);
	struct interruption *i = m ? m->interruption : NULL;

	if (!i || (!i->resumed_ms && f->rx_next == i->rx_next))
		return;
	if (!i->resumed_ms)
		i->resumed_ms = ls->now_ms;
	if (f->rx_cut_inner != i->cut_inner && is_smaller(i, f, rx)) {
		i->stall.given_up = true;
		i->stall.until_ms = i->stall.last_ms = i->resumed_ms;
		i->stall.smaller = ledger_outer_least(rx, f->rx_cut_inner);
		stall_loss(ls, &i->stall, tx, rx);
		ledger_given_up(rx, &i->stall);
		interruption_end(m);
	} else if (f->rx_cut_inner != i->cut_inner || ls->now_ms - i->resumed_ms > RESUMED_MS) {
		interruption_end(m);
	}
}

void stalls_given_up(struct ledger *rx, msec_t now_ms)
{
	for (size_t i = 0; rx->direction == WIRE_RX && rx->history && i < LEDGER_GIVEN_UP; i++) {
		const struct stall *s = &rx->history->given_up[i];

		if (s->outer && s->until_ms >= rx->moved_ms && now_ms - s->until_ms <= LEDGER_WINDOW_MS)
			stall_note(rx, s);
	}
}
