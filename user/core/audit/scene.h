/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an audit looks at: the gateway at one moment, as plain data. Gathered by user/check/gather.c and user/inventory/,
 * or made by a test; judged by audit.h.
 */
#ifndef MTUSCOPE_AUDIT_SCENE_H
#define MTUSCOPE_AUDIT_SCENE_H

#include "snapshot.h"

#define AUDIT_PATH_LEN 256

/* One way of a unicast route that is a default route or has an MTU of its own. */
struct audit_route {
	struct ip_address to; /* its family is set for a default route as well */
	uint8_t prefix_len;
	uint32_t table;
	uint32_t mtu; /* of the route itself, 0: none */
	uint32_t ifindex;
	char link[IFACE_NAME_LEN];
	uint32_t link_mtu; /* for that family */
	bool up;
	bool tunnel; /* the link is WireGuard's, or another TUN device */
};

/* A link by which the kernel sends a peer's endpoint its packets, or would if it had no better one. */
struct audit_way {
	uint32_t peer; /* index into inventory.peers */
	uint32_t ifindex;
	uint32_t measured; /* bytes, outer: what a probe has shown to arrive; 0: not measured */
};

/* An interface as a packet filter names it. */
enum audit_iface_match { AUDIT_IFACE_ANY, AUDIT_IFACE_IS, AUDIT_IFACE_IS_NOT, AUDIT_IFACE_UNKNOWN };

struct audit_iface {
	uint8_t match;	  /* enum audit_iface_match; unknown: a set, a group */
	uint8_t name_len; /* bytes of name that must be equal, its NUL included unless it is a prefix; 0: by ifindex */
	char name[IFACE_NAME_LEN];
	uint32_t ifindex;
};

/* A rule that lowers the MSS of SYNs. */
struct audit_clamp {
	bool ipv4, ipv6;
	bool iptables; /* made by iptables-nft */
	uint32_t mss;  /* 0: by the route's MTU, both ways of it */
	struct audit_iface in, out;
};

/* Who configures an interface, and so decides about its MTU after the next start. */
enum audit_manager { MANAGER_NONE, MANAGER_WG_QUICK, MANAGER_NETWORKD, MANAGER_NETWORK_MANAGER, MANAGER_IFUPDOWN };

struct audit_config {
	uint32_t ifindex;
	uint8_t manager; /* enum audit_manager */
	char path[AUDIT_PATH_LEN];
	bool readable;
	uint32_t mtu; /* wg-quick's MTU =, 0: none */
};

enum audit_sysctl {
#define AUDIT_SYSCTL(name, path) AUDIT_##name,
#include "sysctls.def"
#undef AUDIT_SYSCTL
	AUDIT_SYSCTLS,
};

struct audit_scene {
	struct inventory inventory;
	struct audit_route *routes;
	size_t routes_n;
	struct audit_way *ways; /* peer by peer */
	size_t ways_n;
	struct audit_clamp *clamps;
	size_t clamps_n;
	bool filters_known;   /* clamps are all that nf_tables has */
	bool iptables_legacy; /* rules of the old iptables, which nobody can read here */
	struct audit_config *configs;
	size_t configs_n;
	int64_t sysctls[AUDIT_SYSCTLS]; /* -1: this kernel has it not */
	int64_t now_s;			/* Unix time, as of the handshakes */
};

#endif
