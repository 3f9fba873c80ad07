// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel edge: netlink. In: options naming interfaces. Out: struct inventory, composed of what link.c, wireguard.c,
 * uapi.c and route.c learn from the kernel and from WireGuard daemons. Called by the commands: at start, from time to time,
 * and whenever inventory_changed() says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "inventory.h"
#include "messages.h"
#include "reader.h"

#define TIMEOUTS_MAX 12 /* then a daemon that does not answer has no peers any more */

/* What inventory_read() is composing; links has room for the whole table, so that pointers into it stay. */
struct composition {
	struct inventory_reader *reader;
	struct link_table table;
	struct inventory *inv;
};

static int open_events(struct mnl_socket **events)
{
	const unsigned int groups =
		RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;

	*events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!*events || mnl_socket_bind(*events, groups, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

int inventory_open(struct inventory_reader **out)
{
	struct inventory_reader *reader;
	int err;

	*out = NULL;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	err = netlink_open(&reader->route, NETLINK_ROUTE);
	if (!err)
		err = netlink_open(&reader->genl, NETLINK_GENERIC);
	if (!err)
		err = open_events(&reader->events);
	if (err)
		inventory_close(reader);
	else
		*out = reader;
	return err;
}

void inventory_close(struct inventory_reader *reader)
{
	if (!reader)
		return;
	if (reader->events)
		mnl_socket_close(reader->events);
	netlink_close(reader->genl);
	netlink_close(reader->route);
	free(reader);
}

int inventory_fd(const struct inventory_reader *reader)
{
	return mnl_socket_get_fd(reader->events);
}

bool inventory_changed(struct inventory_reader *reader)
{
	bool changed = false;
	char byte;

	/* A datagram is gone with its first byte. ENOBUFS: some were lost, and there may be more. */
	while (recv(inventory_fd(reader), &byte, sizeof(byte), MSG_DONTWAIT) >= 0 || errno == ENOBUFS || errno == EINTR)
		changed = true;
	return changed;
}

/* The link of the inventory with that index, added if need be and if it exists; NULL if it does not. */
static struct link *watch_link(struct composition *c, uint32_t ifindex, enum wire_role role)
{
	const struct link_entry *entry = link_table_find(&c->table, ifindex);
	struct link *link;
	size_t i;

	for (i = 0; i < c->inv->links_n; i++)
		if (c->inv->links[i].ifindex == ifindex)
			return &c->inv->links[i];
	if (!entry)
		return NULL;
	link = &c->inv->links[c->inv->links_n++];
	*link = entry->link;
	link->role = role;
	link->kernel_wireguard = role == WIRE_ROLE_TUNNEL && entry->kind == LINK_KIND_WIREGUARD;
	return link;
}

static int watch_named(struct composition *c, const struct inventory_options *options, const char **missing)
{
	const struct link_entry *entry;
	size_t i;

	for (i = 0; i < options->interfaces_n; i++) {
		entry = link_table_named(&c->table, options->interfaces[i]);
		if (!entry) {
			if (missing)
				*missing = options->interfaces[i];
			return -ENODEV;
		}
		watch_link(c, entry->link.ifindex,
			   entry->kind == LINK_KIND_OTHER ? WIRE_ROLE_UNDERLAY : WIRE_ROLE_TUNNEL);
	}
	return 0;
}

/* In the kernel, or a TUN device of a daemon that speaks WireGuard's user API. */
static bool is_wireguard(const struct link_entry *entry)
{
	return entry->kind == LINK_KIND_WIREGUARD || (entry->kind == LINK_KIND_TUN && uapi_exists(entry->link.name));
}

static void watch_every_wireguard(struct composition *c)
{
	size_t i;

	for (i = 0; i < c->table.n; i++)
		if (is_wireguard(&c->table.entries[i]))
			watch_link(c, c->table.entries[i].link.ifindex, WIRE_ROLE_TUNNEL);
}

static void unwatch_link(struct inventory *inv, size_t i)
{
	inv->links_n--;
	memmove(&inv->links[i], &inv->links[i + 1], (inv->links_n - i) * sizeof(*inv->links));
}

static bool has_kernel_wireguard(const struct inventory *inv)
{
	size_t i;

	for (i = 0; i < inv->links_n; i++)
		if (inv->links[i].kernel_wireguard)
			return true;
	return false;
}

/*
 * Peers of the tunnel; -ENODEV: it went away since the links were read. A TUN device without an answer has none; *slow then says
 * that there may yet be one.
 */
static int read_peers_of(struct composition *c, struct wireguard_dump *dump, int family, bool *slow)
{
	int err;

	if (dump->tunnel->kernel_wireguard)
		return family < 0 ? -ENODEV : wireguard_read(c->reader->genl, family, dump);
	if (dump->tunnel->role != WIRE_ROLE_TUNNEL)
		return 0;
	err = uapi_read(dump);
	*slow = *slow || err == -ETIMEDOUT || err == -EAGAIN;
	return err == -ENOMEM ? err : 0;
}

static int read_peers(struct composition *c)
{
	struct wireguard_dump dump = { .inv = c->inv };
	int err, family = -ENOENT;
	bool slow = false;
	size_t i = 0;

	/* Only where there is such a link: to ask for the family would load the module. */
	if (has_kernel_wireguard(c->inv))
		family = wireguard_family(c->reader->genl);
	if (family < 0 && family != -ENOENT)
		return family;
	while (i < c->inv->links_n) {
		dump.tunnel = &c->inv->links[i];
		err = read_peers_of(c, &dump, family, &slow);
		if (err == -ENODEV)
			unwatch_link(c->inv, i);
		else if (err)
			return err;
		else
			i++;
	}
	c->reader->timeouts = slow ? c->reader->timeouts + 1 : 0;
	/* What is known of its peers is better than nothing for a while. */
	return slow && c->reader->has_read && c->reader->timeouts <= TIMEOUTS_MAX ? -ETIMEDOUT : 0;
}

static uint32_t smaller_mtu(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* The largest outer packet that the configuration of the route and its link allow. */
static uint32_t configured_mtu(const struct composition *c, const struct route *route, uint8_t family)
{
	const struct link_entry *entry = link_table_find(&c->table, route->oif);
	uint32_t mtu = smaller_mtu(route->mtu, entry ? entry->link.mtu : 0);

	return smaller_mtu(mtu, entry && family == AF_INET6 ? entry->mtu_ipv6 : 0);
}

static int read_egress(struct composition *c, const struct link *tunnel, struct peer *peer)
{
	struct route_query query = {
		.to = peer->endpoint,
		.from_port = tunnel->listen_port,
		.fwmark = tunnel->fwmark,
		.oif = peer->egress_ifindex, /* the scope of a link-local endpoint, see wireguard_parse() */
	};
	struct route route, configured;
	int err;

	err = route_read(c->reader->route, &query, &route);
	if (err)
		return err;
	peer->egress_ifindex = route.oif;
	if (!route.oif)
		return 0;
	peer->off_link = route.gateway;
	if (route.learned) {
		query.configured = true;
		err = route_read(c->reader->route, &query, &configured);
		if (err)
			return err;
		peer->learned_mtu = route.mtu;
		route.mtu = configured.mtu;
	}
	peer->route_mtu = route.mtu;
	peer->egress_mtu = configured_mtu(c, &route, peer->endpoint.ip.family);
	if (peer->learned_mtu >= peer->egress_mtu)
		peer->learned_mtu = 0;
	return 0;
}

/* The link under a tunnel that may send anywhere: of the IPv4 default route, or else of the IPv6 one. */
static int watch_default(struct composition *c)
{
	const uint8_t families[] = { AF_INET, AF_INET6 };
	struct route route = { 0 };
	size_t i;
	int err;

	for (i = 0; i < sizeof(families) && !route.oif; i++) {
		err = route_read_default(c->reader->route, families[i], &route);
		if (err)
			return err;
	}
	if (route.oif)
		watch_link(c, route.oif, WIRE_ROLE_UNDERLAY);
	return 0;
}

/* Routes to all the endpoints of one tunnel, whose peers are those from *first on; *first moves past them. */
static int read_underlays(struct composition *c, const struct link *tunnel, size_t *first)
{
	bool anywhere = true;
	struct peer *peer;
	int err;

	for (; *first < c->inv->peers_n && c->inv->peers[*first].tunnel_ifindex == tunnel->ifindex; ++*first) {
		peer = &c->inv->peers[*first];
		if (!peer->endpoint.ip.family)
			continue;
		anywhere = false;
		err = read_egress(c, tunnel, peer);
		if (err)
			return err;
		if (peer->egress_ifindex)
			watch_link(c, peer->egress_ifindex, WIRE_ROLE_UNDERLAY);
	}
	return anywhere ? watch_default(c) : 0;
}

static int read_route_mtus(struct composition *c, struct link *tunnel)
{
	struct route_mtus mtus = { .oif = tunnel->ifindex };
	int err = route_read_mtus(c->reader->route, &mtus);

	tunnel->route_mtu_min = mtus.min;
	tunnel->route_mtu_max = mtus.max;
	return err;
}

static int read_tunnels(struct composition *c, const struct inventory_options *options, const char **missing)
{
	int err = 0;

	if (options && options->interfaces_n)
		err = watch_named(c, options, missing);
	else
		watch_every_wireguard(c);
	return err ? err : read_peers(c);
}

static bool is_port(const struct link_table *table, const struct link_entry *entry)
{
	const struct link_entry *master = entry->master ? link_table_find(table, entry->master) : NULL;

	return master && master->has_ports;
}

/* The links beside: hosts on them are told when their packets are too big for a tunnel. As many as there is room for. */
static void watch_lans(struct composition *c)
{
	for (size_t i = 0; i < c->table.n && c->inv->links_n < WIRE_LINKS; i++) {
		const struct link_entry *entry = &c->table.entries[i];
		const struct link *link = &entry->link;

		if (link->up && (link->ethernet || entry->bare) && strcmp(link->name, "lo") &&
		    !is_port(&c->table, entry))
			watch_link(c, link->ifindex, WIRE_ROLE_LAN);
	}
}

static int compose(struct composition *c, const struct inventory_options *options, const char **missing)
{
	size_t i, links_n, peer = 0;
	int err;

	err = read_tunnels(c, options, missing);
	/* The links found under these tunnels are appended meanwhile: only those that were there before may be tunnels. */
	links_n = c->inv->links_n;
	for (i = 0; !err && i < links_n; i++) {
		if (c->inv->links[i].role != WIRE_ROLE_TUNNEL)
			continue;
		err = read_underlays(c, &c->inv->links[i], &peer);
		if (!err)
			err = read_route_mtus(c, &c->inv->links[i]);
	}
	watch_lans(c);
	return err ? err : inventory_index(c->inv);
}

int inventory_read(struct inventory_reader *reader, const struct inventory_options *options, struct inventory *inv,
		   const char **missing)
{
	struct composition c = { .reader = reader, .inv = inv };
	int err;

	*inv = (struct inventory){ 0 };
	err = link_table_read(reader->route, &c.table);
	if (err)
		goto out;
	inv->links = calloc(c.table.n + 1, sizeof(*inv->links));
	err = inv->links ? compose(&c, options, missing) : -ENOMEM;
out:
	link_table_free(&c.table);
	if (err)
		inventory_free(inv);
	else
		reader->has_read = true;
	return err;
}
