// SPDX-License-Identifier: GPL-2.0-or-later
/* See ptb.h. A story is the same direction, layer, reporter, host, destination and MTU, on whatever interface. */
#include "ptb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct story_key {
	uint8_t direction;
	uint8_t family;
	uint8_t inner;
	uint8_t pad;
	uint16_t mtu;
	uint16_t port;
	uint8_t remote[16];
	uint8_t reporter[16];
};

struct story {
	struct story_key key;
	uint64_t total, told; /* messages */
	msec_t told_ms;	      /* 0: never */
	msec_t first_ms, last_ms;
	uint32_t ifindex;
	UT_hash_handle hh;
};

struct ptb_log {
	struct story *stories;
	msec_t interval_ms; /* when it began */
	uint32_t records;   /* in this interval */
	struct ptb others[PTB_DIRECTIONS];
};

struct ptb_log *ptb_log_new(void)
{
	return calloc(1, sizeof(struct ptb_log));
}

/* Forgets the stories that the snapshot no longer has, or all. */
static void forget(struct ptb_log *log, bool all)
{
	struct story *s, *next;

	HASH_ITER (hh, log->stories, s, next) {
		if (all || !s->total) {
			HASH_DEL(log->stories, s);
			free(s);
		}
	}
}

void ptb_log_free(struct ptb_log *log)
{
	if (!log)
		return;
	forget(log, true);
	free(log);
}

static bool is_behind_peer(const struct inventory *inv, uint8_t family, const uint8_t address[16])
{
	for (size_t i = 0; i < inv->links_n; i++)
		if (inv->links[i].role == WIRE_ROLE_TUNNEL &&
		    inventory_peer_for(inv, inv->links[i].ifindex, family, address))
			return true;
	return false;
}

bool tally_is_inner(const struct inventory *inv, const struct wire_tally_key *key)
{
	const struct link *link;

	if (key->tunnel)
		return true;
	switch (key->kind) {
	case WIRE_TALLY_TOO_BIG_TX:
	case WIRE_TALLY_TOO_BIG_MADE:
		return is_behind_peer(inv, key->family, key->reporter);
	case WIRE_TALLY_DROP_TOO_BIG:
		/* Where AllowedIPs take everything, an endpoint is behind a peer as well. */
		link = inventory_link(inv, key->ifindex);
		return (!link || link->role != WIRE_ROLE_UNDERLAY) && is_behind_peer(inv, key->family, key->remote);
	default:
		return false;
	}
}

/* False if the tally is about something else. */
static bool story_key_make(struct story_key *to, const struct inventory *inv, const struct wire_tally_key *from)
{
	memset(to, 0, sizeof(*to));
	switch (from->kind) {
	case WIRE_TALLY_TOO_BIG_RX:
		to->direction = PTB_RX;
		break;
	case WIRE_TALLY_TOO_BIG_TX:
		to->direction = PTB_TX;
		break;
	case WIRE_TALLY_TOO_BIG_MADE:
		to->direction = PTB_MADE;
		break;
	default:
		return false;
	}
	to->family = from->family;
	to->inner = tally_is_inner(inv, from);
	to->mtu = from->aux;
	to->port = from->port;
	memcpy(to->remote, from->remote, sizeof(to->remote));
	memcpy(to->reporter, from->reporter, sizeof(to->reporter));
	return true;
}

/* The story with that key, from now on if it is new; NULL: no memory. */
static struct story *story_get(struct ptb_log *log, const struct story_key *key)
{
	struct story *s;

	HASH_FIND(hh, log->stories, key, sizeof(*key), s);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *key;
	HASH_ADD(hh, log->stories, key, sizeof(s->key), s);
	return s;
}

static void story_add(struct story *s, const struct tally *t)
{
	if (!s->total || t->value.first_ms < s->first_ms)
		s->first_ms = t->value.first_ms;
	if (!s->total || t->value.last_ms >= s->last_ms) {
		s->last_ms = t->value.last_ms;
		s->ifindex = t->key.ifindex;
	}
	s->total += t->value.count;
}

