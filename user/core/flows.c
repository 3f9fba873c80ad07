// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flows into ledgers: what their packets have proven of sizes and of base loss. Called by ledgers.c once a snapshot;
 * stalls_*.c find those that are stalled.
 */
#include "stalls_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "outer.h"

#define OUTAGE_MS	1500	   /* longer than a path of a ping a second is silent */
#define OUTAGE_ALONE	20	   /* otherwise less than one packet in so many is lost */
#define FILL_MS		2000	   /* what was lost is mostly sent again within that time */
#define RTO_USUAL_MS	1000	   /* a segment is repeated first after less than that */
#define FULL_INNER_MIN	1280	   /* senders that look for a path's MTU themselves (RFC 4821) begin below that */
#define PROBES_LOST_MAX 1000	   /* more nobody sends for that: the numbers are of several */
#define TICK_BYTES_MAX	(1U << 30) /* no stream gets on so far in a tick: it is another one */

/*
 * What was lost since then fell into an outage: the path became another one, or packets that the peer sent meanwhile were lost
 * as well, and none came.
 */
static bool in_outage(const struct ledger *rx, msec_t since_ms, msec_t now_ms)
{
	msec_t from_ms, to_ms, window_ms = ledger_known_since_ms(rx, now_ms, LEDGER_WINDOW_MS);
	uint32_t lost, lost_all, came;

	if (rx->moved_ms && rx->moved_ms >= since_ms)
		return true;
	ledger_silence(rx, since_ms, now_ms, &from_ms, &to_ms);
	ledger_loss(rx, from_ms, to_ms, &lost, NULL, NULL);
	ledger_loss(rx, window_ms, now_ms, &lost_all, &came, NULL);
	return to_ms - from_ms >= OUTAGE_MS && lost && (lost_all - lost) * OUTAGE_ALONE <= came;
}

/* When the first of what was repeated since the last snapshot, or is under way since before, was sent. */
static msec_t repeats_since_ms(const struct flow_memory *m, msec_t before_ms)
{
	msec_t ms = m->repeats_ms ? m->repeats_ms : before_ms;

	ms = ms > RTO_USUAL_MS ? ms - RTO_USUAL_MS : 0;
	return m->tries >= STALL_TRIES_MIN && m->trial_ms < ms ? m->trial_ms : ms;
}

/* What is acknowledged was sent first as packets of a size that its sender has given up since: they were lost, these were not. */
static bool of_given_up(const struct flow_memory *m)
{
	return m->given_up_ms && (int32_t)(m->acked - m->given_up_end) < 0;
}

/*
 * What became of the packets that were acknowledged since the last snapshot, as sizes of `inner` bytes. What an outage took says
 * nothing of what the path loses otherwise.
 */
static struct trials acked(const struct ledgers *ls, const struct flow *f, const struct flow_memory *m,
			   const struct ledger *rx)
{
	uint32_t bytes = f->tx_acked - m->acked, headers = flow_headers_min(f), inner = f->tx_delivered_inner;
	struct trials t = { f->tx_delivered - m->trials, f->tx_repeated - m->repeated, 0, 0 };
	uint16_t retried = f->tx_retried - m->retried, again = f->tx_again - m->again;

	if (bytes < TICK_BYTES_MAX && inner > headers && bytes / (inner - headers) > t.delivered)
		t.delivered = bytes / (inner - headers);
	/* Without SACK a time-out makes a sender repeat all that is under way (RFC 2018, 5), lost or not: what held it up was. */
	if (flow_is_echo(f) || f->flags & WIRE_FLOW_NO_SACK)
		t.lost = retried + again;
	if (t.lost && (of_given_up(m) || in_outage(rx, repeats_since_ms(m, ls->before_ms), ls->now_ms)))
		t.lost = retried = 0;
	t.retried = retried;
	t.again = least(again, t.lost);
	return t;
}

/*
 * Of holes that were filled since the last snapshot, those that were losses: each has left a gap in the peer's counters shortly
 * before. What came late has left none.
 */
static uint32_t lost_of_filled(const struct ledgers *ls, const struct ledger *rx, uint32_t filled)
{
	msec_t since_ms = ls->now_ms > FILL_MS ? ls->now_ms - FILL_MS : 0;
	uint32_t gaps, came, told = ledger_trials(rx, 0, since_ms).lost;

	if (!filled)
		return 0;
	ledger_loss(rx, since_ms, ls->now_ms, &gaps, &came, NULL);
	return !came ? filled : gaps > told ? least(filled, gaps - told) : 0;
}

