// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From snapshots to ledgers: finds the path of each session and flow, enters what got through, and lists the
 * flows that are stalled. Called by analysis.c once a snapshot.
 */
#include "ledger.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "chance.h"
#include "outer.h"

#define TRIES_MIN	  2    /* a segment sent that often is worth a look; the detectors ask for more */
#define STALL_ECHO_MIN	  2    /* echo requests of one size in a row without a reply */
#define STALL_QUIET_MS	  700  /* rx: a hole or a silence shorter than a few round trips and one retransmission is none */
#define STALL_FORGET_MS	  30000 /* no further try for so long: the sender has given up, nothing is stalled any more */
#define HEARD_BEFORE_MS	  1000 /* the host was alive so shortly before that dying just then would be a coincidence */
#define CLOCK_SLACK_MS	  250  /* the programs' clock stands still for a tick: a time may be so much too early */

struct path_key {
	uint32_t tunnel_ifindex;
	uint8_t public_key[WG_KEY_LEN];
	uint32_t direction;
};

struct path {
	struct path_key key;
	struct ledger ledger;
	UT_hash_handle hh;
};

struct session_memory {
	struct wire_session_key key;
	int64_t lost;
	uint64_t received;
	uint32_t seen_ms;
	UT_hash_handle hh;
};

struct flow_memory {
	uint64_t tag;
	uint32_t trials, retried;
	uint32_t seen_ms;
	UT_hash_handle hh;
};

struct ledgers {
	struct path *paths;
	struct session_memory *sessions;
	struct flow_memory *flows;
	struct ledger **list; /* of paths, for ledgers_at() */
	size_t list_n, list_cap;
	uint32_t now_ms;
	uint32_t before_ms; /* of the snapshot before */
};

struct ledgers *ledgers_new(void)
{
	return calloc(1, sizeof(struct ledgers));
}

void ledgers_free(struct ledgers *ls)
{
	struct session_memory *s, *s_next;
	struct flow_memory *f, *f_next;
	struct path *p, *p_next;

	if (!ls)
		return;
	HASH_ITER(hh, ls->paths, p, p_next) {
		HASH_DEL(ls->paths, p);
		free(p);
	}
	HASH_ITER(hh, ls->sessions, s, s_next) {
		HASH_DEL(ls->sessions, s);
		free(s);
	}
	HASH_ITER(hh, ls->flows, f, f_next) {
		HASH_DEL(ls->flows, f);
		free(f);
	}
	free(ls->list);
	free(ls);
}

struct ledger *ledgers_at(struct ledgers *ls, size_t i)
{
	return i < ls->list_n ? ls->list[i] : NULL;
}

/* The ledger of a path, made if need be; `peer` NULL: a tunnel whose peers are not known. NULL: no memory. */
static struct ledger *ledger_get(struct ledgers *ls, const struct link *tunnel, const struct peer *peer,
				 enum wire_direction direction)
{
	struct path_key key;
	struct ledger *l;
	struct path *p;

	memset(&key, 0, sizeof(key));
	key.tunnel_ifindex = tunnel->ifindex;
	key.direction = direction;
	if (peer)
		memcpy(key.public_key, peer->public_key, WG_KEY_LEN);
	HASH_FIND(hh, ls->paths, &key, sizeof(key), p);
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		p->key = key;
		HASH_ADD(hh, ls->paths, key, sizeof(key), p);
		p->ledger.tunnel_mtu = tunnel->mtu;
		p->ledger.direction = direction;
		p->ledger.tunnel_ifindex = tunnel->ifindex;
		p->ledger.has_peer = peer;
		memcpy(p->ledger.public_key, key.public_key, WG_KEY_LEN);
	}
	l = &p->ledger;
	if (l->seen_ms == ls->now_ms)
		return l;
	l->seen_ms = ls->now_ms;
	if (l->tunnel_mtu != tunnel->mtu)
		l->mtu_changed_ms = ls->now_ms;
	l->tunnel_mtu = tunnel->mtu;
	l->egress_mtu = peer ? peer->egress_mtu : 0;
	l->outer_family = peer && peer->endpoint.ip.family == AF_INET6 ? AF_INET6 : AF_INET;
	l->stalls_n = l->stalls_total = 0;
	return l;
}