/* Sums up the tallies of the snapshot by story. */
static int stories_collect(struct ptb_log *log, const struct snapshot *snap)
{
	struct story_key key;
	struct story *s;

	for (s = log->stories; s; s = s->hh.next)
		s->total = 0;
	for (size_t i = 0; i < snap->tallies_n; i++) {
		const struct tally *t = &snap->tallies[i];

		if (!t->value.count || !story_key_make(&key, &snap->inventory, &t->key))
			continue;
		s = story_get(log, &key);
		if (!s)
			return -ENOMEM;
		story_add(s, t);
	}
	forget(log, false);
	return 0;
}

static int64_t unix_ms(const struct snapshot *snap, msec_t ms)
{
	return (int64_t)((uint64_t)snap->realtime_ms - (snap->now_ms - ms));
}

static void ip_make(struct ip_address *to, uint8_t family, const uint8_t bytes[16])
{
	to->family = family;
	memcpy(to->bytes, bytes, sizeof(to->bytes));
}

static void ptb_make(struct ptb *p, const struct story *s, const struct snapshot *snap)
{
	const struct link *link = inventory_link(&snap->inventory, s->ifindex);
	const struct story_key *key = &s->key;

	memset(p, 0, sizeof(*p));
	p->direction = key->direction;
	p->family = key->family;
	p->inner = key->inner;
	ip_make(&p->host.ip, key->family, key->remote);
	p->host.port = key->port;
	ip_make(key->direction == PTB_RX ? &p->reporter : &p->destination, key->family, key->reporter);
	p->mtu = key->mtu;
	p->count = s->total - s->told;
	p->stories = 1;
	if (link)
		memcpy(p->interface, link->name, sizeof(p->interface));
	p->first_seen_ms = unix_ms(snap, s->first_ms);
	p->last_seen_ms = unix_ms(snap, s->last_ms);
}

/* One story more is told as it is, two or more without what tells them apart. */
static void others_add(struct ptb *others, const struct ptb *p)
{
	struct ptb sum = {
		.direction = p->direction,
		.count = others->count + p->count,
		.stories = others->stories + 1,
		.first_seen_ms = others->first_seen_ms < p->first_seen_ms ? others->first_seen_ms : p->first_seen_ms,
		.last_seen_ms = others->last_seen_ms > p->last_seen_ms ? others->last_seen_ms : p->last_seen_ms,
	};

	*others = others->stories ? sum : *p;
}

static void others_tell(struct ptb_log *log, ptb_fn fn, void *arg)
{
	for (int i = 0; i < PTB_DIRECTIONS; i++)
		if (log->others[i].stories)
			fn(&log->others[i], arg);
	memset(log->others, 0, sizeof(log->others));
}

static void story_tell(struct ptb_log *log, struct story *s, const struct snapshot *snap, ptb_fn fn, void *arg)
{
	struct ptb p;

	ptb_make(&p, s, snap);
	s->told = s->total;
	s->told_ms = snap->now_ms;
	if (log->records >= PTB_RECORDS_MAX) {
		others_add(&log->others[p.direction], &p);
		return;
	}
	log->records++;
	fn(&p, arg);
}

static bool story_is_due(struct story *s, msec_t now_ms)
{
	/* The map was begun anew, as between two recordings. */
	if (s->total < s->told)
		s->told = 0;
	return s->total > s->told && (!s->told_ms || now_ms - s->told_ms >= PTB_INTERVAL_MS);
}

int ptb_log_step(struct ptb_log *log, const struct snapshot *snap, bool at_end, ptb_fn fn, void *arg)
{
	int err = stories_collect(log, snap);

	if (err)
		return err;
	if (snap->now_ms - log->interval_ms >= PTB_INTERVAL_MS) {
		others_tell(log, fn, arg);
		log->interval_ms = snap->now_ms;
		log->records = 0;
	}
	for (struct story *s = log->stories; s; s = s->hh.next)
		if (story_is_due(s, snap->now_ms) || (at_end && s->total > s->told))
			story_tell(log, s, snap, fn, arg);
	if (at_end)
		others_tell(log, fn, arg);
	return 0;
}
