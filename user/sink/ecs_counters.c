/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record mtuscope.counters: a whole snapshot in one line. See ecs.c. Lists have no bounds of their own, records do:
 * each list is written from its largest entry on while there is room for it, and "omitted" says what was left out.
 * What is left out does not depend on the buffer: one that is too small is refused.
 */
#define _GNU_SOURCE /* qsort_r */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ecs_internal.h"
#include "sentence.h"
#include "sinks.h"
#include "totals.h"

#define NAME_MAX_BYTES 96   /* of an interface or a reason, escaped */
#define FRAME_MAX      2048 /* bytes: everything that stands around the lists */
#define LINK_MAX       640  /* a link and direction without its sizes */
#define ENTRY_MAX      768  /* an entry of another list */

_Static_assert(2 * WIRE_LINKS * LINK_MAX + FRAME_MAX + 8 * ENTRY_MAX <= SINK_RECORD_MAX, "all links fit, and more");

struct omitted {
	size_t links, peers, tallies, drops, sizes;
};

/* A list of the record, its largest entry first. */
struct list {
	const char *key;
	size_t n;
	void (*put)(struct json_writer *w, const struct snapshot *snap, const struct totals *t, size_t i);
};

/* Writes what does not go beyond `limit` bytes of the record. Returns how many entries are left out. */
static size_t put_list(struct json_writer *w, const struct list *list, const struct snapshot *snap,
		       const struct totals *t, size_t limit)
{
	char text[ENTRY_MAX];
	size_t i;

	json_begin_array(w, list->key);
	for (i = 0; i < list->n; i++) {
		struct json_writer entry;

		json_init(&entry, text, sizeof(text));
		list->put(&entry, snap, t, i);
		if (w->out.len + 1 + entry.out.len > limit)
			break;
		json_put_value(w, NULL, &entry);
	}
	json_end_array(w);
	return list->n - i;
}

static void interface(struct json_writer *w, const char *key, const struct link *link)
{
	json_put_string_cut(w, key, link ? link->name : NULL, IFACE_NAME_LEN, NAME_MAX_BYTES);
}

static void peer_entry(struct json_writer *w, const struct snapshot *snap, const struct totals *t, size_t i)
{
	const struct peer_total *p = &t->peers[i];
	const struct direction_total *rx = &p->direction[WIRE_RX], *tx = &p->direction[WIRE_TX];
	char key[FORMAT_KEY_LEN];

	if (p->peer)
		format_key(key, p->peer->public_key);
	json_begin_object(w, NULL);
	json_put_string(w, "public_key", p->peer ? key : NULL);
	interface(w, "interface", p->peer ? inventory_link(&snap->inventory, p->peer->tunnel_ifindex) : NULL);
	json_begin_object(w, "rx");
	json_put_uint(w, "received", rx->packets);
	json_put_uint(w, "lost", rx->lost);
	json_put_uint(w, "duplicates", rx->duplicates);
	json_put_uint(w, "bytes", rx->bytes);
	json_put_uint(w, "largest", rx->largest);
	json_end_object(w);
	json_begin_object(w, "tx");
	json_put_uint(w, "sent", tx->packets);
	json_put_uint(w, "bytes", tx->bytes);
	json_put_uint(w, "largest", tx->largest);
	json_end_object(w);
	json_end_object(w);
}

/* The address, or null where the tally has none. */
static void tally_address(struct json_writer *w, const char *key, uint8_t family, const uint8_t bytes[16])
{
	static const uint8_t none[16];
	struct ip_address ip = { .family = family };
	char text[FORMAT_IP_LEN];

	memcpy(ip.bytes, bytes, sizeof(ip.bytes));
	json_put_string(w, key, memcmp(bytes, none, sizeof(none)) && format_ip(text, &ip) ? text : NULL);
}

static void tally_ends(struct json_writer *w, const struct wire_tally_key *key)
{
	bool told = key->kind == WIRE_TALLY_TOO_BIG_TX || key->kind == WIRE_TALLY_TOO_BIG_MADE;
	static const uint8_t none[16];

	json_begin_object(w, "remote");
	tally_address(w, "ip", key->family, key->remote);
	json_put_uint_or_null(w, "port", key->port);
	json_end_object(w);
	tally_address(w, "reporter", key->family, told ? none : key->reporter);
	tally_address(w, "destination", key->family, told ? key->reporter : none);
}

