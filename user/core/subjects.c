// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tallies into ledgers: the message ledger. Each tally is followed as a subject, and listed in the ledger of the path that it
 * is about: by the peer's endpoint if it was seen outside the tunnel, by AllowedIPs if inside. Called by ledgers.c.
 */
#include "ledgers_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void follow(struct subject_memory *m, const struct tally *t, msec_t now_ms)
{
	struct subject *s = &m->subject;

	m->seen_ms = now_ms;
	if (t->value.count <= m->total)
		return;
	if (!s->last_ms || now_ms - s->last_ms > SUBJECT_PAUSE_MS) {
		s->first_ms = now_ms;
		s->count = s->ticks = 0;
	}
	s->count += t->value.count - m->total;
	s->ticks++;
	s->last_ms = now_ms;
	/* Which of the two came now is known if it is new, or if they are the same. */
	s->size_now = t->value.size_max > s->size_max ? t->value.size_max : t->value.size_min;
	s->size_min = t->value.size_min;
	s->size_max = t->value.size_max;
	s->told_ticks = t->value.told_ticks;
	s->told_protocol = t->value.told_protocol;
	s->told_first_ms = t->value.told_first_ms;
	s->told_last_ms = t->value.told_last_ms;
	m->total = t->value.count;
}

/* The peer behind which that address is: of the tunnel where it was seen, or of another. */
static const struct peer *peer_inside(const struct snapshot *snap, const struct wire_tally_key *k)
{
	const struct peer *p = inventory_peer_for(&snap->inventory, k->ifindex, k->family, k->remote);

	for (size_t i = 0; !p && i < snap->inventory.links_n; i++) {
		const struct link *l = &snap->inventory.links[i];

		if (l->role == WIRE_ROLE_TUNNEL)
			p = inventory_peer_for(&snap->inventory, l->ifindex, k->family, k->remote);
	}
	return p;
}

static const struct peer *peer_outside(const struct snapshot *snap, const struct wire_tally_key *k)
{
	return k->port ? inventory_peer_at(&snap->inventory, k->family, k->remote, k->port, 0) : NULL;
}

/* Fragments of which the first one, that has the port, was not seen: they may be of any peer at that address. */
static bool is_anyones(const struct wire_tally_key *k)
{
	if (k->port || k->tunnel)
		return false;
	return k->kind == WIRE_TALLY_FRAGMENT_RX || k->kind == WIRE_TALLY_FRAGMENT_TX ||
	       ((k->kind == WIRE_TALLY_REASSEMBLED || k->kind == WIRE_TALLY_REASSEMBLY_TIMEOUT) && !k->aux);
}

/* That of the peer; of none: that in which it was seen, or the first one. */
static const struct link *tunnel_of(const struct snapshot *snap, const struct wire_tally_key *k,
				    const struct peer *peer)
{
	if (peer || k->tunnel)
		return inventory_link(&snap->inventory, peer ? peer->tunnel_ifindex : k->ifindex);
	for (size_t i = 0; i < snap->inventory.links_n; i++)
		if (snap->inventory.links[i].role == WIRE_ROLE_TUNNEL)
			return &snap->inventory.links[i];
	return NULL;
}

/*
 * Whether packets as a too-big message is about may have been sent. Outside: a peer is there, or tc has seen datagrams go there,
 * as to where a peer was before it roamed, or from a host behind here that uses the same port. Inside: a peer takes
 * them, or the peers are not known.
 */
static bool may_be_sent(const struct snapshot *snap, const struct wire_tally_key *k, const struct peer *peer)
{
	const struct link *tunnel = k->tunnel ? tunnel_of(snap, k, NULL) : NULL;

	if (peer || k->tunnel)
		return peer || !tunnel || !tunnel->peers_n;
	for (size_t i = 0; i < snap->sessions_n; i++) {
		const struct wire_session_key *to = &snap->sessions[i].key;

		if (to->direction == WIRE_TX && to->remote_port == k->port && to->family == k->family &&
		    !memcmp(to->remote, k->remote, 16))
			return true;
	}
	return false;
}

