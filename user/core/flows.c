// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flows into ledgers: what their packets have proven, and which of them are stalled at which size. Called by ledgers.c
 * once a snapshot.
 */
#include "ledgers_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "outer.h"

#define TRIES_MIN	2   /* a segment sent that often is worth a look; the detectors ask for more */
#define STALL_ECHO_MIN	2   /* echo requests of one size in a row without a reply */
#define STALL_QUIET_MS	700 /* rx: a hole or a silence shorter than a few round trips and one retransmission is none */
#define STALL_FORGET_MS 30000 /* no further try for so long: the sender has given up, nothing is stalled any more */
#define HEARD_BEFORE_MS 1000  /* the host was alive so shortly before that dying just then would be a coincidence */
#define ECHO_LATE_MS	2000  /* an answer so long after the last request in vain is of another time */
#define ECHO_ODDS_MIN	20    /* the direction in which an echo was lost is told if it is so much likelier */
#define RX_TICK_MAX	(1U << 30) /* no stream gets on so far in a tick: it is another one */
#define KNOWN_MIN	40	   /* packets that say something about base loss: of fewer none may be lost by luck */
#define MSS_SLACK	16  /* ends whose MTUs differ by less than WireGuard's padding make the same outer sizes */
#define CLOCK_SLACK_MS	250 /* the programs' clock stands still for a tick: a time may be so much too early */

/* Of several in one tick only the largest size is known: they pass for that. */
static void trials_enter(struct ledgers *ls, const struct wire_flow *f, const struct flow_memory *m, struct ledger *tx,
			 struct ledger *rx)
{
	uint32_t came = f->rx_next - m->rx_next, size = f->rx_delivered_inner;

	if (f->tx_delivered > m->trials && f->tx_retried >= m->retried)
		ledger_try(tx, outer_size(f->tx_delivered_inner, tx->tunnel_mtu, tx->outer_family), ls->now_ms,
			   f->tx_delivered - m->trials, f->tx_retried - m->retried);
	if (m->rx_next && size && came && came < RX_TICK_MAX)
		ledger_try(rx, size + outer_overhead(rx->outer_family), ls->now_ms, came / size + 1, 0);
}

/* What the flow's finished trials say about base loss. */
static int flow_trials(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx, struct ledger *rx)
{
	struct flow_memory *m;

	HASH_FIND(hh, ls->flows, &f->tag, sizeof(f->tag), m);
	if (!m) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return -ENOMEM;
		m->tag = f->tag;
		HASH_ADD(hh, ls->flows, tag, sizeof(m->tag), m);
		/* What an old flow has been through may be older than the window. */
		if (f->first_ms < ls->before_ms) {
			m->trials = f->tx_delivered;
			m->retried = f->tx_retried;
		}
	}
	trials_enter(ls, f, m, tx, rx);
	if (f->tx_lost_ms != m->given_up_ms) {
		m->given_up_ms = f->tx_lost_ms;
		m->given_up_heard = m->tries_heard;
	}
	if (f->rx_next != m->rx_next) {
		m->rx_next = f->rx_next;
		m->rx_next_ms = ls->before_ms;
	}
	/* Which of several tries got through is not known, only that one did. */
	m->passed_ms = f->tx_retried > m->retried && m->trial_ms ? m->trial_ms : f->tx_delivered_ms;
	m->trials = f->tx_delivered;
	m->retried = f->tx_retried;
	m->seen_ms = ls->now_ms;
	return 0;
}

/* The sizes that the flow's packets have proven since the last snapshot. */
static void flow_sizes(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx, struct ledger *rx)
{
	const struct flow_memory *m;

	HASH_FIND(hh, ls->flows, &f->tag, sizeof(f->tag), m);
	if (m && f->tx_delivered_ms && f->tx_delivered_ms >= ls->before_ms)
		ledger_deliver_between(tx, outer_size(f->tx_delivered_inner, tx->tunnel_mtu, tx->outer_family),
				       m->passed_ms, f->tx_delivered_ms);
	/* How far the peer pads depends on its own MTU: the datagram was not smaller than this. */
	if (f->rx_delivered_ms && f->rx_delivered_ms >= ls->before_ms) {
		ledger_deliver(rx, f->rx_delivered_inner + outer_overhead(rx->outer_family), f->rx_delivered_ms, 1);
		if (f->rx_delivered_ms > rx->last_heard_ms)
			rx->last_heard_ms = f->rx_delivered_ms;
	}
}

