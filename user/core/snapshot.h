/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The snapshot: everything that is known at one moment, as plain data. Filled by the two kernel edges
 * (user/kernel/collect.c from the BPF maps, user/inventory/ from netlink), or by a recording or a test;
 * read by user/core/analysis.c and nothing else decides anything. It is the waist of the program.
 */
#ifndef MTUSCOPE_SNAPSHOT_H
#define MTUSCOPE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* Milliseconds of the loader's clock, which begins above 0 and in which the low 32 bits are never 0; 0 is "never". */
typedef uint64_t msec_t;

/* What the maps hold (wire.h), with whole times. */
#define MEMBER(type, name)   type name;
#define ARRAY(type, name, n) type name[n];
#define TIME(name)	     msec_t name;

struct flow {
#include "flow.def"
};

struct session_value {
#include "session.def"
};

struct tally_value {
#include "tally.def"
};

#undef MEMBER
#undef ARRAY
#undef TIME

#define WG_KEY_LEN     32
#define IFACE_NAME_LEN 16 /* IFNAMSIZ, with the final NUL; the bytes may be anything but '/' and NUL */

/* An IP address with its family (AF_INET or AF_INET6, 0: none); IPv4 in the first four bytes. */
struct ip_address {
	uint8_t family;
	uint8_t bytes[16];
};

struct ip_endpoint {
	struct ip_address ip;
	uint16_t port; /* host byte order */
};

/* A network interface of the watched namespace that matters here: a tunnel, or a link under one. */
struct link {
	uint32_t ifindex;
	char name[IFACE_NAME_LEN];
	uint32_t mtu; /* bytes */
	uint8_t role; /* enum wire_role */
	bool up;
	bool ethernet;	       /* packets at tc carry a 14-byte Ethernet header */
	bool kernel_wireguard; /* tunnel: its peers are known by netlink */
	uint16_t listen_port;  /* tunnel: UDP, host byte order, 0 unknown */
	bool elsewhere;	       /* tunnel, audit: its socket is in another network namespace, by whose routes it sends */
	bool in_vrf;	       /* tunnel: routes into it are in the table of a VRF, of which it is a part */
	uint32_t fwmark;       /* tunnel */
	uint32_t peers_n;      /* tunnel */
	uint32_t route_mtu_min; /* tunnel: of the routes into it that have an MTU of their own; 0: there is none */
	uint32_t route_mtu_max;
	uint8_t public_key[WG_KEY_LEN]; /* tunnel: its own; all 0: not known */
};

struct peer {
	uint32_t tunnel_ifindex;
	uint8_t public_key[WG_KEY_LEN];
	struct ip_endpoint endpoint; /* family 0: none known */
	uint32_t egress_ifindex;     /* link of the kernel's route to the endpoint, 0: no route */
	uint32_t egress_mtu;	     /* of that route or link, the smaller, as configured; bytes, outer */
	uint32_t learned_mtu;	     /* path MTU that the kernel holds for the endpoint from a too-big message, which
					 * may have been forged; below egress_mtu; 0: none */
	uint32_t route_mtu;	     /* what the route to the endpoint says of itself, as configured; 0: nothing */
	bool off_link;		     /* the endpoint is behind a router */
	int64_t last_handshake_s;    /* Unix time, 0: never */
	uint64_t rx_bytes, tx_bytes;
	uint16_t keepalive_s;
};

struct allowed_ip {
	struct ip_address ip;
	uint8_t prefix_len;
	uint32_t peer; /* index into inventory.peers */
};

struct inventory {
	struct link *links;
	size_t links_n;
	struct peer *peers;
	size_t peers_n;
	struct allowed_ip *allowed_ips; /* sorted: by tunnel, then longest prefix first */
	size_t allowed_ips_n;
	uint32_t *peers_by_endpoint; /* inventory_index() makes it, NULL: not indexed; holds indices into peers */
};

struct session {
	struct wire_session_key key;
	struct session_value value;
};

struct tally {
	struct wire_tally_key key;
	struct tally_value value;
};

struct link_counters {
	uint32_t ifindex;
	struct wire_counters direction[WIRE_DIRECTIONS];
};

/* Packets that the kernel dropped in this namespace, by reason; where it gives none, by the dropping function. */
struct drop {
	char reason[48]; /* "PKT_TOO_BIG", "NETFILTER_DROP", "at ip_forward" */
	uint64_t count;
};

/* Larger segments that local TCP has tried by itself (sysctl tcp_mtu_probing). */
enum tcp_probe { TCP_PROBE_ARRIVED, TCP_PROBE_LOST, TCP_PROBES };

struct snapshot {
	msec_t now_ms;
	int64_t realtime_ms; /* Unix time of now_ms: to print, never to decide */
	struct inventory inventory;
	struct flow *flows; /* only those used since the loader started */
	size_t flows_n;
	struct session *sessions;
	size_t sessions_n;
	struct tally *tallies;
	size_t tallies_n;
	struct link_counters *counters;
	size_t counters_n;
	struct drop *drops;
	size_t drops_n;
	uint64_t losses[WIRE_LOSSES];
	uint64_t tcp_probes[TCP_PROBES];    /* since the start */
	uint64_t retired[WIRE_TALLY_KINDS]; /* counts of tallies that were given up since, by kind */
};

/* The link with that index or name, the tunnel's peer with that key; NULL if there is none. */
const struct link *inventory_link(const struct inventory *inv, uint32_t ifindex);
const struct link *inventory_link_named(const struct inventory *inv, const char *name);
const struct peer *inventory_peer(const struct inventory *inv, uint32_t tunnel_ifindex,
				  const uint8_t public_key[WG_KEY_LEN]);

/* Whether the tunnel's own public key is known. */
bool link_has_key(const struct link *link);

/*
 * Sorts the peers by tunnel and public key, the allowed IPs by tunnel, longest prefix, family and address, and makes
 * peers_by_endpoint: whoever fills an inventory calls it last. Without it the functions below answer the same, slowly.
 * 0; -EINVAL: an allowed IP with a wrong peer, family or prefix length; or -ENOMEM.
 */
int inventory_index(struct inventory *inv);

/*
 * The peer to which `tunnel_ifindex` sends packets for `address` (network byte order): the longest
 * matching AllowedIPs, as in drivers/net/wireguard/allowedips.c. NULL if no peer takes it.
 */
const struct peer *inventory_peer_for(const struct inventory *inv, uint32_t tunnel_ifindex, uint8_t family,
				      const uint8_t address[16]);

/*
 * The peer whose present endpoint is address and port, on any tunnel listening on `local_port` (0: any); of several
 * the one with the latest handshake; or NULL.
 */
const struct peer *inventory_peer_at(const struct inventory *inv, uint8_t family, const uint8_t address[16],
				     uint16_t port, uint16_t local_port);

/* What a map holds as a snapshot taken at `now` holds it: the times are from the 49.7 days before. */
void flow_widen(struct flow *to, const struct wire_flow *from, msec_t now);
/* Makes the times of a flow that nobody writes any more a few days younger, before they come round again and look new. */
void flow_age(struct wire_flow *f, uint32_t now_ms);
void session_widen(struct session *to, const struct wire_session_key *key, const struct wire_session *from, msec_t now);
void tally_widen(struct tally *to, const struct wire_tally_key *key, const struct wire_tally *from, msec_t now);

/* Frees what the snapshot or inventory points to and zeroes it. NULL is allowed. */
void inventory_free(struct inventory *inv);
void snapshot_free(struct snapshot *snap);

#endif