/* Of several in one tick only the largest size is known: they pass for that. */
static void trials_enter(struct ledgers *ls, const struct flow *f, struct flow_memory *m, struct ledger *tx,
			 struct ledger *rx)
{
	uint32_t came = f->rx_next - m->rx_next, size = f->rx_delivered_inner;
	uint32_t outer = ledger_outer_least(tx, f->tx_delivered_inner);
	uint32_t twice = f->tx_twice > m->twice ? f->tx_twice - m->twice : 0;
	struct trials t;

	if (f->tx_delivered >= m->trials && f->tx_repeated >= m->repeated && f->tx_delivered_ms) {
		t = acked(ls, f, m, rx);
		ledger_try(tx, outer, ls->now_ms, t);
		m->lost += t.lost;
		if (t.lost)
			m->lost_outer = outer;
	}
	/* What arrived twice was not lost. */
	twice = least(twice, m->lost);
	m->lost -= twice;
	ledger_found(tx, m->lost_outer, ls->now_ms, twice);
	if (size && came && came < TICK_BYTES_MAX && f->rx_filled >= m->rx_filled)
		ledger_try(
			rx, ledger_outer_least(rx, size), ls->now_ms,
			(struct trials){ came / size + 1, lost_of_filled(ls, rx, f->rx_filled - m->rx_filled), 0, 0 });
}

/* Of a flow that is new, or a connection that has the ports of an earlier one. */
static void memory_begin(struct flow_memory *m, const struct flow *f, msec_t before_ms)
{
	const UT_hash_handle hh = m->hh;

	interruption_end(m);
	*m = (struct flow_memory){ .tag = f->tag, .first_ms = f->first_ms, .hh = hh };
	if (f->first_ms >= before_ms)
		return;
	/* What an old flow has been through may be older than the window. */
	m->trials = f->tx_delivered;
	m->retried = f->tx_retried;
	m->again = f->tx_again;
	m->acked = f->tx_acked;
	m->repeated = f->tx_repeated;
	m->twice = f->tx_twice;
	m->rx_next = f->rx_next;
	m->rx_filled = f->rx_filled;
	m->flags = f->flags;
}

/* A side's numbers are counted from the first that was seen of them, in whatever snapshot that was. */
static void memory_number(struct flow_memory *m, const struct flow *f)
{
	uint16_t known = f->flags & ~m->flags;

	if (known & WIRE_FLOW_TX_KNOWN)
		m->acked = f->tx_first;
	if (known & WIRE_FLOW_RX_KNOWN)
		m->rx_next = f->rx_first;
	m->flags = f->flags;
}

/* What was known of the tries of a size while they lasted. */
static void memory_give_up(struct flow_memory *m, const struct flow *f)
{
	if (f->tx_lost_ms != m->given_up_ms) {
		m->given_up_ms = f->tx_lost_ms;
		/* Its time-outs have grown longer than a tick: what was tried since the snapshot before, was after giving up. */
		m->given_up_tries = m->tries >= STALL_TRIES_MIN ? least(m->tries, f->tx_lost_tries) : f->tx_lost_tries;
		m->given_up_heard = m->tries_heard;
		m->given_up_runs = m->runs;
		m->given_up_end = f->tx_end;
		m->given_up_for = 0;
	}
	if (f->tx_delivered_ms >= m->given_up_ms && f->tx_delivered_inner > m->given_up_for)
		m->given_up_for = f->tx_delivered_inner;
}

/* What the flow's finished trials say about base loss. */
static int flow_trials(struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx)
{
	struct flow_memory *m = flow_memory_find(ls, f->tag);

	if (!m) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return -ENOMEM;
		m->tag = f->tag;
		HASH_ADD(hh, ls->flows, tag, sizeof(m->tag), m);
		memory_begin(m, f, ls->before_ms);
	} else if (m->first_ms != f->first_ms) {
		memory_begin(m, f, ls->before_ms);
	}
	memory_number(m, f);
	memory_give_up(m, f);
	trials_enter(ls, f, m, tx, rx);
	if (f->rx_next != m->rx_next) {
		m->rx_next = f->rx_next;
		m->rx_next_ms = ls->before_ms;
	}
	/* Which of several tries got through is not known, only that one did. */
	m->tried_ms = f->tx_retried != m->retried ? m->trial_ms : 0;
	m->trials = f->tx_delivered;
	m->retried = f->tx_retried;
	m->again = f->tx_again;
	m->acked = f->tx_acked;
	if (!f->repeated)
		m->repeats_ms = 0;
	else if (!m->repeats_ms || f->tx_repeated > m->repeated)
		m->repeats_ms = ls->before_ms;
	m->repeated = f->tx_repeated;
	m->twice = f->tx_twice;
	m->rx_filled = f->rx_filled;
	m->tries = f->trial_last_ms ? f->trial_tries : 0;
	m->seen_ms = ls->now_ms;
	return 0;
}