static void endpoint_set(struct ip_endpoint *e, uint8_t family, const uint8_t address[16], uint16_t port)
{
	e->ip.family = family;
	memcpy(e->ip.bytes, address, 16);
	e->port = port;
}

static void flow_endpoints(struct finding_flow *flow, const struct wire_flow *f, enum wire_direction direction)
{
	flow->protocol = f->protocol;
	endpoint_set(direction == WIRE_TX ? &flow->source : &flow->destination, f->family, f->local, f->local_port);
	endpoint_set(direction == WIRE_TX ? &flow->destination : &flow->source, f->family, f->remote, f->remote_port);
}

/* A new stall in the ledger, NULL if it has enough of them. */
static struct stall *stall_add(struct ledger *l, const struct wire_flow *f, enum evidence_kind kind, uint32_t outer,
			       uint32_t tries, uint32_t first_ms, uint32_t last_ms)
{
	struct stall *s;

	l->stalls_total++;
	if (l->stalls_n == LEDGER_STALLS)
		return NULL;
	s = &l->stalls[l->stalls_n++];
	*s = (struct stall){ .kind = kind, .outer = outer, .tries = tries, .first_ms = first_ms, .last_ms = last_ms };
	flow_endpoints(&s->flow, f, l->direction);
	memcpy(s->host, f->remote, 16);
	s->tag = f->tag;
	s->delivered_ms = f->tx_delivered_ms;
	s->flow_first_ms = f->first_ms;
	s->flow_heard_ms = f->last_rx_ms;
	return s;
}

static bool is_echo(const struct wire_flow *f)
{
	return f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6;
}

static void stall_loss(struct stall *s, const struct ledger *rx, uint32_t now_ms)
{
	uint32_t lost_before, came_before, from = s->first_ms > CLOCK_SLACK_MS ? s->first_ms - CLOCK_SLACK_MS : 0;
	uint32_t window = from > LEDGER_WINDOW_MS ? from - LEDGER_WINDOW_MS : 0, like, retried;
	double rate;

	ledger_loss(rx, from, now_ms, &s->lost, &s->received, &s->lost_ticks);
	ledger_loss(rx, window, from ? from - 1 : 0, &lost_before, &came_before, NULL);
	rate = chance_loss_rate(lost_before, (uint64_t)lost_before + came_before);
	s->chance = chance_so_many(s->lost, rate * (s->lost + s->received));
	s->known = came_before >= KNOWN_MIN;
	/* At worst all gaps are of packets of that size. */
	ledger_trials(rx, s->outer, window, &like, &retried);
	s->rate = chance_loss_rate(lost_before, (uint64_t)lost_before + (like < came_before ? like : came_before));
	ledger_silence(rx, from, now_ms, &s->silent_from_ms, &s->silent_to_ms);
}

/*
 * Echo requests without replies: either the requests were lost, or the replies, which then have left as many gaps in the
 * peer's counters, besides those of plain loss. Where neither is much likelier than the other, nothing is said.
 */
static void stall_echo(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx, struct ledger *rx,
		       uint32_t outer)
{
	uint32_t now = ls->now_ms, from = f->trial_first_ms, replies = f->trial_tries, window;
	uint32_t lost, came, lost_before, came_before;
	struct stall *s;
	double odds;

	if (f->trial_tries < STALL_ECHO_MIN || now - f->trial_last_ms > STALL_FORGET_MS)
		return;
	window = from > LEDGER_WINDOW_MS ? from - LEDGER_WINDOW_MS : 0;
	ledger_loss(rx, from, now, &lost, &came, NULL);
	ledger_loss(rx, window, from ? from - 1 : 0, &lost_before, &came_before, NULL);
	/* The gap of the last reply shows only with the next packet. */
	replies--;
	odds = chance_odds_lost_here(lost, replies,
				     chance_loss_rate(lost_before, lost_before + came_before) * (lost + came));
	if (odds > 1.0 / ECHO_ODDS_MIN && odds < ECHO_ODDS_MIN)
		return;
	s = stall_add(odds > 1.0 ? rx : tx, f, EVIDENCE_ECHO_LOST, outer, f->trial_tries, from, f->trial_last_ms);
	if (s && odds > 1.0)
		stall_loss(s, rx, now);
}