static int session_enter(struct ledgers *ls, const struct snapshot *snap, const struct session *s)
{
	const struct wire_session *v = &s->value;
	int64_t lost = (int64_t)(v->counter_max - v->counter_first + 1) - (int64_t)v->received;
	const struct link *tunnel;
	const struct peer *peer;
	struct session_memory *m;
	struct loss_tick *tick;
	struct ledger *l;
	bool fresh;

	peer = inventory_peer_at(&snap->inventory, s->key.family, s->key.remote, s->key.remote_port,
				 s->key.local_port);
	tunnel = peer ? inventory_link(&snap->inventory, peer->tunnel_ifindex) : NULL;
	if (!tunnel)
		return 0;
	HASH_FIND(hh, ls->sessions, &s->key, sizeof(s->key), m);
	fresh = !m;
	if (fresh) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return -ENOMEM;
		m->key = s->key;
		HASH_ADD(hh, ls->sessions, key, sizeof(m->key), m);
	}
	l = ledger_get(ls, tunnel, peer, s->key.direction ? WIRE_TX : WIRE_RX);
	if (!l)
		return -ENOMEM;
	m->seen_ms = ls->now_ms;
	if (l->direction == WIRE_RX && (v->received != m->received || lost != m->lost)) {
		tick = &l->ticks[l->ticks_next++ % LEDGER_TICKS];
		*tick = (struct loss_tick){ v->last_ms ? v->last_ms : ls->now_ms, lost - m->lost,
					    v->received - m->received };
		ledger_deliver(l, v->size_outer, v->size_ms, tick->received);
		l->last_heard_ms = v->last_ms > l->last_heard_ms ? v->last_ms : l->last_heard_ms;
	}
	m->lost = lost;
	m->received = v->received;
	return 0;
}

/* What the flow's finished trials say about base loss. */
static int flow_trials(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx)
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
	if (f->tx_delivered >= m->trials && f->tx_retried >= m->retried) {
		tx->trials += f->tx_delivered - m->trials;
		tx->retries += f->tx_retried - m->retried;
	}
	m->trials = f->tx_delivered;
	m->retried = f->tx_retried;
	m->seen_ms = ls->now_ms;
	return 0;
}

