// SPDX-License-Identifier: GPL-2.0-or-later
/* See totals.h. */
#include "totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

/* Equal counts by key: the same snapshot gives the same order, whatever the map's. */
static int by_count(const void *a, const void *b)
{
	const struct tally *x = *(const struct tally *const *)a, *y = *(const struct tally *const *)b;
	int order = descending(x->value.count, y->value.count);

	return order ? order : memcmp(&x->key, &y->key, sizeof(x->key));
}

static int drops_by_count(const void *a, const void *b)
{
	const struct drop *x = *(const struct drop *const *)a, *y = *(const struct drop *const *)b;
	int order = descending(x->count, y->count);

	return order ? order : memcmp(x->reason, y->reason, sizeof(x->reason));
}

static uint64_t packets(const struct peer_total *p)
{
	return p->direction[WIRE_RX].packets + p->direction[WIRE_TX].packets;
}

static int by_packets(const void *a, const void *b)
{
	const struct peer_total *x = a, *y = b;
	int order = descending(packets(x), packets(y));

	if (order || x->peer == y->peer)
		return order;
	return (x->peer > y->peer) - (x->peer < y->peer);
}

static void session_add(struct direction_total *d, const struct session_value *s)
{
	uint64_t behind = s->counter_max - s->counter_first;

	d->packets += s->received;
	d->duplicates += s->duplicates;
	d->bytes += s->bytes;
	/* A flood of counters from before the window may be counted as received more often than they can exist. */
	if (s->received <= behind)
		d->lost += behind - s->received + 1;
	if (s->size_outer > d->largest)
		d->largest = s->size_outer;
}

/* Leaves out whoever has no session. */
static size_t compact(struct peer_total *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (packets(&list[i]))
			list[kept++] = list[i];
	return kept;
}

static int peers_make(struct totals *t, const struct snapshot *snap)
{
	const struct inventory *inv = &snap->inventory;
	size_t unknown = inv->peers_n;

	t->peers = calloc(unknown + 1, sizeof(*t->peers));
	if (!t->peers)
		return -ENOMEM;
	for (size_t i = 0; i < inv->peers_n; i++)
		t->peers[i].peer = &inv->peers[i];
	for (size_t i = 0; i < snap->sessions_n; i++) {
		const struct session *s = &snap->sessions[i];
		const struct peer *peer =
			inventory_peer_at(inv, s->key.family, s->key.remote, s->key.remote_port, s->key.local_port);
		struct peer_total *total = &t->peers[peer ? (size_t)(peer - inv->peers) : unknown];

		session_add(&total->direction[s->key.direction ? WIRE_TX : WIRE_RX], &s->value);
	}
	t->peers_n = compact(t->peers, unknown + 1);
	qsort(t->peers, t->peers_n, sizeof(*t->peers), by_packets);
	return 0;
}

bool link_is_counted(const struct link *link)
{
	return !link || link->role != WIRE_ROLE_LAN;
}

int totals_make(struct totals *t, const struct snapshot *snap)
{
	memset(t, 0, sizeof(*t));
	t->tallies = calloc(snap->tallies_n + WIRE_TALLY_KINDS, sizeof(*t->tallies));
	t->drops = calloc(snap->drops_n + 1, sizeof(*t->drops));
	if (!t->tallies || !t->drops || peers_make(t, snap)) {
		totals_free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < snap->tallies_n; i++)
		t->tallies[t->tallies_n++] = &snap->tallies[i];
	for (size_t kind = 0; kind < WIRE_TALLY_KINDS; kind++) {
		t->retired[kind] = (struct tally){ .key.kind = kind, .value.count = snap->retired[kind] };
		if (snap->retired[kind])
			t->tallies[t->tallies_n++] = &t->retired[kind];
	}
	for (size_t i = 0; i < snap->drops_n; i++)
		t->drops[t->drops_n++] = &snap->drops[i];
	qsort(t->tallies, t->tallies_n, sizeof(*t->tallies), by_count);
	qsort(t->drops, t->drops_n, sizeof(*t->drops), drops_by_count);
	return 0;
}

void totals_free(struct totals *t)
{
	free(t->peers);
	free(t->tallies);
	free(t->drops);
	memset(t, 0, sizeof(*t));
}
