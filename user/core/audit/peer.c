// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules about one peer: the way to its endpoint, and whether it answers. Called by audit.c. */
#include <string.h>

#include "rule.h"

#define SESSION_LIFE_S (180 + 30) /* a session's end (REJECT_AFTER_TIME), and tries enough for a new one */

static const char *link_name(const struct audit_case *c, uint32_t ifindex)
{
	const struct link *link = inventory_link(&c->scene->inventory, ifindex);

	return link ? link->name : "its link";
}

static void too_large(const struct audit_case *c, struct audit_note *note)
{
	const struct audit_limit *l = &c->limit;

	note->finding.evidence[0] =
		(struct evidence){ .kind = EVIDENCE_TUNNEL_MTU, .count = 1, .min_size = c->full, .max_size = c->full };
	note->finding.evidence_n = 1;
	audit_class(note, FINDING_TUNNEL_MTU_TOO_LARGE, l->mtu, l->mtu == l->learned ? BASIS_PTB : BASIS_BRACKET);
}

bool audit_egress_too_small(const struct audit_case *c, struct audit_note *note)
{
	if (!c->limit.egress || c->full <= c->limit.egress)
		return false;
	too_large(c, note);
	audit_say(note,
		  "The MTU %u of %s makes packets of %u bytes, and the way to the endpoint by %s carries %u: full "
		  "packets are fragmented or lost. Set it to %u on both ends.",
		  c->tunnel->mtu, c->tunnel->name, c->full, link_name(c, c->peer->egress_ifindex), c->limit.egress,
		  note->finding.recommended_mtu);
	return true;
}

/* Fits the link and not the internet: nothing is lost until the first full packet. */
bool audit_jumbo(const struct audit_case *c, struct audit_note *note)
{
	const char *egress = link_name(c, c->peer->egress_ifindex);
	bool derived = c->tunnel->mtu + WG_QUICK_OVERHEAD == c->limit.egress;

	if (!c->limit.beyond || c->full <= c->limit.beyond || c->full > c->limit.egress)
		return false;
	too_large(c, note);
	audit_say(note,
		  "The MTU %u of %s %s the jumbo frames of %s (%u), but the endpoint is behind a router, where no more "
		  "than %u may be expected: what is larger will vanish, even if nothing is lost yet. Set it to %u on "
		  "both ends.",
		  c->tunnel->mtu, c->tunnel->name, derived ? "was derived from" : "counts on", egress, c->limit.egress,
		  c->limit.beyond, note->finding.recommended_mtu);
	fix_add(&note->finding, "# or, if the path is known to carry more, say so with mtu N on the route to "
				"the endpoint");
	return true;
}

bool audit_other_uplink(const struct audit_case *c, struct audit_note *note)
{
	const struct audit_limit *l = &c->limit;
	uint32_t here = l->beyond ? l->beyond : l->egress;

	if (!l->uplink || l->uplink_mtu >= here || c->full <= l->uplink_mtu)
		return false;
	too_large(c, note);
	audit_say(
		note,
		"The endpoint can move from %s to %s, which carries only %u, and the MTU %u of %s makes packets of %u "
		"bytes: full packets are fragmented or lost after a failover. Set it to %u on both ends.",
		link_name(c, c->peer->egress_ifindex), l->uplink->link, l->uplink_mtu, c->tunnel->mtu, c->tunnel->name,
		c->full, note->finding.recommended_mtu);
	return true;
}

bool audit_path_mtu_learned(const struct audit_case *c, struct audit_note *note)
{
	if (!c->limit.learned || c->full <= c->limit.learned)
		return false;
	too_large(c, note);
	audit_say(
		note,
		"A too-big message told the kernel that the way to the endpoint carries %u, and the MTU %u of %s makes "
		"packets of %u bytes: they leave in fragments while the kernel remembers. Set it to %u on both ends.",
		c->limit.learned, c->tunnel->mtu, c->tunnel->name, c->full, note->finding.recommended_mtu);
	fix_add(&note->finding, "# or, if that message is not to be believed: ip route flush cache");
	return true;
}

bool audit_route_mtu_above_link(const struct audit_case *c, struct audit_note *note)
{
	const struct link *egress = inventory_link(&c->scene->inventory, c->peer->egress_ifindex);

	if (!egress || c->peer->route_mtu <= egress->mtu)
		return false;
	audit_say(note,
		  "The route to the endpoint of a peer of %s claims an MTU of %u, and its link %s carries %u: packets "
		  "that trust the route are dropped at the link.",
		  c->tunnel->name, c->peer->route_mtu, egress->name, egress->mtu);
	fix_add(&note->finding, "# change that route with ip route change: mtu %u", egress->mtu);
	return true;
}

static void unreachable(struct audit_note *note)
{
	audit_class(note, FINDING_PEER_UNREACHABLE, 0, BASIS_FLOOR);
}

bool audit_endpoint_missing(const struct audit_case *c, struct audit_note *note)
{
	if (!c->tunnel->up || c->peer->endpoint.ip.family)
		return false;
	unreachable(note);
	audit_say(note,
		  "A peer of %s has no endpoint and was never heard of: this end can send it nothing until it begins "
		  "itself. This is not an MTU problem.",
		  c->tunnel->name);
	return true;
}

bool audit_endpoint_unroutable(const struct audit_case *c, struct audit_note *note)
{
	if (!c->tunnel->up || c->tunnel->elsewhere || !c->peer->endpoint.ip.family || c->peer->egress_ifindex)
		return false;
	unreachable(note);
	audit_say(note, "There is no route to the endpoint of a peer of %s: it cannot be reached at all.",
		  c->tunnel->name);
	note->finding.fixes_n = 0;
	fix_add(&note->finding, "# give the endpoint a route; see ip route, ip rule and wg show %s", c->name);
	return true;
}

bool audit_endpoint_looped(const struct audit_case *c, struct audit_note *note)
{
	if (!c->peer->egress_ifindex || c->peer->egress_ifindex != c->tunnel->ifindex)
		return false;
	unreachable(note);
	audit_say(note,
		  "The route to the endpoint of a peer of %s leads into %s itself: its packets go round until they are "
		  "dropped.",
		  c->tunnel->name, c->tunnel->name);
	note->finding.fixes_n = 0;
	fix_add(&note->finding, "# give the endpoint a route of its own beside the tunnel, or the tunnel an "
				"fwmark and a rule for it (wg-quick's Table = auto)");
	return true;
}

/* A peer that is not wanted has no session, and all is well. */
bool audit_handshake_dead(const struct audit_case *c, struct audit_note *note)
{
	const struct peer *p = c->peer;
	int64_t age_s = c->scene->now_s - p->last_handshake_s;

	if (!c->tunnel->up || !p->egress_ifindex || p->egress_ifindex == c->tunnel->ifindex)
		return false;
	if (p->last_handshake_s ? !p->keepalive_s || age_s <= SESSION_LIFE_S + p->keepalive_s : !p->tx_bytes)
		return false;
	unreachable(note);
	if (p->last_handshake_s)
		audit_say(
			note,
			"A peer of %s has not completed a handshake for %lld seconds, although keepalives ask for one "
			"every few minutes: it is dead or its UDP port is closed. This is not an MTU problem.",
			c->tunnel->name, (long long)age_s);
	else
		audit_say(
			note,
			"A peer of %s has never completed a handshake, although this end tried: wrong key or address, "
			"or its UDP port is closed. This is not an MTU problem.",
			c->tunnel->name);
	return true;
}