/* A size that has arrived at the peer; the same may have been told of the tick before. */
static void size_to_peer(const struct ledgers *ls, const struct flow *f, struct flow_memory *m, struct ledger *tx,
			 uint16_t inner, msec_t ms)
{
	if (!ms || ms < ls->earlier_ms || ms < m->arrived_ms || (ms == m->arrived_ms && inner <= m->arrived_inner))
		return;
	m->arrived_ms = ms;
	m->arrived_inner = inner;
	ledger_deliver_inner(tx, inner, m->tried_ms ? m->tried_ms : ms, ms);
	ledger_odd_delivers(tx, f->remote, ledger_outer_most(tx, inner));
}

static void size_from_peer(const struct ledgers *ls, struct ledger *rx, uint16_t inner, msec_t ms)
{
	if (!ms || ms < ls->earlier_ms)
		return;
	ledger_deliver_inner(rx, inner, ms, ms);
	if (ms > rx->last_heard_ms)
		rx->last_heard_ms = ms;
}

/* The sizes that the flow's packets have proven since the last snapshot, or while that one was made. */
static void flow_sizes(const struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx)
{
	struct flow_memory *m = flow_memory_find(ls, f->tag);

	if (m) {
		size_to_peer(ls, f, m, tx, f->tx_earlier_inner, f->tx_earlier_ms);
		size_to_peer(ls, f, m, tx, f->tx_delivered_inner, f->tx_delivered_ms);
	}
	size_from_peer(ls, rx, f->rx_earlier_inner, f->rx_earlier_ms);
	size_from_peer(ls, rx, f->rx_delivered_inner, f->rx_delivered_ms);
}

/* What is known of the link that is too small for the flow. An echo's numbers are few, and easily guessed. */
static void flow_told(const struct ledgers *ls, const struct flow *f, struct ledger *tx)
{
	struct flow_memory *m = flow_memory_find(ls, f->tag);
	bool again = f->told && f->trial_last_ms >= ls->before_ms;

	if (!m || f->protocol != IPPROTO_TCP || !f->told_mtu || (f->told_mtu == m->told_mtu && !again))
		return;
	m->told_mtu = f->told_mtu;
	ledger_told_host(tx, f->remote, f->told_mtu, ls->now_ms);
}

/* What limits the size is the announcement of the other host. */
static void full_is_asked(struct full_size *full, const uint8_t other[16])
{
	full->is_asked = true;
	memcpy(full->asked_by, other, sizeof(full->asked_by));
}

/* How large the remote side's packets are when it has more to say than one holds. */
static void full_from_peer(const struct ledgers *ls, const struct flow *f, struct ledger *rx)
{
	uint32_t mss = least(f->mss_local, f->mss_remote), headers = flow_headers_min(f);
	struct full_size full = { .first_ms = f->last_rx_data_ms,
				  .last_ms = f->last_rx_data_ms,
				  .outer = ledger_outer_most(rx, f->rx_cut_inner),
				  .allowed = ledger_outer_most(rx, f->mss_local + headers),
				  .announced = ledger_outer_most(rx, mss + headers) };

	/* Below, unless its connection is limited to that. */
	if ((f->rx_cut_inner < FULL_INNER_MIN && f->rx_cut_inner != mss + headers) || !mss ||
	    f->last_rx_data_ms < ls->before_ms)
		return;
	memcpy(full.host, f->remote, sizeof(full.host));
	if (f->mss_local < f->mss_remote && f->rx_cut_inner == mss + headers)
		full_is_asked(&full, f->local);
	ledger_full(rx, &full);
}

/*
 * The local side announces the MTU of its route, unless a clamp does, and has got through a packet as large as that, or as large as the
 * remote side asks for.
 */