/* tx: the oldest unacknowledged segment is sent again and again, or echo requests of a size stay without reply. */
static void stall_tx(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx, struct ledger *rx)
{
	uint32_t now = ls->now_ms, outer = outer_size(f->trial_inner, tx->tunnel_mtu, tx->outer_family);

	if (is_echo(f)) {
		stall_echo(ls, f, tx, rx, outer);
		return;
	}
	if (f->trial_tries < TRIES_MIN || now - f->trial_last_ms > STALL_FORGET_MS || (f->flags & WIRE_FLOW_RESET))
		return;
	stall_add(tx, f, EVIDENCE_TCP_RETRANSMIT, outer, f->trial_tries, f->trial_first_ms, f->trial_last_ms);
}

/* tx: the sender gave a size up for a smaller one (RFC 4821), and the smaller one got through. */
static void stall_given_up(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx)
{
	struct flow_memory *m;
	struct stall *s;

	if (!f->tx_lost_ms || f->tx_lost_tries < TRIES_MIN || ls->now_ms - f->tx_lost_ms > LEDGER_WINDOW_MS ||
	    f->tx_delivered_ms <= f->tx_lost_ms)
		return;
	s = stall_add(tx, f, is_echo(f) ? EVIDENCE_ECHO_LOST : EVIDENCE_TCP_RETRANSMIT,
		      outer_size(f->tx_lost_inner, tx->tunnel_mtu, tx->outer_family), f->tx_lost_tries, f->tx_lost_ms,
		      f->tx_lost_ms);
	if (!s)
		return;
	s->given_up = true;
	/* What was known of the tries while they lasted. */
	HASH_FIND(hh, ls->flows, &f->tag, sizeof(f->tag), m);
	s->tries_heard = m && m->given_up_ms == f->tx_lost_ms ? m->given_up_heard : 0;
}

/* The largest outer size that the remote side may send on this flow: what the local side announced bounds it. */
static uint32_t segment_bound(const struct wire_flow *f, const struct ledger *rx, uint32_t payload)
{
	uint32_t headers = (f->family == AF_INET6 ? 40 : 20) + 20, inner = rx->tunnel_mtu, largest;

	if (f->mss_local)
		inner = f->mss_local + headers;
	largest = payload + (f->headers > headers ? f->headers : headers);
	if (payload && largest < inner)
		inner = largest;
	return outer_size(inner, 0, rx->outer_family);
}

/*
 * Since when the remote side owes a word; 0: it owes none. One that was asked owes an answer to each request, if it is the
 * server; a client owes none, it may idle after an answer. Either has had something to say if it has said
 * nothing at all since the handshake.
 */
static uint32_t answer_due_ms(const struct wire_flow *f)
{
	bool remote_serves = f->flags & WIRE_FLOW_SYN_TX;

	if (f->hole_ms || (f->flags & WIRE_FLOW_CLOSED) || (!remote_serves && !f->mss_remote))
		return 0;
	if (remote_serves && (f->flags & WIRE_FLOW_TX_REQUEST) && f->last_tx_data_ms > f->last_rx_data_ms)
		return f->last_tx_data_ms;
	if (f->flags & WIRE_FLOW_RX_RESPONSE)
		return 0;
	return f->last_tx_data_ms > f->first_ms ? f->last_tx_data_ms : f->first_ms;
}

/* Since when the hole begins with the same byte: one that is being filled from its beginning is no stall. */
static uint32_t hole_since_ms(const struct ledgers *ls, const struct wire_flow *f)
{
	struct flow_memory *m;

	HASH_FIND(hh, ls->flows, &f->tag, sizeof(f->tag), m);
	return m && m->rx_next_ms > f->hole_ms ? m->rx_next_ms : f->hole_ms;
}