/* The path that the subject is about: *peer and direction; false if it is about none. */
static bool subject_path(const struct snapshot *snap, const struct wire_tally_key *k, const struct peer **peer,
			 enum wire_direction *direction)
{
	*direction = WIRE_TX;
	switch (k->kind) {
	case WIRE_TALLY_FRAGMENT_RX:
	case WIRE_TALLY_REASSEMBLED:
	case WIRE_TALLY_REASSEMBLY_TIMEOUT:
	case WIRE_TALLY_HANDSHAKE_RX:
		*direction = WIRE_RX;
		*peer = peer_outside(snap, k);
		return *peer;
	case WIRE_TALLY_FRAGMENTED:
	case WIRE_TALLY_FRAGMENT_FAILED:
	case WIRE_TALLY_FRAGMENT_TX:
	case WIRE_TALLY_SEND_ERROR:
	case WIRE_TALLY_HANDSHAKE_TX:
	case WIRE_TALLY_HANDSHAKE_MADE:
		*peer = peer_outside(snap, k);
		return *peer;
	case WIRE_TALLY_TOO_BIG_RX:
		*peer = k->tunnel ? peer_inside(snap, k) : peer_outside(snap, k);
		return true;
	case WIRE_TALLY_TOO_BIG_MADE:
		/* The host told is `remote`; the packet that was too big was for `reporter`: one of them is behind the peer. */
		if (k->tunnel == WIRE_TUNNEL_SEEN) {
			*peer = inventory_peer_for(&snap->inventory, k->ifindex, k->family, k->reporter);
		} else if (k->tunnel == WIRE_TUNNEL_LEFT) {
			*direction = WIRE_RX;
			*peer = peer_inside(snap, k);
		}
		return *peer;
	case WIRE_TALLY_TOO_BIG_TX:
		*direction = WIRE_RX;
		if (k->tunnel)
			*peer = inventory_peer_for(&snap->inventory, k->ifindex, k->family, k->remote);
		return *peer;
	default:
		return false;
	}
}

/* A place in the list for one more: the latest matter. */
static const struct subject **subject_place(struct ledger *l, const struct subject *s)
{
	const struct subject **oldest = &l->subjects[0];

	if (l->subjects_n < LEDGER_SUBJECTS)
		return &l->subjects[l->subjects_n++];
	for (size_t i = 1; i < LEDGER_SUBJECTS; i++)
		if (l->subjects[i]->last_ms < (*oldest)->last_ms)
			oldest = &l->subjects[i];
	return (*oldest)->last_ms < s->last_ms ? oldest : NULL;
}

/* A peer's first fragment: whatever becomes of the packet, the path carries one of that size. */
static bool is_beginning(const struct wire_tally_key *k)
{
	return k->kind == WIRE_TALLY_FRAGMENT_RX && k->aux == WIRE_FRAGMENT_FIRST;
}

static int list_in(struct ledgers *ls, const struct snapshot *snap, const struct peer *peer,
		   enum wire_direction direction, struct subject *s)
{
	const struct link *tunnel = tunnel_of(snap, &s->key, peer);
	struct ledger *l = tunnel ? ledger_get(ls, tunnel, peer, direction) : NULL;
	const struct subject **place;

	if (!l)
		return tunnel ? -ENOMEM : 0;
	place = subject_place(l, s);
	if (!place)
		return 0;
	*place = s;
	if (s->last_ms == ls->now_ms && is_beginning(&s->key))
		ledger_deliver(l, s->size_now, ls->now_ms);
	if (s->key.kind == WIRE_TALLY_TOO_BIG_RX && s->last_ms == ls->now_ms)
		s->unsent = !may_be_sent(snap, &s->key, peer);
	return 0;
}

