/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Too-big messages as one line each, and with -v the counters as a table. See text.c. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sentence.h"
#include "sinks.h"
#include "text_internal.h"
#include "totals.h"

#define NAME_WIDTH    16
#define PEERS_SHOWN   20
#define TALLIES_SHOWN 20
#define DROPS_SHOWN   10

static void padded(struct out *o, const char *name, size_t size, size_t width)
{
	size_t from = o->len;

	out_safe(o, name, size);
	for (size_t n = o->len - from; n < width; n++)
		out_char(o, ' ');
}

static void column(struct out *o, int width, uint64_t value)
{
	out_printf(o, " %*" PRIu64, width, value);
}

static void link_line(struct out *o, const struct link *link, enum wire_direction direction,
		      const struct wire_counters *c)
{
	uint64_t fragments = c->fragments_first + c->fragments_middle + c->fragments_last;

	out_string(o, INDENT);
	padded(o, link ? link->name : "?", IFACE_NAME_LEN, NAME_WIDTH);
	out_string(o, direction_name(direction));
	column(o, 12, c->packets);
	column(o, 15, c->bytes);
	column(o, 12, c->wg_packets);
	column(o, 10, c->oversized);
	column(o, 10, fragments);
	column(o, 9, c->unparsed);
	out_char(o, '\n');
}

static void links(struct out *o, const struct snapshot *snap)
{
	out_printf(o, INDENT "%-18s %12s %15s %12s %10s %10s %9s\n", "INTERFACE", "PACKETS", "BYTES", "WIREGUARD",
		   "OVERSIZED", "FRAGMENTS", "UNPARSED");
	for (size_t i = 0; i < at_most(snap->counters_n, WIRE_LINKS); i++) {
		const struct link_counters *c = &snap->counters[i];
		const struct link *link = inventory_link(&snap->inventory, c->ifindex);

		for (int d = 0; d < WIRE_DIRECTIONS && link_is_counted(link); d++)
			link_line(o, link, d, &c->direction[d]);
	}
}

static void left_out(struct out *o, size_t n, size_t shown)
{
	if (n > shown)
		out_printf(o, INDENT "... and %zu more\n", n - shown);
}

static void peers(struct out *o, const struct totals *t)
{
	if (!t->peers_n)
		return;
	out_printf(o, INDENT "%-18s %12s %12s %10s %10s %10s\n", "PEER", "SENT", "RECEIVED", "LOST", "DUPLICATES",
		   "LARGEST");
	for (size_t i = 0; i < at_most(t->peers_n, PEERS_SHOWN); i++) {
		const struct direction_total *rx = &t->peers[i].direction[WIRE_RX];
		const struct direction_total *tx = &t->peers[i].direction[WIRE_TX];
		char key[FORMAT_KEY_LEN] = "unknown ";

		if (t->peers[i].peer)
			format_key(key, t->peers[i].peer->public_key);
		out_printf(o, INDENT "%.*s%-10s", KEY_SHOWN, key, t->peers[i].peer ? "..." : " ");
		column(o, 12, tx->packets);
		column(o, 12, rx->packets);
		column(o, 10, rx->lost);
		column(o, 10, rx->duplicates);
		column(o, 10, rx->largest > tx->largest ? rx->largest : tx->largest);
		out_char(o, '\n');
	}
	left_out(o, t->peers_n, PEERS_SHOWN);
}

static void tallies(struct out *o, const struct snapshot *snap, const struct totals *t)
{
	for (size_t i = 0; i < at_most(t->tallies_n, TALLIES_SHOWN); i++) {
		const struct wire_tally_key *key = &t->tallies[i]->key;
		const struct link *link = inventory_link(&snap->inventory, key->ifindex);
		struct ip_endpoint remote = { .ip.family = key->family, .port = key->port };
		char text[FORMAT_ENDPOINT_LEN];

		memcpy(remote.ip.bytes, key->remote, sizeof(remote.ip.bytes));
		out_printf(o, INDENT "%" PRIu64 " x %s (%u)", (uint64_t)t->tallies[i]->value.count,
			   tally_kind_name(key->kind), key->aux);
		if (key->port ? format_endpoint(text, &remote) : format_ip(text, &remote.ip))
			out_printf(o, "  %s", text);
		if (link) {
			out_string(o, "  ");
			out_safe(o, link->name, sizeof(link->name));
		}
		out_char(o, '\n');
	}
	left_out(o, t->tallies_n, TALLIES_SHOWN);
}

static void drops(struct out *o, const struct totals *t)
{
	for (size_t i = 0; i < at_most(t->drops_n, DROPS_SHOWN); i++) {
		out_printf(o, INDENT "%" PRIu64 " dropped: ", t->drops[i]->count);
		out_safe(o, t->drops[i]->reason, sizeof(t->drops[i]->reason));
		out_char(o, '\n');
	}
	left_out(o, t->drops_n, DROPS_SHOWN);
}

static void tcp_probes(struct out *o, const struct snapshot *snap)
{
	const uint64_t *n = snap->tcp_probes;

	if (n[TCP_PROBE_ARRIVED] || n[TCP_PROBE_LOST])
		out_printf(o,
			   INDENT "TCP's own probing here: %" PRIu64 " larger segments arrived, %" PRIu64 " did not\n",
			   n[TCP_PROBE_ARRIVED], n[TCP_PROBE_LOST]);
}

int sink_text_counters(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,
		       const struct sink_options *opt)
{
	struct totals totals;
	struct out o;
	int err;

	if (!opt || !opt->verbose)
		return 0;
	err = totals_make(&totals, snap);
	if (err)
		return err;
	out_init(&o, buf, cap);
	text_first_columns(&o, realtime_ms, "counters", COLOR_NEUTRAL, opt->color);
	out_printf(&o, "%zu flow%s tracked\n", snap->flows_n, snap->flows_n == 1 ? "" : "s");
	links(&o, snap);
	peers(&o, &totals);
	tallies(&o, snap, &totals);
	drops(&o, &totals);
	tcp_probes(&o, snap);
	totals_free(&totals);
	return out_finish(&o);
}

int sink_text_ptb(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms, const struct sink_options *opt)
{
	struct out o;

	out_init(&o, buf, cap);
	text_first_columns(&o, realtime_ms, "too big", COLOR_NEUTRAL, opt && opt->color);
	out_ptb(&o, p);
	out_char(&o, '\n');
	return out_finish(&o);
}
