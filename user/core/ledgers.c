// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From snapshots to ledgers: keeps the ledgers of all paths, enters what WireGuard's counters say, and lets flows.c and
 * subjects.c enter the rest. Called by analysis.c once a snapshot.
 */
#include "ledgers_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS 1000

struct ledgers *ledgers_new(void)
{
	return calloc(1, sizeof(struct ledgers));
}

/* Forgets what was not seen for the window, or everything. */
static void forget(struct ledgers *ls, bool all)
{
	struct session_memory *s, *s_next;
	struct path *p, *p_next;

	HASH_ITER (hh, ls->paths, p, p_next) {
		if (all || ls->now_ms - p->ledger.seen_ms > LEDGER_WINDOW_MS) {
			HASH_DEL(ls->paths, p);
			ledger_free(&p->ledger);
			free(p);
		} else {
			ledger_forget(&p->ledger, ls->now_ms);
		}
	}
	HASH_ITER (hh, ls->sessions, s, s_next) {
		if (all || ls->now_ms - s->seen_ms > LEDGER_WINDOW_MS) {
			HASH_DEL(ls->sessions, s);
			free(s);
		}
	}
	flows_forget(ls, all);
	subjects_forget(ls, all);
}

void ledgers_free(struct ledgers *ls)
{
	if (!ls)
		return;
	forget(ls, true);
	free(ls->list);
	free(ls);
}

struct ledger *ledgers_at(struct ledgers *ls, size_t i)
{
	return i < ls->list_n ? ls->list[i] : NULL;
}

/* A failover to another uplink, or a peer that has roamed to another address. Without a route nothing is known. */
static void note_move(struct ledger *l, const struct peer *peer, msec_t now_ms)
{
	if (!peer->egress_ifindex || !peer->endpoint.ip.family)
		return;
	if (l->egress_ifindex && (l->egress_ifindex != peer->egress_ifindex ||
				  memcmp(&l->endpoint_ip, &peer->endpoint.ip, sizeof(l->endpoint_ip)) != 0))
		l->moved_ms = now_ms;
	l->egress_ifindex = peer->egress_ifindex;
	l->endpoint_ip = peer->endpoint.ip;
}

/* In a handshake, which WireGuard makes anew when nothing is answered, the peer was heard as well. To a second. */
static void note_handshake(struct ledger *l, const struct peer *peer, const struct ledgers *ls)
{
	int64_t ago_s = ls->realtime_ms / SECOND_MS - peer->last_handshake_s;
	msec_t ago_ms = (msec_t)ago_s * SECOND_MS;

	if (peer->last_handshake_s > 0 && ago_s >= 0 && ago_ms < ls->now_ms && ls->now_ms - ago_ms > l->last_heard_ms)
		l->last_heard_ms = ls->now_ms - ago_ms;
}

struct ledger *ledger_get(struct ledgers *ls, const struct link *tunnel, const struct peer *peer,
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
		p->ledger.mtu_known_ms = ls->now_ms;
		p->ledger.direction = direction;
		p->ledger.tunnel_ifindex = tunnel->ifindex;
		p->ledger.has_peer = peer;
		memcpy(p->ledger.public_key, key.public_key, WG_KEY_LEN);
	}
	l = &p->ledger;
	if (l->seen_ms == ls->now_ms)
		return l;
	l->seen_ms = ls->now_ms;
	if (l->tunnel_mtu != tunnel->mtu) {
		l->mtu_changed_ms = l->mtu_known_ms = ls->now_ms;
		l->largest_outer = 0;
	}
	l->tunnel_mtu = l->route_mtu_least = l->route_mtu_most = tunnel->mtu;
	if (tunnel->route_mtu_min && tunnel->route_mtu_min < tunnel->mtu)
		l->route_mtu_least = tunnel->route_mtu_min;
	if (tunnel->route_mtu_max > tunnel->mtu)
		l->route_mtu_most = tunnel->route_mtu_max;
	l->egress_mtu = peer ? peer->egress_mtu : 0;
	l->learned_mtu = peer ? peer->learned_mtu : 0;
	l->has_endpoint = peer && peer->endpoint.ip.family;
	l->kept_alive = peer && peer->keepalive_s;
	if (peer)
		note_move(l, peer, ls->now_ms);
	if (peer && direction == WIRE_RX)
		note_handshake(l, peer, ls);
	l->subjects_n = 0;
	l->told = (struct told){ 0 };
	if (l->unclamped_ms && ls->now_ms - l->unclamped_ms > LEDGER_WINDOW_MS)
		l->unclamped_ms = 0;
	l->outer_family = peer && peer->endpoint.ip.family == AF_INET6 ? AF_INET6 : AF_INET;
	l->stalls_n = l->stalls_total = 0;
	return l;
}