static int list_at_address(struct ledgers *ls, const struct snapshot *snap, struct subject *s)
{
	enum wire_direction direction = s->key.kind == WIRE_TALLY_FRAGMENT_TX ? WIRE_TX : WIRE_RX;
	int err = 0;

	for (size_t i = 0; !err && i < snap->inventory.peers_n; i++) {
		const struct peer *p = &snap->inventory.peers[i];

		if (p->endpoint.ip.family == s->key.family && !memcmp(p->endpoint.ip.bytes, s->key.remote, 16))
			err = list_in(ls, snap, p, direction, s);
	}
	return err;
}

/*
 * A message that goes into a tunnel about a packet that was for another tunnel, or another peer: it came out of that one, or was
 * made here for it, and counts there.
 */
static bool is_passed_on(const struct ledgers *ls, const struct subject *into)
{
	const struct wire_tally_key *told = &into->key;

	if (!told->tunnel || !into->told_ticks)
		return false;
	for (const struct subject_memory *m = ls->subjects; m; m = m->hh.next) {
		const struct wire_tally_key *k = &m->subject.key;

		if (k->tunnel != WIRE_TUNNEL_SEEN || k->family != told->family || k->aux != told->aux ||
		    m->subject.last_ms < into->told_first_ms)
			continue;
		if ((k->kind == WIRE_TALLY_TOO_BIG_RX && !memcmp(k->remote, told->reporter, 16)) ||
		    (k->kind == WIRE_TALLY_TOO_BIG_MADE && !memcmp(k->remote, told->remote, 16)))
			return true;
	}
	return false;
}

static int list_subject(struct ledgers *ls, const struct snapshot *snap, struct subject *s)
{
	enum wire_direction direction;
	const struct peer *peer = NULL;

	if (!s->last_ms || ls->now_ms - s->last_ms > LEDGER_WINDOW_MS)
		return 0;
	if (is_anyones(&s->key))
		return list_at_address(ls, snap, s);
	if (s->key.kind == WIRE_TALLY_TOO_BIG_TX && is_passed_on(ls, s))
		return 0;
	return subject_path(snap, &s->key, &peer, &direction) ? list_in(ls, snap, peer, direction, s) : 0;
}

/* Messages made are followed until they leave: the host told knows them by the destination that it had sent to, NAT or not. */
static void messages_leave(struct ledgers *ls, struct subject *left)
{
	for (struct subject_memory *m = ls->subjects; m; m = m->hh.next) {
		struct subject *made = &m->subject;

		if (made->key.kind == WIRE_TALLY_TOO_BIG_MADE && made->key.family == left->key.family &&
		    !memcmp(made->key.remote, left->key.remote, 16) && left->last_ms > made->left_ms)
			made->left_ms = left->last_ms;
	}
}

/* Fragments became a packet: whether they still do is to be seen of those that come from now on. */
static void fragments_whole(struct ledgers *ls, const struct subject *whole)
{
	for (struct subject_memory *m = ls->subjects; m; m = m->hh.next) {
		const struct wire_tally_key *k = &m->subject.key;

		if (k->kind == WIRE_TALLY_FRAGMENT_RX && k->aux == WIRE_FRAGMENTS_ALL &&
		    k->family == whole->key.family && !memcmp(k->remote, whole->key.remote, 16) &&
		    (k->port == whole->key.port || !whole->key.port))
			m->subject.last_ms = 0;
	}
}

static bool is_address(const struct ip_address *ip, uint8_t family, const uint8_t bytes[16])
{
	return ip->family == family && !memcmp(ip->bytes, bytes, 16);
}

