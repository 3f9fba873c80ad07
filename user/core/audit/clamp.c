// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules about what lowers the MSS of connections through a tunnel, both ways and for both families. Called by audit.c. */
#include <string.h>
#include <sys/socket.h>

#include "rule.h"

#define TCP_HEADERS_IPV4 40
#define TCP_HEADERS_IPV6 60

/* What a tunnel forwards of a family, and which of it is clamped: SYNs into the tunnel, SYNs out of it. */
struct coverage {
	bool wanted, in, out;
};

static bool is_tunnel(const struct audit_iface *i, const struct link *tunnel)
{
	if (!i->name_len)
		return i->ifindex == tunnel->ifindex;
	return !memcmp(i->name, tunnel->name, i->name_len < IFACE_NAME_LEN ? i->name_len : IFACE_NAME_LEN);
}

/* May the rule's packets have this tunnel there? What is not understood is taken to be as it should. */
static bool allows(const struct audit_iface *i, const struct link *tunnel)
{
	switch (i->match) {
	case AUDIT_IFACE_IS:
		return is_tunnel(i, tunnel);
	case AUDIT_IFACE_IS_NOT:
		return !is_tunnel(i, tunnel);
	}
	return true;
}

/* Does it want another link there? */
static bool allows_other(const struct audit_iface *i, const struct link *tunnel)
{
	return i->match != AUDIT_IFACE_IS || !is_tunnel(i, tunnel);
}

static bool clamps_into(const struct audit_clamp *k, const struct link *tunnel)
{
	return allows(&k->out, tunnel) && allows_other(&k->in, tunnel);
}

static bool clamps_out_of(const struct audit_clamp *k, const struct link *tunnel)
{
	return allows(&k->in, tunnel) && allows_other(&k->out, tunnel);
}

static bool carries(const struct audit_case *c, uint8_t family)
{
	const struct inventory *inv = &c->scene->inventory;

	if (c->scene->sysctls[family == AF_INET ? AUDIT_FORWARD_IPV4 : AUDIT_FORWARD_IPV6] <= 0)
		return false;
	for (size_t i = 0; i < inv->allowed_ips_n; i++)
		if (inv->allowed_ips[i].ip.family == family &&
		    inv->peers[inv->allowed_ips[i].peer].tunnel_ifindex == c->tunnel->ifindex)
			return true;
	return false;
}

static struct coverage coverage_of(const struct audit_case *c, uint8_t family)
{
	const struct audit_scene *s = c->scene;
	struct coverage cover = { .wanted = s->filters_known && !s->iptables_legacy && carries(c, family) };

	for (size_t i = 0; i < s->clamps_n; i++) {
		const struct audit_clamp *k = &s->clamps[i];

		if (!(family == AF_INET ? k->ipv4 : k->ipv6))
			continue;
		cover.in = cover.in || clamps_into(k, c->tunnel);
		cover.out = cover.out || clamps_out_of(k, c->tunnel);
	}
	return cover;
}

/* Nothing is lost by it as long as too-big messages get through: worth knowing, not worth waking anybody. */
bool audit_clamp_missing(const struct audit_case *c, struct audit_note *note)
{
	struct coverage v4 = coverage_of(c, AF_INET), v6 = coverage_of(c, AF_INET6);

	if ((!v4.wanted && !v6.wanted) || v4.in || v4.out || v6.in || v6.out)
		return false;
	audit_class(note, FINDING_MSS_TOO_LARGE, 0, BASIS_BRACKET);
	note->has_class = false;
	note->finding.severity = SEVERITY_INFO;
	audit_say(note,
		  "No rule of nftables or iptables-nft lowers the MSS of connections forwarded through %s: they work "
		  "only "
		  "while every too-big message gets through.",
		  c->tunnel->name);
	return true;
}

bool audit_clamp_one_way(const struct audit_case *c, struct audit_note *note)
{
	struct coverage v4 = coverage_of(c, AF_INET), v6 = coverage_of(c, AF_INET6);
	bool half_v4 = v4.wanted && v4.in != v4.out, half_v6 = v6.wanted && v6.in != v6.out;

	if (!half_v4 && !half_v6)
		return false;
	audit_class(note, FINDING_MSS_TOO_LARGE, 0, BASIS_BRACKET);
	audit_say(
		note,
		"The MSS of %s connections is lowered only in SYNs that %s %s: the other end still announces segments "
		"that the MTU %u does not carry.",
		half_v4 && half_v6 ? "IPv4 and IPv6"
		: half_v4	   ? "IPv4"
				   : "IPv6",
		(half_v4 ? v4.in : v6.in) ? "enter" : "leave", c->tunnel->name, c->tunnel->mtu);
	return true;
}

bool audit_clamp_one_family(const struct audit_case *c, struct audit_note *note)
{
	struct coverage v4 = coverage_of(c, AF_INET), v6 = coverage_of(c, AF_INET6);
	bool has_v4 = v4.in || v4.out, has_v6 = v6.in || v6.out;

	if (!v4.wanted || !v6.wanted || has_v4 == has_v6)
		return false;
	audit_class(note, FINDING_MSS_TOO_LARGE, 0, BASIS_BRACKET);
	audit_say(note, "The MSS of %s connections through %s is lowered, that of %s is not, and both are forwarded.",
		  has_v4 ? "IPv4" : "IPv6", c->tunnel->name, has_v4 ? "IPv6" : "IPv4");
	return true;
}

static bool exceeds(const struct audit_case *c, const struct audit_clamp *k)
{
	bool ipv4 = k->ipv4 && carries(c, AF_INET), ipv6 = k->ipv6 && carries(c, AF_INET6);

	return (ipv4 && k->mss + TCP_HEADERS_IPV4 > c->tunnel->mtu) ||
	       (ipv6 && k->mss + TCP_HEADERS_IPV6 > c->tunnel->mtu);
}

/* An MSS by number that was right for another MTU, and names this tunnel. */
bool audit_clamp_too_large(const struct audit_case *c, struct audit_note *note)
{
	for (size_t i = 0; i < c->scene->clamps_n; i++) {
		const struct audit_clamp *k = &c->scene->clamps[i];

		if (!k->mss || (k->in.match == AUDIT_IFACE_ANY && k->out.match == AUDIT_IFACE_ANY) ||
		    (!clamps_into(k, c->tunnel) && !clamps_out_of(k, c->tunnel)) || !exceeds(c, k))
			continue;
		audit_class(note, FINDING_MSS_TOO_LARGE, 0, BASIS_BRACKET);
		audit_say(note,
			  "A rule of %s sets the MSS of connections through %s to %u, which its MTU %u does not carry.",
			  k->iptables ? "iptables-nft" : "nftables", c->tunnel->name, k->mss, c->tunnel->mtu);
		return true;
	}
	return false;
}