static void tally_entry(struct json_writer *w, const struct snapshot *snap, const struct totals *t, size_t i)
{
	const struct wire_tally_key *key = &t->tallies[i]->key;
	const struct tally_value *value = &t->tallies[i]->value;

	json_begin_object(w, NULL);
	json_put_string(w, "kind", tally_kind_name(key->kind));
	json_put_uint(w, "aux", key->aux);
	json_put_uint_or_null(w, "family", key->family == AF_INET ? 4 : key->family == AF_INET6 ? 6 : 0);
	json_put_string(w, "layer", tally_is_inner(&snap->inventory, key) ? "inner" : "outer");
	interface(w, "interface", inventory_link(&snap->inventory, key->ifindex));
	tally_ends(w, key);
	json_put_uint(w, "count", value->count);
	json_begin_object(w, "size");
	json_put_uint_or_null(w, "min", value->size_min);
	json_put_uint_or_null(w, "max", value->size_max);
	json_end_object(w);
	json_end_object(w);
}

static void drop_entry(struct json_writer *w, const struct snapshot *snap, const struct totals *t, size_t i)
{
	(void)snap;
	json_begin_object(w, NULL);
	json_put_string_cut(w, "reason", t->drops[i]->reason, sizeof(t->drops[i]->reason), NAME_MAX_BYTES);
	json_put_uint(w, "count", t->drops[i]->count);
	json_end_object(w);
}

static int by_count(const void *a, const void *b, void *counts)
{
	uint64_t x = ((const __u64 *)counts)[*(const uint16_t *)a];
	uint64_t y = ((const __u64 *)counts)[*(const uint16_t *)b];

	return (x < y) - (x > y);
}

/* Marks the slots to be written: the fullest ones, as long as their text fits into `room` bytes. Returns the rest. */
static size_t choose_sizes(const __u64 *sizes, size_t room, bool chosen[WIRE_SIZE_SLOTS])
{
	uint16_t order[WIRE_SIZE_SLOTS];
	size_t n = 0, i;

	memset(chosen, 0, WIRE_SIZE_SLOTS * sizeof(*chosen));
	for (i = 0; i < WIRE_SIZE_SLOTS; i++)
		if (sizes[i])
			order[n++] = (uint16_t)i;
	qsort_r(order, n, sizeof(*order), by_count, (void *)sizes);
	for (i = 0; i < n; i++) {
		size_t len = (size_t)snprintf(NULL, 0, "[%u,%llu],", order[i] * WIRE_SIZE_STEP, sizes[order[i]]);

		if (len > room)
			break;
		room -= len;
		chosen[order[i]] = true;
	}
	return n - i;
}

static size_t put_sizes(struct json_writer *w, const struct wire_counters *c, size_t limit)
{
	bool chosen[WIRE_SIZE_SLOTS];
	size_t omitted, at;

	json_begin_array(w, "sizes");
	at = w->out.len;
	omitted = choose_sizes(c->sizes, limit > at ? limit - at : 0, chosen);
	for (size_t i = 0; i < WIRE_SIZE_SLOTS; i++) {
		if (!chosen[i])
			continue;
		json_begin_array(w, NULL);
		json_put_uint(w, NULL, i * WIRE_SIZE_STEP);
		json_put_uint(w, NULL, c->sizes[i]);
		json_end_array(w);
	}
	json_end_array(w);
	return omitted;
}

/* The fixed part is at most LINK_MAX bytes; with what closes it all ends at `limit`. Returns the sizes left out. */
static size_t link_entry(struct json_writer *w, const struct link *link, enum wire_direction direction,
			 const struct wire_counters *c, size_t limit)
{
	size_t omitted;

	json_begin_object(w, NULL);
	interface(w, "name", link);
	json_put_string(w, "role", role_name(link ? link->role : WIRE_ROLE_NONE));
	json_put_string(w, "direction", direction_name(direction));
	json_put_uint(w, "packets", c->packets);
	json_put_uint(w, "bytes", c->bytes);
	json_put_uint(w, "wg_packets", c->wg_packets);
	json_put_uint(w, "wg_bytes", c->wg_bytes);
	json_put_uint(w, "oversized", c->oversized);
	json_put_uint(w, "dont_fragment", c->dont_fragment);
	json_begin_object(w, "fragments");
	json_put_uint(w, "first", c->fragments_first);
	json_put_uint(w, "middle", c->fragments_middle);
	json_put_uint(w, "last", c->fragments_last);
	json_end_object(w);
	json_put_uint(w, "unparsed", c->unparsed);
	omitted = put_sizes(w, c, limit - 2);
	json_end_object(w);
	return omitted;
}