static int session_enter(struct ledgers *ls, const struct snapshot *snap, const struct session *s)
{
	const struct session_value *v = &s->value;
	uint64_t lost =
		v->counter_max - v->counter_first + 1 - v->received; /* below zero if a recording lies: modulo */
	const struct link *tunnel;
	const struct peer *peer;
	struct session_memory *m;
	struct ledger *l;

	peer = inventory_peer_at(&snap->inventory, s->key.family, s->key.remote, s->key.remote_port, s->key.local_port);
	tunnel = peer ? inventory_link(&snap->inventory, peer->tunnel_ifindex) : NULL;
	if (!tunnel)
		return 0;
	HASH_FIND(hh, ls->sessions, &s->key, sizeof(s->key), m);
	if (!m) {
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
	/* The kernel has thrown the entry away and begun another. */
	if (v->received < m->received)
		m->received = m->lost = 0;
	if (l->direction == WIRE_RX && (v->received != m->received || lost != m->lost)) {
		struct history *h = ledger_history(l, ls->now_ms);
		struct loss_tick *tick;

		if (!h)
			return -ENOMEM;
		tick = &h->ticks[h->ticks_next++ % LEDGER_TICKS];
		*tick = (struct loss_tick){ v->last_ms ? v->last_ms : ls->now_ms, lost - m->lost,
					    v->received - m->received };
		ledger_deliver(l, v->size_outer, v->size_ms);
		l->last_heard_ms = v->last_ms > l->last_heard_ms ? v->last_ms : l->last_heard_ms;
	}
	if (l->direction == WIRE_TX && v->size_ms >= l->mtu_changed_ms && v->size_outer > l->largest_outer)
		l->largest_outer = v->size_outer;
	if (l->direction == WIRE_TX && l->hole_outer && v->size_outer >= l->hole_outer)
		l->hole_sent_ms = v->size_ms;
	m->lost = lost;
	m->received = v->received;
	return 0;
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
	HASH_ITER (hh, ls->paths, p, next)
		ls->list[ls->list_n++] = &p->ledger;
	return 0;
}

/* The other direction of a tx ledger; NULL: not known. */
static const struct ledger *way_back(struct ledgers *ls, const struct ledger *l)
{
	struct path_key key;
	struct path *p;

	memset(&key, 0, sizeof(key));
	key.tunnel_ifindex = l->tunnel_ifindex;
	key.direction = WIRE_RX;
	memcpy(key.public_key, l->public_key, WG_KEY_LEN);
	HASH_FIND(hh, ls->paths, &key, sizeof(key), p);
	return p ? &p->ledger : NULL;
}

/* Every peer has its ledgers, whether it has traffic or not. */
static int peers_enter(struct ledgers *ls, const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->inventory.peers_n; i++) {
		const struct peer *p = &snap->inventory.peers[i];
		const struct link *tunnel = inventory_link(&snap->inventory, p->tunnel_ifindex);

		if (tunnel && (!ledger_get(ls, tunnel, p, WIRE_TX) || !ledger_get(ls, tunnel, p, WIRE_RX)))
			return -ENOMEM;
	}
	return 0;
}

int ledgers_step(struct ledgers *ls, const struct snapshot *snap)
{
	int err = 0;

	ls->earlier_ms = ls->before_ms;
	ls->before_ms = ls->now_ms;
	ls->now_ms = snap->now_ms;
	ls->realtime_ms = snap->realtime_ms;
	err = peers_enter(ls, snap);
	for (size_t i = 0; !err && i < snap->sessions_n; i++)
		err = session_enter(ls, snap, &snap->sessions[i]);
	if (!err)
		err = flows_enter(ls, snap);
	if (!err)
		err = subjects_enter(ls, snap);
	if (err)
		return err;
	forget(ls, false);
	err = list_paths(ls);
	if (err)
		return err;
	for (size_t i = 0; i < ls->list_n; i++)
		if (ls->list[i]->seen_ms != ls->now_ms)
			ls->list[i]->stalls_n = ls->list[i]->stalls_total = ls->list[i]->subjects_n = 0;
	for (size_t i = 0; i < ls->list_n; i++) {
		struct ledger *l = ls->list[i];

		l->back = l->direction == WIRE_TX ? way_back(ls, l) : NULL;
		if (l->direction == WIRE_TX)
			l->last_heard_ms = l->back ? l->back->last_heard_ms : 0;
	}
	return stalls_judge(ls, snap);
}
