// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules about one tunnel: its state, its own routes, its configuration. Called by audit.c. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "rule.h"

#define TABLE_MAIN 254

bool audit_tunnel_down(const struct audit_case *c, struct audit_note *note)
{
	if (c->tunnel->up)
		return false;
	audit_say(note, "%s is down: it carries nothing. This is not an MTU problem.", c->tunnel->name);
	fix_add(&note->finding, "ip link set dev %s up", c->name);
	return true;
}

bool audit_tunnel_elsewhere(const struct audit_case *c, struct audit_note *note)
{
	if (!c->tunnel->elsewhere)
		return false;
	note->finding.severity = SEVERITY_INFO;
	audit_say(note,
		  "%s was made in another network namespace and sends by that one's routes: what its ways carry "
		  "cannot be known here without measuring.",
		  c->tunnel->name);
	fix_add(&note->finding, "# mtuscope probe measures it through %s", c->name);
	return true;
}

static void fix_route(struct audit_note *note, const struct audit_case *c, const struct audit_route *r)
{
	char to[INET6_ADDRSTRLEN] = "", table[24] = "";

	inet_ntop(r->to.family, r->to.bytes, to, sizeof(to));
	if (r->table != TABLE_MAIN)
		snprintf(table, sizeof(table), " table %u", r->table);
	fix_add(&note->finding, "ip route change %s/%u dev %s%s mtu %u", to, r->prefix_len, c->name, table,
		c->tunnel->mtu);
}

/* WireGuard pads by the route's MTU then, and the packet grows beyond 60 or 80 bytes of overhead. */
bool audit_tunnel_route_mtu(const struct audit_case *c, struct audit_note *note)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < c->scene->routes_n; i++) {
		const struct audit_route *r = &c->scene->routes[i];

		if (r->ifindex != c->tunnel->ifindex || r->mtu <= c->tunnel->mtu)
			continue;
		if (r->mtu > largest)
			largest = r->mtu;
		fix_route(note, c, r);
	}
	if (!largest)
		return false;
	audit_say(
		note,
		"A route into %s has an MTU of %u, above the interface's %u: senders are told the larger one, and the "
		"padding may exceed what the interface's MTU was chosen for.",
		c->tunnel->name, largest, c->tunnel->mtu);
	return true;
}

/* After the next start the tunnel has another MTU than now. */
bool audit_config_mtu(const struct audit_case *c, struct audit_note *note)
{
	const struct audit_config *config = audit_config_of(c->scene, c->tunnel->ifindex);
	const struct peer *narrowest;
	uint32_t safe = audit_tunnel_mtu(c->scene, c->tunnel->ifindex, &narrowest), mtu = c->tunnel->mtu;
	uint32_t next;

	if (!config || config->manager != MANAGER_WG_QUICK || !config->readable)
		return false;
	next = config->mtu ? config->mtu : audit_quick_mtu(c->scene, c->tunnel->ifindex);
	if (!next || next == mtu || (!config->mtu && (!safe || next <= safe)))
		return false;
	audit_say(note, "%s %s, and %s has %u: the next wg-quick up sets %u%s.", config->path,
		  config->mtu ? "names another MTU" : "names no MTU", c->tunnel->name, mtu, next,
		  safe && next > safe ? ", which is too large" : "");
	if (config->mtu && safe && next <= safe)
		fix_add(&note->finding, "ip link set dev %s mtu %u", c->name, next);
	else
		fix_add(&note->finding, "mtuscope fix %s --mtu %u --apply --persist", c->name,
			safe && safe < mtu ? safe : mtu);
	return true;
}