/* rx: a hole in the stream from the remote side that stays open, or silence where an answer is due to what is acknowledged. */
static void stall_rx(struct ledgers *ls, const struct wire_flow *f, struct ledger *rx)
{
	uint32_t now = ls->now_ms;
	struct stall *s = NULL;

	if (is_echo(f) || (f->flags & WIRE_FLOW_RESET) || !(f->flags & WIRE_FLOW_ESTABLISHED))
		return;
	if (f->hole_ms && now - hole_since_ms(ls, f) >= STALL_QUIET_MS && now - f->last_rx_ms <= STALL_FORGET_MS) {
		s = stall_add(rx, f, EVIDENCE_TCP_HOLE, segment_bound(f, rx, f->hole_end - f->rx_next), 1,
			      hole_since_ms(ls, f), f->last_rx_ms);
	} else if (!f->trial_last_ms && answer_due_ms(f) && now - answer_due_ms(f) >= STALL_QUIET_MS &&
		   now - answer_due_ms(f) <= STALL_FORGET_MS) {
		s = stall_add(rx, f, EVIDENCE_TCP_SILENCE, segment_bound(f, rx, 0), 0, answer_due_ms(f), now);
	}
	if (!s)
		return;
	stall_loss(s, rx, now);
	s->tries += s->lost;
}

/* The far hosts of stalled flows, to find out once for all of them when each was last heard. */
struct host {
	struct {
		uint32_t tunnel_ifindex;
		uint8_t address[16];
	} key;
	uint32_t heard_ms;
	uint32_t echo_ms; /* when it last answered an echo request, of any size */
	UT_hash_handle hh;
};

static struct host *host_find(struct host *hosts, uint32_t tunnel_ifindex, const uint8_t address[16])
{
	struct host probe, *found;

	probe.key.tunnel_ifindex = tunnel_ifindex;
	memcpy(probe.key.address, address, 16);
	HASH_FIND(hh, hosts, &probe.key, sizeof(probe.key), found);
	return found;
}

static void hosts_free(struct host *hosts)
{
	struct host *h, *next;

	HASH_ITER (hh, hosts, h, next) {
		HASH_DEL(hosts, h);
		free(h);
	}
}

static int hosts_of_stalls(struct ledgers *ls, struct host **hosts)
{
	for (size_t i = 0; i < ls->list_n; i++) {
		for (size_t j = 0; j < ls->list[i]->stalls_n; j++) {
			const struct ledger *l = ls->list[i];
			struct host *h = host_find(*hosts, l->tunnel_ifindex, l->stalls[j].host);

			if (h)
				continue;
			h = calloc(1, sizeof(*h));
			if (!h)
				return -ENOMEM;
			h->key.tunnel_ifindex = l->tunnel_ifindex;
			memcpy(h->key.address, l->stalls[j].host, 16);
			HASH_ADD(hh, *hosts, key, sizeof(h->key), h);
		}
	}
	return 0;
}

static void stall_alive(struct stall *s, const struct ledger *l, uint32_t host_ms, uint32_t peer_ms)
{
	if (s->given_up || host_ms > s->last_ms)
		s->alive = ALIVE_HOST;
	else if (host_ms && host_ms + HEARD_BEFORE_MS >= s->first_ms)
		s->alive = ALIVE_UNTIL_THEN;
	else if (peer_ms > s->last_ms)
		s->alive = ALIVE_PEER;
	s->flow.stalled_ms = l->seen_ms - s->first_ms;
}

/*
 * An outage loses every try while it lasts, and when it is over the far side is heard at once, the next try comes seconds
 * later. Of the tries made between two times that the far side was heard, it can explain one run: the longest.
 */
static void stall_heard(struct ledgers *ls, struct stall *s, uint32_t heard_ms)
{
	struct flow_memory *m;
	uint32_t silent;

	HASH_FIND(hh, ls->flows, &s->tag, sizeof(s->tag), m);
	if (!m || s->given_up)
		return;
	if (m->trial_ms != s->first_ms || s->tries < m->seen_tries) {
		m->trial_ms = m->heard_ms = s->first_ms;
		m->heard_tries = m->seen_tries = m->silent_tries = 0;
	}
	silent = s->tries - m->heard_tries;
	if (silent < m->silent_tries)
		silent = m->silent_tries;
	if (heard_ms > m->heard_ms) {
		/* Whether the tries since the last snapshot came before or after that is not known: they count for both runs. */
		m->heard_ms = heard_ms;
		m->heard_tries = m->seen_tries;
		m->silent_tries = silent;
	}
	m->seen_tries = s->tries;
	s->tries_heard = m->tries_heard = s->tries - silent;
}