/* The sizes that the flow's packets have proven since the last snapshot. */
static void flow_sizes(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx, struct ledger *rx)
{
	if (f->tx_delivered_ms && f->tx_delivered_ms >= ls->before_ms)
		ledger_deliver(tx, outer_size(f->tx_delivered_inner, tx->tunnel_mtu, tx->outer_family),
			       f->tx_delivered_ms, 1);
	if (f->rx_delivered_ms && f->rx_delivered_ms >= ls->before_ms) {
		ledger_deliver(rx, outer_size(f->rx_delivered_inner, 0, rx->outer_family), f->rx_delivered_ms, 1);
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
	s->flow.protocol = f->protocol;
	endpoint_set(l->direction == WIRE_TX ? &s->flow.source : &s->flow.destination, f->family, f->local,
		     f->local_port);
	endpoint_set(l->direction == WIRE_TX ? &s->flow.destination : &s->flow.source, f->family, f->remote,
		     f->remote_port);
	memcpy(s->host, f->remote, 16);
	return s;
}

static bool is_echo(const struct wire_flow *f)
{
	return f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6;
}

static void stall_loss(struct stall *s, const struct ledger *rx, uint32_t now_ms)
{
	uint32_t lost_before, came_before, from = s->first_ms > CLOCK_SLACK_MS ? s->first_ms - CLOCK_SLACK_MS : 0;
	uint32_t window = from > LEDGER_WINDOW_MS ? from - LEDGER_WINDOW_MS : 0;

	ledger_loss(rx, from, now_ms, &s->lost, &s->received, &s->lost_ticks);
	ledger_loss(rx, window, from ? from - 1 : 0, &lost_before, &came_before, NULL);
	s->chance = chance_so_many(s->lost, chance_loss_rate(lost_before, lost_before + came_before) *
						    (s->lost + s->received));
}

/* tx: the oldest unacknowledged segment is sent again and again, or echo requests of a size stay without reply. */
static void stall_tx(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx, struct ledger *rx)
{
	uint32_t now = ls->now_ms, lost_rx, outer = outer_size(f->trial_inner, tx->tunnel_mtu, tx->outer_family);
	struct stall *s;

	if (is_echo(f)) {
		if (f->trial_tries < STALL_ECHO_MIN || now - f->trial_last_ms > STALL_FORGET_MS)
			return;
		/* A reply that was lost on its way here has left a gap in the peer's counters. */
		ledger_loss(rx, f->trial_first_ms, now, &lost_rx, NULL, NULL);
		s = stall_add(lost_rx + 1 >= f->trial_tries ? rx : tx, f, EVIDENCE_ECHO_LOST, outer, f->trial_tries,
			      f->trial_first_ms, f->trial_last_ms);
		if (s && lost_rx + 1 >= f->trial_tries)
			stall_loss(s, rx, now);
		return;
	}
	if (f->trial_tries >= TRIES_MIN && now - f->trial_last_ms <= STALL_FORGET_MS &&
	    !(f->flags & WIRE_FLOW_RESET))
		stall_add(tx, f, EVIDENCE_TCP_RETRANSMIT, outer, f->trial_tries, f->trial_first_ms, f->trial_last_ms);
}

/* tx: the sender gave a size up for a smaller one (RFC 4821), and the smaller one got through. */
static void stall_given_up(struct ledgers *ls, const struct wire_flow *f, struct ledger *tx)
{
	struct stall *s;

	if (!f->tx_lost_ms || f->tx_lost_tries < TRIES_MIN || ls->now_ms - f->tx_lost_ms > LEDGER_WINDOW_MS ||
	    f->tx_delivered_ms <= f->tx_lost_ms)
		return;
	s = stall_add(tx, f, is_echo(f) ? EVIDENCE_ECHO_LOST : EVIDENCE_TCP_RETRANSMIT,
		      outer_size(f->tx_lost_inner, tx->tunnel_mtu, tx->outer_family), f->tx_lost_tries, f->tx_lost_ms,
		      f->tx_lost_ms);
	if (s)
		s->given_up = true;
}

/* The largest outer size that the remote side may send on this flow: what the local side announced bounds it. */
static uint32_t segment_bound(const struct wire_flow *f, const struct ledger *rx, uint32_t payload)
{
	uint32_t headers = (f->family == AF_INET6 ? 40 : 20) + 20, inner = rx->tunnel_mtu;

	if (f->mss_local)
		inner = f->mss_local + headers;
	if (payload && payload + headers < inner)
		inner = payload + (f->headers > headers ? f->headers : headers);
	return outer_size(inner, 0, rx->outer_family);
}

/* rx: a hole in the stream from the remote side that stays open, or silence where an answer is due. */
static void stall_rx(struct ledgers *ls, const struct wire_flow *f, struct ledger *rx)
{
	uint32_t now = ls->now_ms;
	struct stall *s = NULL;

	if (is_echo(f) || (f->flags & WIRE_FLOW_RESET) || !(f->flags & WIRE_FLOW_ESTABLISHED))
		return;
	if (f->hole_ms && now - f->hole_ms >= STALL_QUIET_MS && now - f->last_rx_ms <= STALL_FORGET_MS) {
		s = stall_add(rx, f, EVIDENCE_TCP_HOLE, segment_bound(f, rx, f->hole_end - f->rx_next), 1, f->hole_ms,
			      f->last_rx_ms);
	} else if (!f->hole_ms && !(f->flags & WIRE_FLOW_CLOSED) && (f->flags & WIRE_FLOW_TX_REQUEST) &&
		   f->last_tx_data_ms > f->last_rx_data_ms &&
		   now - f->last_tx_data_ms >= STALL_QUIET_MS && now - f->last_tx_data_ms <= STALL_FORGET_MS) {
		s = stall_add(rx, f, EVIDENCE_TCP_SILENCE, segment_bound(f, rx, 0), 0, f->last_tx_data_ms, now);
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

	HASH_ITER(hh, hosts, h, next) {
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
	if (s->given_up || host_ms > s->first_ms)
		s->alive = ALIVE_HOST;
	else if (host_ms && host_ms + HEARD_BEFORE_MS >= s->first_ms)
		s->alive = ALIVE_UNTIL_THEN;
	else if (peer_ms > s->first_ms)
		s->alive = ALIVE_PEER;
	s->flow.stalled_ms = l->seen_ms - s->first_ms;
}

/* Idle flows without trouble are most of a busy gateway's: they need no look-up. */
static bool flow_matters(const struct ledgers *ls, const struct wire_flow *f)
{
	return f->last_tx_ms >= ls->before_ms || f->last_rx_ms >= ls->before_ms || f->trial_tries >= TRIES_MIN ||
	       f->hole_ms || f->tx_lost_ms || f->last_tx_data_ms > f->last_rx_data_ms;
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
	err = flow_trials(ls, f, tx);
	if (err)
		return err;
	flow_sizes(ls, f, tx, rx);
	if (f->trial_last_ms)
		stall_tx(ls, f, tx, rx);
	stall_given_up(ls, f, tx);
	stall_rx(ls, f, rx);
	return 0;
}

static void forget(struct ledgers *ls)
{
	struct session_memory *s, *s_next;
	struct flow_memory *f, *f_next;
	struct path *p, *p_next;

	HASH_ITER(hh, ls->paths, p, p_next) {
		if (ls->now_ms - p->ledger.seen_ms > LEDGER_WINDOW_MS) {
			HASH_DEL(ls->paths, p);
			free(p);
		}
	}
	HASH_ITER(hh, ls->sessions, s, s_next) {
		if (ls->now_ms - s->seen_ms > LEDGER_WINDOW_MS) {
			HASH_DEL(ls->sessions, s);
			free(s);
		}
	}
	HASH_ITER(hh, ls->flows, f, f_next) {
		if (ls->now_ms - f->seen_ms > LEDGER_WINDOW_MS) {
			HASH_DEL(ls->flows, f);
			free(f);
		}
	}
}

static int list_paths(struct ledgers *ls)
{
	struct path *p, *next;
	size_t n = HASH_COUNT(ls->paths);

	if (n > ls->list_cap) {
		struct ledger **list = realloc(ls->list, n * sizeof(*list));

		if (!list)
			return -ENOMEM;
		ls->list = list;
		ls->list_cap = n;
	}
	ls->list_n = 0;
	HASH_ITER(hh, ls->paths, p, next)
		ls->list[ls->list_n++] = &p->ledger;
	return 0;
}

/* When the peer of a ledger was last heard: rx ledgers know, a tx ledger asks its sibling. */
static uint32_t heard_ms(struct ledgers *ls, const struct ledger *l)
{
	struct path_key key;
	struct path *p;

	memset(&key, 0, sizeof(key));
	key.tunnel_ifindex = l->tunnel_ifindex;
	key.direction = WIRE_RX;
	memcpy(key.public_key, l->public_key, WG_KEY_LEN);
	HASH_FIND(hh, ls->paths, &key, sizeof(key), p);
	return p ? p->ledger.last_heard_ms : 0;
}

static int stalls_judge(struct ledgers *ls, const struct snapshot *snap)
{
	struct host *hosts = NULL;
	int err = hosts_of_stalls(ls, &hosts);

	for (size_t i = 0; hosts && !err && i < snap->flows_n; i++) {
		const struct wire_flow *f = &snap->flows[i];
		struct host *h = host_find(hosts, f->ifindex, f->remote);

		if (h && f->rx_delivered_ms > h->heard_ms)
			h->heard_ms = f->rx_delivered_ms;
	}
	for (size_t i = 0; !err && i < ls->list_n; i++) {
		struct ledger *l = ls->list[i];

		for (size_t j = 0; j < l->stalls_n; j++)
			stall_alive(&l->stalls[j], l, host_find(hosts, l->tunnel_ifindex, l->stalls[j].host)->heard_ms,
				    heard_ms(ls, l));
	}
	hosts_free(hosts);
	return err;
}

int ledgers_step(struct ledgers *ls, const struct snapshot *snap)
{
	int err = 0;

	ls->before_ms = ls->now_ms;
	ls->now_ms = snap->now_ms;
	for (size_t i = 0; !err && i < snap->sessions_n; i++)
		err = session_enter(ls, snap, &snap->sessions[i]);
	for (size_t i = 0; !err && i < snap->flows_n; i++)
		if (flow_matters(ls, &snap->flows[i]))
			err = flow_enter(ls, snap, &snap->flows[i]);
	if (err)
		return err;
	forget(ls);
	err = list_paths(ls);
	if (err)
		return err;
	for (size_t i = 0; i < ls->list_n; i++)
		if (ls->list[i]->seen_ms != ls->now_ms)
			ls->list[i]->stalls_n = ls->list[i]->stalls_total = 0;
	return stalls_judge(ls, snap);
}