static void full_to_peer(const struct ledgers *ls, const struct flow *f, struct ledger *tx)
{
	uint32_t mss = least(f->mss_local, f->mss_remote), headers = flow_headers_min(f);
	struct full_size full = { .first_ms = f->tx_delivered_ms,
				  .last_ms = f->tx_delivered_ms,
				  .outer = ledger_outer_most(tx, f->tx_delivered_inner),
				  .allowed = ledger_outer_most(tx, f->mss_remote + headers) };

	if (!mss || f->tx_delivered_ms < ls->before_ms ||
	    (f->tx_delivered_inner != mss + headers && f->tx_delivered_inner != f->mss_local + headers))
		return;
	memcpy(full.host, f->local, sizeof(full.host));
	if (f->mss_remote < f->mss_local)
		full_is_asked(&full, f->remote);
	ledger_full(tx, &full);
}

static void endpoint_set(struct ip_endpoint *e, uint8_t family, const uint8_t address[16], uint16_t port)
{
	e->ip.family = family;
	memcpy(e->ip.bytes, address, 16);
	e->port = port;
}

void flow_endpoints(struct finding_flow *flow, const struct flow *f, enum wire_direction direction)
{
	flow->protocol = f->protocol;
	endpoint_set(direction == WIRE_TX ? &flow->source : &flow->destination, f->family, f->local, f->local_port);
	endpoint_set(direction == WIRE_TX ? &flow->destination : &flow->source, f->family, f->remote, f->remote_port);
}

/*
 * Both ends of the connection would send larger packets than the tunnel carries: nobody has clamped either SYN. One from
 * before the MTU was known may be of a time when the tunnel carried more. Ends whose MTUs differ by less than the padding make
 * the same outer sizes. Where the next connection of the same two hosts announces less, there is a clamp.
 */
static void flow_mss(struct ledgers *ls, const struct flow *f, struct ledger *tx)
{
	uint32_t mss = least(f->mss_local, f->mss_remote);
	uint32_t inner = mss + flow_headers_min(f);
	struct finding_flow ends;

	if (!mss || !(f->flags & WIRE_FLOW_ESTABLISHED) || f->first_ms < tx->mtu_known_ms ||
	    f->first_ms < tx->clamped_ms)
		return;
	flow_endpoints(&ends, f, WIRE_TX);
	if (inner > tx->tunnel_mtu + OUTER_PADDING) {
		tx->unclamped_ms = ls->now_ms;
		tx->unclamped_inner = inner;
		tx->unclamped_first_ms = f->first_ms;
		tx->unclamped = ends;
	} else if (tx->unclamped_ms && f->first_ms > tx->unclamped_first_ms &&
		   !memcmp(&ends.source.ip, &tx->unclamped.source.ip, sizeof(ends.source.ip)) &&
		   !memcmp(&ends.destination.ip, &tx->unclamped.destination.ip, sizeof(ends.destination.ip))) {
		tx->unclamped_ms = 0;
		tx->clamped_ms = ls->now_ms;
	}
}

/* A far host that announced more than this end's tunnel carries does so no more: the peer's end has a smaller MTU by now. */
static void flow_announces(struct ledgers *ls, const struct flow *f, struct ledger *rx)
{
	bool same = !memcmp(rx->larger_host, f->remote, sizeof(rx->larger_host));

	if (!f->mss_remote)
		return;
	if (f->mss_remote + flow_headers_min(f) > rx->tunnel_mtu + OUTER_PADDING) {
		if (!same || f->first_ms > rx->larger_ms)
			rx->larger_ms = f->first_ms;
		memcpy(rx->larger_host, f->remote, sizeof(rx->larger_host));
	} else if (same && rx->larger_ms && f->first_ms > rx->larger_ms) {
		rx->larger_ms = 0;
		rx->peer_lowered_ms = ls->now_ms;
	}
}

/*
 * Somebody behind the peer looks for the size that passes, a mtuscope there or a person, and of what is asked much is lost. That says
 * nothing of the path's loss; the requests are numbered.
 */
static void flow_probes(const struct ledgers *ls, const struct flow *f, struct ledger *rx)
{
	struct flow_memory *m = flow_memory_find(ls, f->tag);
	uint32_t lost = f->rx_end - f->rx_first + 1 - f->rx_filled;

	if (!flow_is_echo(f) || !f->rx_filled || !m || f->last_rx_ms == m->probe_ms)
		return;
	m->probes_vary |= m->probe_ms && m->probe_inner != f->rx_cut_inner;
	if (m->probes_vary && lost > m->probes_lost && lost <= PROBES_LOST_MAX) {
		ledger_probes_lost(rx, lost - m->probes_lost, m->probe_ms);
		m->probes_lost = lost;
	}
	m->probe_ms = f->last_rx_ms;
	m->probe_inner = f->rx_cut_inner;
}

