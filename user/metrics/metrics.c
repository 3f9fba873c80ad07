/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See metrics.h. Two series with the same labels make a scraper refuse all of them, so none may come twice. */
#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "ptb.h"
#include "totals.h"

#define NAME_LABEL_LEN (4 * IFACE_NAME_LEN + 1)

/* What a finding's series are called by. */
struct labels {
	char interface[IFACE_NAME_LEN];
	char public_key[FORMAT_KEY_LEN]; /* "": none */
	enum wire_direction direction;
};

static void family(struct out *o, const char *name, const char *type, const char *help)
{
	out_printf(o, "# HELP mtuscope_%s %s\n# TYPE mtuscope_%s %s\n", name, help, name, type);
}

/*
 * A label's value. Unlike out_safe() this must keep different names different: what cannot stand there, and the backslash,
 * is written as \xNN.
 */
static void label_value(struct out *o, const char *s, size_t size)
{
	for (size_t i = 0; i < size && s[i];) {
		uint32_t code_point;
		size_t n = utf8_decode(s + i, size - i, &code_point);

		if (n == 1 && s[i] == '"')
			out_string(o, "\\\"");
		else if (n && s[i] != '\\' && !utf8_is_control(code_point))
			out_bytes(o, s + i, n);
		else
			for (size_t k = 0; k < (n ? n : 1); k++)
				out_printf(o, "\\\\x%02x", (unsigned char)s[i + k]);
		i += n ? n : 1;
	}
}

static void label(struct out *o, char before, const char *name, const char *value, size_t size)
{
	out_printf(o, "%c%s=\"", before, name);
	label_value(o, value, size);
	out_char(o, '"');
}

static void value(struct out *o, uint64_t v)
{
	out_printf(o, " %" PRIu64 "\n", v);
}

static void single(struct out *o, const char *name, const char *type, const char *help, uint64_t v)
{
	family(o, name, type, help);
	out_printf(o, "mtuscope_%s", name);
	value(o, v);
}

static void seconds(struct out *o, const char *name, const char *help, uint64_t ns)
{
	family(o, name, "counter", help);
	out_printf(o, "mtuscope_%s %" PRIu64 ".%09" PRIu64 "\n", name, ns / 1000000000, ns % 1000000000);
}

static void about(struct out *o, const struct metrics *m)
{
	family(o, "build_info", "gauge", "The program's version; always 1.");
	out_string(o, "mtuscope_build_info");
	label(o, '{', "version", m->version, SIZE_MAX);
	out_string(o, "} 1\n");
	family(o, "hook_attached", "gauge", "Whether this hook is attached.");
	for (size_t i = 0; i < at_most(m->status->hooks_n, STATUS_HOOKS_MAX); i++) {
		const struct hook_status *h = &m->status->hooks[i];

		out_string(o, "mtuscope_hook_attached");
		label(o, '{', "hook", h->name, sizeof(h->name));
		out_printf(o, "} %d\n", h->attached);
	}
}

/* One counter of all watched links; `offset` is of a number in struct wire_counters. */
static void link_counter(struct out *o, const struct snapshot *snap, const char *name, const char *help, size_t offset,
			 size_t n)
{
	family(o, name, "counter", help);
	for (size_t i = 0; i < snap->counters_n; i++) {
		const struct link *link = inventory_link(&snap->inventory, snap->counters[i].ifindex);

		for (int d = 0; link && d < WIRE_DIRECTIONS && link_is_counted(link); d++) {
			const char *from = (const char *)&snap->counters[i].direction[d] + offset;
			uint64_t numbers[3], sum = 0;

			memcpy(numbers, from, n * sizeof(*numbers));
			for (size_t k = 0; k < n; k++)
				sum += numbers[k];
			out_printf(o, "mtuscope_%s", name);
			label(o, '{', "interface", link->name, sizeof(link->name));
			label(o, ',', "direction", direction_name(d), SIZE_MAX);
			out_char(o, '}');
			value(o, sum);
		}
	}
}

#define LINK_COUNTER(o, snap, name, member, n, help)                                                                   \
	link_counter(o, snap, name, help, offsetof(struct wire_counters, member), n)

static void links(struct out *o, const struct snapshot *snap)
{
	LINK_COUNTER(o, snap, "packets_total", packets, 1, "Packets, by segment.");
	LINK_COUNTER(o, snap, "bytes_total", bytes, 1, "Bytes of IP packets.");
	LINK_COUNTER(o, snap, "wireguard_packets_total", wg_packets, 1, "WireGuard datagrams on an underlay.");
	LINK_COUNTER(o, snap, "oversized_packets_total", oversized, 1, "Packets larger than the interface's MTU.");
	LINK_COUNTER(o, snap, "fragments_total", fragments_first, 3, "Fragments.");
	LINK_COUNTER(o, snap, "unparsed_packets_total", unparsed, 1, "Packets whose headers could not be read.");
	family(o, "tunnel_mtu_bytes", "gauge", "The tunnel interface's MTU.");
	for (size_t i = 0; i < snap->inventory.links_n; i++) {
		const struct link *link = &snap->inventory.links[i];

		if (link->role != WIRE_ROLE_TUNNEL)
			continue;
		out_string(o, "mtuscope_tunnel_mtu_bytes");
		label(o, '{', "interface", link->name, sizeof(link->name));
		out_char(o, '}');
		value(o, link->mtu);
	}
}