/* What a tally says of the messages that the flow's host is told with. NAT may have changed either of the flow's ends. */
static void told_by(struct told *t, const struct subject *s)
{
	const struct ip_endpoint *to = &t->flow.destination;
	const struct wire_tally_key *k = &s->key;

	if (s->last_ms < t->first_ms)
		return;
	switch (k->kind) {
	case WIRE_TALLY_TOO_BIG_RX:
		if (k->tunnel && k->aux == t->mtu && is_address(&to->ip, k->family, k->remote)) {
			t->reporter.family = k->family;
			memcpy(t->reporter.bytes, k->reporter, 16);
		}
		break;
	case WIRE_TALLY_SOURCE_REFUSED:
		if (k->aux == t->mtu && k->family == to->ip.family) {
			t->reporter.family = k->family;
			memcpy(t->reporter.bytes, k->remote, 16);
			t->refused = true;
		}
		break;
	case WIRE_TALLY_TOO_BIG_TX:
		if (k->aux != t->mtu)
			break;
		if (is_address(&t->flow.source.ip, k->family, k->remote)) {
			t->host = t->flow.source.ip;
			t->left = t->itself = true;
		} else if (!t->itself && is_address(&to->ip, k->family, k->reporter)) {
			memcpy(t->host.bytes, k->remote, 16);
			t->left = true;
		}
		break;
	case WIRE_TALLY_TCP_RETRANSMIT:
		/* This machine's own connection: it is told by what comes in. */
		t->left |= is_address(&to->ip, k->family, k->remote) && (!k->port || k->port == to->port);
		break;
	}
}

/* Who tells the hosts that go on, and whether that leaves here, perhaps by one of the links for which there was no room. */
static void told_trace(struct ledgers *ls, const struct snapshot *snap)
{
	for (struct path *p = ls->paths; p; p = p->hh.next) {
		struct told *t = &p->ledger.told;

		if (!t->last_ms)
			continue;
		t->left = snap->inventory.links_n >= WIRE_LINKS;
		for (const struct subject_memory *m = ls->subjects; m; m = m->hh.next)
			told_by(t, &m->subject);
	}
}

static int follow_all(struct ledgers *ls, const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->tallies_n; i++) {
		const struct tally *t = &snap->tallies[i];
		struct subject_memory *m;

		HASH_FIND(hh, ls->subjects, &t->key, sizeof(t->key), m);
		if (!m) {
			m = calloc(1, sizeof(*m));
			if (!m)
				return -ENOMEM;
			m->subject.key = t->key;
			HASH_ADD(hh, ls->subjects, subject.key, sizeof(m->subject.key), m);
		}
		follow(m, t, ls->now_ms);
	}
	return 0;
}

int subjects_enter(struct ledgers *ls, const struct snapshot *snap)
{
	int err = follow_all(ls, snap);

	for (struct subject_memory *m = ls->subjects; m; m = m->hh.next) {
		if (m->subject.last_ms != ls->now_ms)
			continue;
		if (m->subject.key.kind == WIRE_TALLY_TOO_BIG_TX)
			messages_leave(ls, &m->subject);
		else if (m->subject.key.kind == WIRE_TALLY_TOO_BIG_MADE && snap->inventory.links_n >= WIRE_LINKS)
			m->subject.left_ms = ls->now_ms; /* perhaps by one of the links for which there was no room */
		else if (m->subject.key.kind == WIRE_TALLY_REASSEMBLED &&
			 (m->subject.key.port || is_anyones(&m->subject.key)))
			fragments_whole(ls, &m->subject);
	}
	for (struct subject_memory *m = ls->subjects; !err && m; m = m->hh.next)
		if (m->seen_ms == ls->now_ms)
			err = list_subject(ls, snap, &m->subject);
	told_trace(ls, snap);
	return err;
}

/* As long as the kernel's map: a shorter memory would count it anew, a longer one would take a new count for the old. */
void subjects_forget(struct ledgers *ls, bool all)
{
	struct subject_memory *m, *next;

	HASH_ITER (hh, ls->subjects, m, next) {
		if (all || m->seen_ms != ls->now_ms) {
			HASH_DEL(ls->subjects, m);
			free(m);
		}
	}
}