/* Idle flows without trouble are most of a busy gateway's: they need no look-up. */
static bool flow_matters(const struct ledgers *ls, const struct flow *f)
{
	return f->last_tx_ms >= ls->before_ms || f->last_rx_ms >= ls->before_ms || f->trial_tries >= STALL_TRIES_MIN ||
	       f->hole_ms || f->tx_lost_ms || flow_answer_due_ms(f) + STALL_FORGET_MS > ls->now_ms;
}

/* When its address became this peer's (AllowedIPs), having been another's; 0: it was not. */
static msec_t flow_moved_ms(struct ledgers *ls, const struct flow *f, const struct ledger *tx)
{
	struct flow_memory *m = flow_memory_find(ls, f->tag);

	if (!m)
		return 0;
	if (m->path && m->path != tx) {
		m->moved_ms = ls->now_ms;
		interruption_end(m);
	}
	m->path = tx;
	return m->moved_ms;
}

/* What stalls it now, if it began on this path. */
static void flow_stalls(struct ledgers *ls, const struct flow *f, struct ledger *tx, struct ledger *rx, msec_t moved_ms)
{
	if (f->trial_last_ms && f->trial_first_ms >= moved_ms)
		stall_tx(ls, f, tx, rx);
	if (f->tx_lost_ms >= moved_ms)
		stall_given_up(ls, f, tx);
	if ((f->hole_ms ? f->hole_ms : flow_answer_due_ms(f)) >= moved_ms)
		stall_rx(ls, f, tx, rx);
	stall_given_up_rx(ls, f, tx, rx);
}

static int flow_enter(struct ledgers *ls, const struct snapshot *snap, const struct flow *f)
{
	const struct link *tunnel = inventory_link(&snap->inventory, f->ifindex);
	const struct peer *peer;
	struct ledger *tx, *rx;
	msec_t moved_ms;
	int err;

	if (!tunnel || tunnel->role != WIRE_ROLE_TUNNEL)
		return 0;
	peer = inventory_peer_for(&snap->inventory, f->ifindex, f->family, f->remote);
	/* Kernel WireGuard drops what no peer takes: nothing to do with size. */
	if (!peer && tunnel->kernel_wireguard)
		return 0;
	tx = ledger_get(ls, tunnel, peer, WIRE_TX);
	rx = ledger_get(ls, tunnel, peer, WIRE_RX);
	if (!tx || !rx || !ledger_history(tx, ls->now_ms) || !ledger_history(rx, ls->now_ms))
		return -ENOMEM;
	err = flow_trials(ls, f, tx, rx);
	if (err)
		return err;
	moved_ms = flow_moved_ms(ls, f, tx);
	if (moved_ms != ls->now_ms)
		flow_sizes(ls, f, tx, rx);
	flow_told(ls, f, tx);
	flow_probes(ls, f, rx);
	full_from_peer(ls, f, rx);
	full_to_peer(ls, f, tx);
	flow_mss(ls, f, tx);
	flow_announces(ls, f, rx);
	if (f->last_tx_ms > tx->used_ms)
		tx->used_ms = f->last_tx_ms;
	if (f->first_ms < tx->well_ms && f->last_rx_ms > tx->remembered_ms && !flow_is_echo(f))
		tx->remembered_ms = f->last_rx_ms;
	flow_stalls(ls, f, tx, rx, moved_ms);
	return 0;
}

int flows_enter(struct ledgers *ls, const struct snapshot *snap)
{
	int err = 0;

	for (size_t i = 0; !err && i < snap->flows_n; i++)
		if (flow_matters(ls, &snap->flows[i]))
			err = flow_enter(ls, snap, &snap->flows[i]);
	return err;
}

void flows_forget(struct ledgers *ls, bool all)
{
	struct flow_memory *f, *next;

	HASH_ITER (hh, ls->flows, f, next) {
		if (all || ls->now_ms - f->seen_ms > LEDGER_WINDOW_MS) {
			HASH_DEL(ls->flows, f);
			interruption_end(f);
			free(f);
		}
	}
}
