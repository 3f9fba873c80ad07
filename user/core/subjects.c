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
	s->size_min = t->value.size_min;
	s->size_max = t->value.size_max;
	m->total = t->value.count;
}

static const struct peer *peer_inside(const struct snapshot *snap, uint8_t family, const uint8_t address[16])
{
	for (size_t i = 0; i < snap->inventory.links_n; i++) {
		const struct link *l = &snap->inventory.links[i];
		const struct peer *p = NULL;

		if (l->role == WIRE_ROLE_TUNNEL)
			p = inventory_peer_for(&snap->inventory, l->ifindex, family, address);
		if (p)
			return p;
	}
	return NULL;
}

static const struct peer *peer_outside(const struct snapshot *snap, const struct wire_tally_key *k)
{
	if (k->port)
		return inventory_peer_at(&snap->inventory, k->family, k->remote, k->port, 0);
	/* A fragment has no port. */
	for (size_t i = 0; i < snap->inventory.peers_n; i++) {
		const struct peer *p = &snap->inventory.peers[i];

		if (p->endpoint.ip.family == k->family && !memcmp(p->endpoint.ip.bytes, k->remote, 16))
			return p;
	}
	return NULL;
}

static const struct link *first_tunnel(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->inventory.links_n; i++)
		if (snap->inventory.links[i].role == WIRE_ROLE_TUNNEL)
			return &snap->inventory.links[i];
	return NULL;
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
	case WIRE_TALLY_PMTU_LEARNED:
		*peer = peer_outside(snap, k);
		return *peer;
	case WIRE_TALLY_TOO_BIG_RX:
		*peer = k->tunnel ? peer_inside(snap, k->family, k->remote) : peer_outside(snap, k);
		return true;
	case WIRE_TALLY_TOO_BIG_MADE:
	case WIRE_TALLY_TOO_BIG_TX:
		/* The host told is `remote`; the packet that was too big was for `reporter`, behind the peer. */
		*peer = peer_inside(snap, k->family, k->reporter);
		return *peer;
	default:
		return false;
	}
}

static int list_subject(struct ledgers *ls, const struct snapshot *snap, const struct subject *s)
{
	enum wire_direction direction;
	const struct link *tunnel;
	const struct peer *peer = NULL;
	struct ledger *l;

	if (!s->last_ms || ls->now_ms - s->last_ms > LEDGER_WINDOW_MS ||
	    !subject_path(snap, &s->key, &peer, &direction))
		return 0;
	tunnel = peer ? inventory_link(&snap->inventory, peer->tunnel_ifindex) : first_tunnel(snap);
	if (!tunnel)
		return 0;
	l = ledger_get(ls, tunnel, peer, direction);
	if (!l)
		return -ENOMEM;
	if (l->subjects_n < LEDGER_SUBJECTS)
		l->subjects[l->subjects_n++] = s;
	return 0;
}

int subjects_enter(struct ledgers *ls, const struct snapshot *snap)
{
	int err = 0;

	for (size_t i = 0; !err && i < snap->tallies_n; i++) {
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
		err = list_subject(ls, snap, &m->subject);
	}
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
