/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's netlink messages say. For each kind: the plain struct that it becomes, the parser (a message
 * handler of netlink.h, safe on any bytes, which is what tests/fuzz/fuzz_netlink.c calls) and the function that asks
 * the kernel and parses. Used by user/inventory/ and its tests only.
 */
#ifndef MTUSCOPE_MESSAGES_H
#define MTUSCOPE_MESSAGES_H

#include "audit/scene.h"
#include "inventory.h"
#include "netlink.h"
#include "snapshot.h"

enum link_kind {
	LINK_KIND_OTHER,
	LINK_KIND_WIREGUARD,
	LINK_KIND_TUN, /* a TUN device, perhaps of a WireGuard daemon; TAP carries Ethernet and is just another link */
};

struct link_entry {
	struct link link;  /* without role and all that only tunnels have */
	uint32_t mtu_ipv6; /* of net.ipv6.conf.NAME.mtu, which may be below the link's; 0 unknown */
	uint8_t kind;	   /* enum link_kind */
	bool bare;	   /* no Ethernet, and its packets begin with their IP header */
	bool has_ports;	   /* a bridge, bond or team: what this host sends leaves by it, and then by a port of it */
	uint32_t master;   /* ifindex of what it is a port or part of, 0: of nothing */
};

/* Every link of the namespace, sorted by ifindex. */
struct link_table {
	struct link_entry *entries;
	size_t n;
	size_t capacity;
};

/* link.c. RTM_NEWLINK into `data`, a struct link_table, which link_table_read() sorts afterwards. */
int link_parse(const struct nlmsghdr *nlh, void *data);
/* The whole table. 0 or -errno. */
int link_table_read(struct netlink *nl, struct link_table *table);
void link_table_free(struct link_table *table);
/* NULL if there is none. */
const struct link_entry *link_table_find(const struct link_table *table, uint32_t ifindex);
const struct link_entry *link_table_named(const struct link_table *table, const char *name);

/* A dump of one WireGuard device under way. The caller frees inv. */
struct wireguard_dump {
	struct inventory *inv; /* peers and allowed_ips are appended */
	struct link *tunnel;   /* gets listen_port, fwmark, peers_n, public_key */
	size_t peers_capacity;
	size_t allowed_ips_capacity;
	size_t peers_first; /* the tunnel's first peer and prefix: where a restart goes back to */
	size_t allowed_ips_first;
};

/* The tunnel's peers begin here; all that has come of them since is void. */
void dump_begin(struct wireguard_dump *dump);
void dump_restart(void *dump);
/* The peer of that key: the last one again, if what came before ended in its midst, or a new one; NULL: no memory. */
struct peer *dump_peer(struct wireguard_dump *dump, const uint8_t *public_key);
/* A prefix of the last peer. 0 or -ENOMEM. */
int dump_allowed_ip(struct wireguard_dump *dump, const struct allowed_ip *allowed);

/*
 * wireguard.c. WG_CMD_GET_DEVICE into `data`, a struct wireguard_dump. Until the routes are known, egress_ifindex of a
 * peer whose endpoint is link-local holds that address's scope.
 */
int wireguard_parse(const struct nlmsghdr *nlh, void *data);
/* The number of the genl family, or -ENOENT: the module is not loaded. By name, this may make the kernel load it. */
int wireguard_family(struct netlink *genl);
int wireguard_family_parse(const struct nlmsghdr *nlh, void *data);
/* All of dump->tunnel, by its ifindex. 0, -ENODEV: it is gone, -EPERM without CAP_NET_ADMIN, or another -errno. */
int wireguard_read(struct netlink *genl, int family, struct wireguard_dump *dump);

/*
 * uapi.c. WireGuard outside the kernel (wireguard-go, boringtun): the text of its user API into dump. The text is
 * taken apart in place. 0; -EINVAL: it is cut off or is no such text; -EIO: the daemon reports an error; -ENOMEM.
 */
int uapi_parse(char *text, struct wireguard_dump *dump);
/* Whether there is a socket of that API for the link. */
bool uapi_exists(const char *name);
/* All of dump->tunnel, by its name. 0; -ETIMEDOUT; -EMSGSIZE; as uapi_parse(); or another -errno, without any peer then. */
int uapi_read(struct wireguard_dump *dump);

