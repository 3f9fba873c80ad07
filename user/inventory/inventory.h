/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel edge: netlink, and the user API of WireGuard daemons. WireGuard devices and peers, links and routes of the
 * namespace that the process is in, as the plain struct inventory of core/snapshot.h. Private and preshared keys are never
 * stored.
 */
#ifndef MTUSCOPE_INVENTORY_H
#define MTUSCOPE_INVENTORY_H

#include "audit/scene.h"
#include "snapshot.h"

struct inventory_options {
	const char *const *interfaces; /* names given by the user; interfaces_n 0: every WireGuard interface */
	size_t interfaces_n;
};

struct inventory_reader; /* holds the netlink sockets */

/* 0 or -errno; *reader is NULL on error. inventory_close(NULL) is allowed. */
int inventory_open(struct inventory_reader **reader);
void inventory_close(struct inventory_reader *reader);

/*
 * Fills *inv (which the caller frees with inventory_free()): the tunnels that options name or all of them, their
 * peers, and the links under them, which are those of the kernel's routes to the peers' endpoints (asked of the
 * kernel with the tunnel's fwmark, so that policy routing counts); for a tunnel without any endpoint, the
 * link of the default route; last, with WIRE_ROLE_LAN, the other links that are up, but no ports of bridges and bonds. A named
 * interface that is no tunnel is watched as an underlay. A TUN device is a tunnel if it is named or there is the socket of a
 * WireGuard daemon (wireguard-go) for it, /var/run/wireguard/NAME.sock; without an answer it has no known peers.
 *
 * The links come in this order: tunnels, with named underlays among them as they were named; the links found under them;
 * the others. A tunnel that goes away meanwhile is left out. Without the wireguard module there are no tunnels, which
 * is no error, and the module is not loaded. `missing` and `options` may be NULL.
 *
 * 0; -ENODEV: a named interface does not exist, its name is in *missing (points into options); -EPERM: there are
 * WireGuard tunnels, but no CAP_NET_ADMIN to read them; -EINTR: it kept changing while it was read; -ETIMEDOUT: also
 * where a daemon does not answer, if there has been an inventory before, for a while; or another -errno. *inv is empty then.
 */
int inventory_read(struct inventory_reader *reader, const struct inventory_options *options, struct inventory *inv,
		   const char **missing);

/*
 * File descriptor that becomes readable when links, addresses or routes change, which may be many times a second where
 * a routing daemon runs; drain with inventory_changed().
 */
int inventory_fd(const struct inventory_reader *reader);

/* True if something changed since the last call; never blocks. WireGuard itself announces nothing: poll that. */
bool inventory_changed(struct inventory_reader *reader);

/*
 * For an audit: the default routes of all tables and the routes that have an MTU of their own; and the rules of nftables
 * and iptables-nft that lower the MSS. The caller frees the arrays. 0 or -errno, the array is NULL then.
 */
int inventory_read_routes(struct inventory_reader *reader, struct audit_route **routes, size_t *routes_n);
int inventory_read_clamps(struct audit_clamp **clamps, size_t *clamps_n);

/*
 * Whether the kernel has a route for the tunnel's packets to the peer's endpoint by that link, without a source as after a
 * failover, or with the link's own address, for which there may be a rule. 0 or -errno.
 */
int inventory_reaches(struct inventory_reader *reader, const struct link *tunnel, const struct peer *peer,
		      uint32_t ifindex, bool *yes);

#define ROUTE_ABSENT UINT32_MAX /* in place of a route's MTU: there is no such route */

/*
 * The MTU of the route in the main table to exactly that prefix by that link: 0 if it has none of its own, ROUTE_ABSENT if
 * there is no such route. To set it changes the route in place, adds it or removes it. 0; -EEXIST: the prefix is routed to
 * another link; or -errno.
 */
int inventory_route_mtu(struct inventory_reader *reader, uint32_t ifindex, const struct allowed_ip *to, uint32_t *mtu);
int inventory_set_route_mtu(struct inventory_reader *reader, uint32_t ifindex, const struct allowed_ip *to,
			    uint32_t mtu);

struct tc_filter {
	uint32_t handle;
	uint32_t priority;
	char name[64]; /* of a bpf filter (TCA_BPF_NAME), else "" */
};

typedef void (*tc_filter_fn)(const struct tc_filter *filter, void *arg);

/*
 * Calls fn (NULL is allowed) for each tc filter at the clsact hook of an interface (direction WIRE_RX: ingress,
 * WIRE_TX: egress) and returns their number, or -errno; -ENOENT if the interface or its clsact qdisc does not exist.
 * fn may change filters: all have been read by then. Those of a block that interfaces share count as well.
 */
int inventory_tc_filters(struct inventory_reader *reader, uint32_t ifindex, enum wire_direction direction,
			 tc_filter_fn fn, void *arg);

#endif