/* By its own key a tunnel is known to the other end, whatever it is called there. */
static void tunnels(struct out *o, const struct metrics *m)
{
	const struct inventory *inv = &m->snap->inventory;
	char key[FORMAT_KEY_LEN];

	if (m->no_peer_labels)
		return;
	family(o, "tunnel_info", "gauge", "The tunnel's own public key; always 1.");
	for (size_t i = 0; i < inv->links_n; i++) {
		if (!link_has_key(&inv->links[i]))
			continue;
		format_key(key, inv->links[i].public_key);
		out_string(o, "mtuscope_tunnel_info");
		label(o, '{', "interface", inv->links[i].name, sizeof(inv->links[i].name));
		label(o, ',', "public_key", key, SIZE_MAX);
		out_string(o, "} 1\n");
	}
}

static uint64_t tally_sum(const struct snapshot *snap, enum wire_tally_kind kind)
{
	uint64_t sum = snap->retired[kind];

	for (size_t i = 0; i < snap->tallies_n; i++)
		if (snap->tallies[i].key.kind == kind)
			sum += snap->tallies[i].value.count;
	return sum;
}

static void tallies(struct out *o, const struct snapshot *snap)
{
	static const enum wire_tally_kind messages[PTB_DIRECTIONS] = {
		[PTB_RX] = WIRE_TALLY_TOO_BIG_RX, [PTB_TX] = WIRE_TALLY_TOO_BIG_TX, [PTB_MADE] = WIRE_TALLY_TOO_BIG_MADE
	};

	family(o, "ptb_messages_total", "counter",
	       "Too-big messages that came (rx), left (tx) or were made here (made).");
	for (enum ptb_direction d = 0; d < PTB_DIRECTIONS; d++) {
		out_string(o, "mtuscope_ptb_messages_total");
		label(o, '{', "direction", ptb_direction_name(d), SIZE_MAX);
		out_char(o, '}');
		value(o, tally_sum(snap, messages[d]));
	}
	single(o, "reassembly_failures_total", "counter", "Packets whose fragments never came together here.",
	       tally_sum(snap, WIRE_TALLY_REASSEMBLY_TIMEOUT));
	single(o, "fragmentation_failures_total", "counter", "Packets that could not be fragmented here.",
	       tally_sum(snap, WIRE_TALLY_FRAGMENT_FAILED));
	single(o, "tcp_mtu_probes_arrived_total", "counter",
	       "Larger segments that this host's TCP tried by itself (sysctl tcp_mtu_probing), and that arrived.",
	       snap->tcp_probes[TCP_PROBE_ARRIVED]);
	single(o, "tcp_mtu_probes_lost_total", "counter", "Larger segments that it tried, and that did not arrive.",
	       snap->tcp_probes[TCP_PROBE_LOST]);
	single(o, "too_big_drops_total", "counter", "Packets that this kernel dropped as too big.",
	       tally_sum(snap, WIRE_TALLY_DROP_TOO_BIG));
}

/* Two places in one function of the kernel have one name: they are added up. */
static void drops(struct out *o, const struct snapshot *snap)
{
	family(o, "drops_total", "counter", "Packets that the kernel dropped in this network namespace.");
	for (size_t i = 0; i < snap->drops_n; i++) {
		const struct drop *d = &snap->drops[i];
		bool told = false;
		uint64_t count = 0;

		for (size_t k = 0; k < snap->drops_n; k++) {
			if (strncmp(d->reason, snap->drops[k].reason, sizeof(d->reason)))
				continue;
			told = told || k < i;
			count += snap->drops[k].count;
		}
		if (told)
			continue;
		out_string(o, "mtuscope_drops_total");
		label(o, '{', "reason", d->reason, sizeof(d->reason));
		out_char(o, '}');
		value(o, count);
	}
}

static void losses(struct out *o, const struct metrics *m)
{
	const struct snapshot *snap = m->snap;

	drops(o, snap);
	family(o, "events_lost_total", "counter", "What mtuscope could not see, keep or tell.");
	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++) {
		out_string(o, "mtuscope_events_lost_total");
		label(o, '{', "reason", loss_name(i), SIZE_MAX);
		out_char(o, '}');
		value(o, snap->losses[i]);
	}
	single(o, "flow_evictions_total", "counter", "Live flows that had to give way to others.",
	       snap->losses[WIRE_LOSS_FLOW_EVICTED]);
	single(o, "flows_tracked", "gauge", "Flows that are followed.", snap->flows_n);
	single(o, "probes_sent_total", "counter", "Probes sent to confirm findings.", m->status->probes_sent);
	single(o, "records_total", "counter", "Records handed to their receivers.", m->records);
	single(o, "records_lost_total", "counter", "Records that a slow or dead receiver missed.", m->records_lost);
}