struct route {
	uint32_t oif;		  /* 0: there is no route */
	uint32_t mtu;		  /* bytes, 0: the link's */
	uint32_t priority;	  /* the lower, the better */
	bool gateway;		  /* by way of a router */
	struct ip_address source; /* that the kernel would choose, family 0: it does not say */
	bool learned;		  /* mtu may come from a too-big message; it expires */
	uint32_t wanted;	  /* link asked for: of several next hops that one's, if there is one; 0: the first's */
};

struct route_query {
	struct ip_endpoint to;
	uint16_t from_port;	/* host byte order, 0: any */
	struct ip_address from; /* family 0: any */
	uint32_t fwmark;
	uint32_t oif;	 /* 0: any */
	bool configured; /* as in the table, without what was learned on the way */
};

/* route.c. RTM_NEWROUTE into `data`, a struct route: the answer to one question; the best default route of a dump. */
int route_parse(const struct nlmsghdr *nlh, void *data);
int route_parse_default(const struct nlmsghdr *nlh, void *data);
/* 0 with route->oif 0: no such route. Otherwise -errno. */
int route_read(struct netlink *nl, const struct route_query *query, struct route *route);
int route_read_default(struct netlink *nl, uint8_t family, struct route *route);

/* What routes into a link say of their MTU. */
struct route_mtus {
	uint32_t oif;
	uint32_t min, max; /* 0: there is none that has one of its own */
};

/* route.c. RTM_NEWROUTE into `data`, a struct route_mtus, whose oif is set; and those of all tables. 0 or -errno. */
int route_parse_mtus(const struct nlmsghdr *nlh, void *data);
int route_read_mtus(struct netlink *nl, struct route_mtus *mtus);

/* The routes that an audit looks at, in a dump of all. */
struct route_dump {
	const struct link_table *links;
	struct audit_route *routes;
	size_t n;
	size_t capacity;
};

#define ROUTES_MAX     4096 /* kept, of any number */
#define NFT_CLAMPS_MAX 1024
#define NFT_RULES_MAX  65536

/* route.c. RTM_NEWROUTE into `data`, a struct route_dump, whose routes the caller frees. */
int route_parse_all(const struct nlmsghdr *nlh, void *data);

#define ROUTE_MESSAGE_BYTES 384 /* longer ones, of many nexthops, are not for a tunnel; and must fit a request */

/* The route in the main table to exactly that prefix by that link, and the kernel's message about it. */
struct route_want {
	uint32_t ifindex;
	struct allowed_ip to;
	bool found, elsewhere; /* elsewhere: one by another link, or one that is not understood */
	union {
		struct nlmsghdr align;
		char bytes[ROUTE_MESSAGE_BYTES];
	} message;
};

/* route_mtu.c. RTM_NEWROUTE into `data`, a struct route_want. */
int route_parse_wanted(const struct nlmsghdr *nlh, void *data);

/* A rule that clamps or jumps, and its conditions. Chains are told by a hash of family, table and name. */
struct nft_rule {
	uint64_t chain;
	uint64_t jump; /* 0: it does not */
	bool clamps;
	struct audit_clamp clamp;
};

/* The caller frees the arrays. */
struct nft_dump {
	struct nft_rule *rules;
	size_t rules_n, rules_capacity;
	uint64_t *bases; /* chains that forwarded packets come to by themselves */
	size_t bases_n, bases_capacity;
	bool maps; /* some rule looks its verdict up */
	struct audit_clamp *clamps;
	size_t clamps_n, clamps_capacity;
	size_t visits;
};

/* nft.c. NFT_MSG_NEWRULE and NFT_MSG_NEWCHAIN into `data`, a struct nft_dump. */
int nft_parse(const struct nlmsghdr *nlh, void *data);
int nft_parse_chain(const struct nlmsghdr *nlh, void *data);
/* nft_chains.c. Makes clamps of rules and bases. 0 or -ENOMEM. */
int nft_resolve(struct nft_dump *dump);
void nft_free(struct nft_dump *dump);

/* The tc filters at one hook of one interface. */
struct tc_table {
	uint32_t ifindex; /* asked for, as is parent */
	uint32_t parent;
	bool clsact;
	struct tc_filter *filters;
	size_t n;
	size_t capacity;
};

/* tc.c. RTM_NEWQDISC and RTM_NEWTFILTER into `data`, a struct tc_table, whose filters the caller frees. */
int tc_parse(const struct nlmsghdr *nlh, void *data);

/*
 * Room for one more element: `array` if n < *capacity, otherwise the array moved to twice the room, or NULL without
 * memory, and then `array` is as it was.
 */
void *array_grown(void *array, size_t n, size_t *capacity, size_t element_bytes);

#endif
