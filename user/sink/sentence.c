/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one sentence of each kind of record for those who read only that, the same in all formats. Called by the sinks.
 */
#include <inttypes.h>

#include "audit/note.h"
#include "joint.h"
#include "sentence.h"
#include "totals.h"

static void ptb_place(struct out *o, const struct ptb *p)
{
	out_printf(o, " (%s packet", p->inner ? "inner" : "outer");
	if (p->interface[0]) {
		out_string(o, ", on ");
		out_safe(o, p->interface, sizeof(p->interface));
	}
	out_printf(o, "), %" PRIu64 " message%s", p->count, p->count == 1 ? "" : "s");
}

void out_ptb(struct out *o, const struct ptb *p)
{
	static const char *const verbs[PTB_DIRECTIONS] = { "says", "was told", "is to be told" };
	char who[FORMAT_IP_LEN], whither[FORMAT_ENDPOINT_LEN];
	bool rx = p->direction == PTB_RX;

	if (p->stories != 1) {
		out_printf(o, "%" PRIu64 " more too-big messages (%s) of %" PRIu32 " kinds", p->count,
			   ptb_direction_name(p->direction), p->stories);
		return;
	}
	format_ip(who, rx ? &p->reporter : &p->host.ip);
	if (rx && p->host.port)
		format_endpoint(whither, &p->host);
	else
		format_ip(whither, rx ? &p->host.ip : &p->destination);
	out_printf(o, "%s %s that packets to %s ", who[0] ? who : "somebody",
		   p->direction < PTB_DIRECTIONS ? verbs[p->direction] : "says", whither[0] ? whither : "somebody");
	if (p->mtu)
		out_printf(o, "may have at most %" PRIu32 " bytes", p->mtu);
	else
		out_string(o, "are too big, without a size");
	ptb_place(o, p);
}

void out_joint_way(struct out *o, const struct joint_result *j, int from)
{
	const struct joint_way *w = &j->ways[from];

	out_printf(o, "%" PRIu64 " packets by WireGuard's counters, %" PRIu64 " lost", w->sent, w->lost);
	if (j->ends[0].shared || j->ends[1].shared)
		out_string(o, "; other peers use the interface, so sizes cannot be compared");
	else if (w->upper)
		out_printf(o,
			   "; %" PRIu64 " of %" PRIu32
			   " bytes and more (outer) were sent and none arrived, those up to "
			   "%" PRIu32 " arrive",
			   w->vanished, w->upper, w->lower);
	else if (w->lost && w->largest > w->lower + WIRE_SIZE_STEP)
		out_string(o, "; too little to say whether by size");
	else if (w->lost && w->sized)
		out_string(o, "; of every size some arrive, so it is not the MTU, or not all the time");
}

static void out_status(struct out *o, const struct status *s)
{
	struct hooks_count n = status_hooks_count(s);

	if (s->note)
		out_safe(o, s->note->finding.message, sizeof(s->note->finding.message));
	else if (s->result)
		out_printf(o, "mtuscope has checked %zu tunnel(s) with %zu peer(s): %zu warning(s)", s->result->tunnels,
			   s->result->peers, s->result->by_severity[SEVERITY_WARNING]);
	else if (s->state == STATUS_EXIT)
		out_printf(o, "mtuscope ends: %" PRIu64 " finding(s) opened, %" PRIu64 " still open",
			   s->findings_opened, s->findings_open);
	else if (s->hooks_n)
		out_printf(o, "mtuscope watches %zu interface(s) with %zu hooks attached, %zu missing", s->links_n,
			   n.attached, n.missing);
	else
		out_printf(o, "mtuscope watches %zu interface(s)", s->links_n);
	if (s->records_lost)
		out_printf(o, "; %" PRIu64 " record(s) did not reach this receiver", s->records_lost);
}

struct link_sums link_sums_make(const struct snapshot *snap)
{
	struct link_sums sums = { 0 };

	for (size_t i = 0; i < snap->counters_n; i++) {
		if (!link_is_counted(inventory_link(&snap->inventory, snap->counters[i].ifindex)))
			continue;
		sums.links_n++;
		for (int d = 0; d < WIRE_DIRECTIONS; d++) {
			sums.packets += snap->counters[i].direction[d].packets;
			sums.oversized += snap->counters[i].direction[d].oversized;
		}
	}
	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++)
		sums.lost += snap->losses[i];
	return sums;
}

static void out_counters(struct out *o, const struct snapshot *snap)
{
	struct link_sums sums = link_sums_make(snap);

	out_printf(o, "mtuscope has counted %" PRIu64 " packets on %zu interface(s), %" PRIu64 " of them oversized",
		   sums.packets, sums.links_n, sums.oversized);
}

struct sentence sentence_status(const struct status *s)
{
	struct sentence said;
	struct out o;

	out_init(&o, said.text, sizeof(said.text));
	out_status(&o, s);
	said.len = o.len;
	return said;
}

struct sentence sentence_ptb(const struct ptb *p)
{
	struct sentence said;
	struct out o;

	out_init(&o, said.text, sizeof(said.text));
	out_ptb(&o, p);
	said.len = o.len;
	return said;
}

struct sentence sentence_counters(const struct snapshot *snap)
{
	struct sentence said;
	struct out o;

	out_init(&o, said.text, sizeof(said.text));
	out_counters(&o, snap);
	said.len = o.len;
	return said;
}