static struct labels labels_of(const struct metrics *m, const struct finding *f)
{
	struct labels l = { .direction = f->direction };

	memcpy(l.interface, f->interface, sizeof(l.interface));
	if (f->has_peer && !m->no_peer_labels)
		format_key(l.public_key, f->public_key);
	return l;
}

static bool same_path(const struct metrics *m, const struct finding *a, const struct finding *b)
{
	return a->direction == b->direction && !strncmp(a->interface, b->interface, sizeof(a->interface)) &&
	       (m->no_peer_labels || (a->has_peer == b->has_peer &&
				      (!a->has_peer || !memcmp(a->public_key, b->public_key, sizeof(a->public_key)))));
}

static void finding_labels(struct out *o, const struct metrics *m, const struct finding *f, const char *class)
{
	struct labels l = labels_of(m, f);

	label(o, '{', "interface", l.interface, sizeof(l.interface));
	if (!m->no_peer_labels)
		label(o, ',', "public_key", l.public_key, SIZE_MAX);
	label(o, ',', "direction", direction_name(l.direction), SIZE_MAX);
	if (class)
		label(o, ',', "class", class, SIZE_MAX);
	out_char(o, '}');
}

static void findings_active(struct out *o, const struct metrics *m)
{
	size_t n = at_most(m->findings_n, METRICS_FINDINGS_MAX);

	single(o, "findings_open", "gauge", "Findings that are not resolved.", m->findings_n);
	family(o, "finding_active", "gauge", "Findings of this class on this path that are not resolved.");
	for (size_t i = 0; i < n; i++) {
		const struct finding *f = &m->findings[i];
		bool told = false;
		uint64_t count = 0;

		for (size_t k = 0; k < n; k++) {
			if (m->findings[k].class != f->class || !same_path(m, &m->findings[k], f))
				continue;
			told = told || k < i;
			count++;
		}
		if (told)
			continue;
		out_string(o, "mtuscope_finding_active");
		finding_labels(o, m, f, finding_class_name(f->class));
		value(o, count);
	}
}

static uint32_t lower_of(const struct finding *f)
{
	return f->path_mtu_lower;
}

static uint32_t upper_of(const struct finding *f)
{
	return f->path_mtu_upper;
}

static uint32_t recommended_of(const struct finding *f)
{
	return f->recommended_mtu;
}

/* Of several findings on a path the tightest: the largest lower bound, the smallest of the others; 0 is unknown. */
static void path_size(struct out *o, const struct metrics *m, const char *name, const char *help,
		      uint32_t (*size_of)(const struct finding *f), bool largest)
{
	size_t n = at_most(m->findings_n, METRICS_FINDINGS_MAX);

	family(o, name, "gauge", help);
	for (size_t i = 0; i < n; i++) {
		uint32_t best = 0;
		bool told = false;

		for (size_t k = 0; k < n; k++) {
			uint32_t size = size_of(&m->findings[k]);

			if (!same_path(m, &m->findings[k], &m->findings[i]))
				continue;
			told = told || k < i;
			if (size && (!best || (largest ? size > best : size < best)))
				best = size;
		}
		if (told || !best)
			continue;
		out_printf(o, "mtuscope_%s", name);
		finding_labels(o, m, &m->findings[i], NULL);
		value(o, best);
	}
}

int metrics_format(char *buf, size_t cap, const struct metrics *m)
{
	struct out o;

	out_init(&o, buf, cap);
	about(&o, m);
	links(&o, m->snap);
	tunnels(&o, m);
	tallies(&o, m->snap);
	losses(&o, m);
	findings_active(&o, m);
	path_size(&o, m, "path_mtu_lower_bytes", "Largest outer packet proven to arrive, on a path with a finding.",
		  lower_of, true);
	path_size(&o, m, "path_mtu_upper_bytes", "Smallest outer packet proven not to, on a path with a finding.",
		  upper_of, false);
	path_size(&o, m, "recommended_mtu_bytes", "Tunnel MTU that works, on a path with a finding.", recommended_of,
		  false);
	seconds(&o, "bpf_run_seconds_total",
		"Time in mtuscope's BPF programs; counts only while kernel.bpf_stats_enabled is 1.", m->bpf_run_ns);
	seconds(&o, "cpu_seconds_total", "Processor time of the program itself.", m->cpu_us * 1000);
	single(&o, "resident_memory_bytes", "gauge", "Memory of the program itself.", m->resident_bytes);
	return out_finish(&o);
}