/* Up to `limit`: each link and direction gets an equal share of what those before it have left. */
static void put_links(struct json_writer *w, const struct snapshot *snap, size_t limit, struct omitted *omitted)
{
	size_t n = link_sums_make(snap).links_n, left = WIRE_DIRECTIONS * at_most(n, WIRE_LINKS);

	omitted->links = n - at_most(n, WIRE_LINKS);
	json_begin_array(w, "links");
	for (size_t i = 0; i < snap->counters_n && left; i++) {
		const struct link_counters *c = &snap->counters[i];
		const struct link *link = inventory_link(&snap->inventory, c->ifindex);

		for (int d = 0; d < WIRE_DIRECTIONS && link_is_counted(link); d++) {
			size_t share = (limit - w->out.len) / left--;

			omitted->sizes += link_entry(w, link, d, &c->direction[d], w->out.len + share);
		}
	}
	json_end_array(w);
}

static void put_omitted(struct json_writer *w, const struct omitted *o)
{
	json_begin_object(w, "omitted");
	json_put_uint(w, "links", o->links);
	json_put_uint(w, "peers", o->peers);
	json_put_uint(w, "tallies", o->tallies);
	json_put_uint(w, "drops", o->drops);
	json_put_uint(w, "sizes", o->sizes);
	json_end_object(w);
}

/* Of what the links do not need, half is for peers, a quarter for tallies, an eighth for drops; no rest is lost. */
void ecs_counters_object(struct json_writer *w, const struct snapshot *snap, const struct totals *t)
{
	size_t links_max = WIRE_DIRECTIONS * LINK_MAX * at_most(link_sums_make(snap).links_n, WIRE_LINKS);
	const struct list peers = { "peers", t->peers_n, peer_entry };
	const struct list tallies = { "tallies", t->tallies_n, tally_entry };
	const struct list drops = { "drops", t->drops_n, drop_entry };
	size_t start, room = SINK_RECORD_MAX - FRAME_MAX - links_max;
	struct omitted omitted = { 0 };

	json_begin_object(w, "counters");
	json_begin_object(w, "flows");
	json_put_uint(w, "tracked", snap->flows_n);
	json_end_object(w);
	json_begin_object(w, "lost");
	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++)
		json_put_uint(w, loss_name(i), snap->losses[i]);
	json_end_object(w);
	json_begin_object(w, "tcp_probes");
	json_put_uint(w, "arrived", snap->tcp_probes[TCP_PROBE_ARRIVED]);
	json_put_uint(w, "lost", snap->tcp_probes[TCP_PROBE_LOST]);
	json_end_object(w);
	start = w->out.len;
	omitted.peers = put_list(w, &peers, snap, t, start + room / 2);
	omitted.tallies = put_list(w, &tallies, snap, t, start + room / 4 * 3);
	omitted.drops = put_list(w, &drops, snap, t, start + room / 8 * 7);
	put_links(w, snap, start + room + links_max, &omitted);
	put_omitted(w, &omitted);
	json_end_object(w);
}

int sink_ecs_counters(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,
		      const struct sink_options *opt)
{
	struct totals totals;
	struct json_writer w;
	struct sentence said;
	int err;

	(void)opt;
	err = totals_make(&totals, snap);
	if (err)
		return err;
	said = sentence_counters(snap);
	json_init(&w, buf, cap);
	ecs_begin(&w, realtime_ms, "info", said.text, said.len, "metric", "mtuscope.counters");
	json_end_object(&w);
	ecs_own_begin(&w);
	ecs_counters_object(&w, snap, &totals);
	totals_free(&totals);
	return ecs_end(&w);
}