/* Both ends of the connection would send larger packets than the tunnel carries: nobody has clamped either SYN. */
static void flow_mss(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx)
{
	uint32_t mss = f->mss_local < f->mss_remote ? f->mss_local : f->mss_remote;
	uint32_t inner = mss + (f->family == AF_INET6 ? 40 : 20) + 20;

	if (!mss || !(f->flags & WIRE_FLOW_ESTABLISHED) || f->first_ms < tx->mtu_changed_ms ||
	    inner <= tx->tunnel_mtu + MSS_SLACK)
		return;
	tx->unclamped_ms = ls->now_ms;
	tx->unclamped_inner = inner;
	flow_endpoints(&tx->unclamped, f, WIRE_TX);
}

/* Idle flows without trouble are most of a busy gateway's: they need no look-up. */
static bool flow_matters(const struct ledgers *ls, const struct wire_flow *f)
{
	return f->last_tx_ms >= ls->before_ms || f->last_rx_ms >= ls->before_ms || f->trial_tries >= TRIES_MIN ||
	       f->hole_ms || f->tx_lost_ms || answer_due_ms(f);
}

static int flow_enter(struct ledgers *ls, const struct snapshot *snap, const struct wire_flow *f)
{
	const struct link *tunnel = inventory_link(&snap->inventory, f->ifindex);
	const struct peer *peer;
	struct ledger *tx, *rx;
	int err;

	if (!tunnel || tunnel->role != WIRE_ROLE_TUNNEL)
		return 0;
	peer = inventory_peer_for(&snap->inventory, f->ifindex, f->family, f->remote);
	/* Kernel WireGuard drops what no peer takes: nothing to do with size. */
	if (!peer && tunnel->kernel_wireguard)
		return 0;
	tx = ledger_get(ls, tunnel, peer, WIRE_TX);
	rx = ledger_get(ls, tunnel, peer, WIRE_RX);
	if (!tx || !rx)
		return -ENOMEM;
	err = flow_trials(ls, f, tx, rx);
	if (err)
		return err;
	flow_sizes(ls, f, tx, rx);
	flow_mss(ls, f, tx);
	if (f->last_tx_ms > tx->used_ms)
		tx->used_ms = f->last_tx_ms;
	if (f->trial_last_ms)
		stall_tx(ls, f, tx, rx);
	stall_given_up(ls, f, tx);
	stall_rx(ls, f, rx);
	return 0;
}

int stalls_judge(struct ledgers *ls, const struct snapshot *snap)
{
	struct host *hosts = NULL;
	int err = hosts_of_stalls(ls, &hosts);

	for (size_t i = 0; hosts && !err && i < snap->flows_n; i++) {
		const struct wire_flow *f = &snap->flows[i];
		struct host *h = host_find(hosts, f->ifindex, f->remote);

		if (h && f->rx_delivered_ms > h->heard_ms)
			h->heard_ms = f->rx_delivered_ms;
		if (h && is_echo(f) && f->tx_delivered_ms > h->echo_ms)
			h->echo_ms = f->tx_delivered_ms;
	}
	for (size_t i = 0; !err && i < ls->list_n; i++) {
		struct ledger *l = ls->list[i];

		for (size_t j = 0; j < l->stalls_n; j++) {
			struct stall *s = &l->stalls[j];
			const struct host *h = host_find(hosts, l->tunnel_ifindex, s->host);
			uint32_t host_ms = h->heard_ms;

			/* A host that answered no echo meanwhile says nothing by its silence: it may have been told to. */
			if (s->kind == EVIDENCE_ECHO_LOST)
				host_ms = s->given_up || h->echo_ms <= s->last_ms + ECHO_LATE_MS ? h->echo_ms : 0;
			stall_alive(s, l, host_ms, l->last_heard_ms);
			if (l->direction == WIRE_TX)
				stall_heard(ls, s, host_ms > s->first_ms ? host_ms : l->last_heard_ms);
		}
	}
	hosts_free(hosts);
	return err;
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
			free(f);
		}
	}
}
