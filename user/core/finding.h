/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A finding: what the analysis says about one cause, as plain data, ready to be written by any sink.
 * Made by user/core/analysis.c; sinks only read it.
 */
#ifndef MTUSCOPE_FINDING_H
#define MTUSCOPE_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define FINDING_EVIDENCE_MAX 8
#define FINDING_FLOWS_MAX    5
#define FINDING_NETWORKS_MAX 4
#define FINDING_FIXES_MAX    8
#define FINDING_ID_LEN	     33 /* 32 hexadecimal digits and NUL */
#define FINDING_MESSAGE_LEN  512
#define FINDING_FIX_LEN	     192

enum finding_class {
	FINDING_PATH_BLACKHOLE,
	FINDING_FRAGMENT_BLACKHOLE,
	FINDING_REASSEMBLY_FAILURE,
	FINDING_PTB_IGNORED,
	FINDING_PTB_SUPPRESSED,
	FINDING_TUNNEL_MTU_TOO_LARGE,
	FINDING_TUNNEL_MTU_MISMATCH,
	FINDING_MSS_TOO_LARGE,
	FINDING_PTB_FORGED,
	FINDING_PEER_UNREACHABLE,
	FINDING_CLASSES,
};

enum finding_state { FINDING_OPEN, FINDING_UPDATE, FINDING_RESOLVED };
enum finding_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };
enum finding_basis { BASIS_PROBE, BASIS_PTB, BASIS_BRACKET, BASIS_FLOOR };

enum evidence_kind {
	EVIDENCE_TCP_RETRANSMIT, /* the same TCP bytes sent again and again, never acknowledged */
	EVIDENCE_TCP_HOLE,	 /* a hole in a TCP stream from the peer that stays open */
	EVIDENCE_TCP_SILENCE,	 /* a TCP flow from the peer that fell silent after its handshake */
	EVIDENCE_ECHO_LOST,	 /* echo requests of a size never answered */
	EVIDENCE_COUNTER_GAP,	 /* gaps in WireGuard's counters: datagrams that never came */
	EVIDENCE_DELIVERED,	 /* what did get through, for contrast */
	EVIDENCE_FRAGMENTED,	 /* outer datagrams fragmented here */
	EVIDENCE_FRAGMENT,	 /* fragments that arrived */
	EVIDENCE_REASSEMBLY_TIMEOUT,
	EVIDENCE_TOO_BIG,    /* too-big messages; sizes: of the packets they are about, or the MTU they name */
	EVIDENCE_TUNNEL_MTU, /* the tunnel's own MTU; size: of a full outer packet */
	EVIDENCE_SYN_MSS,    /* a connection's two announcements; size: outer, of the segments they allow */
	EVIDENCE_HANDSHAKE,  /* WireGuard handshakes without an answer */
	EVIDENCE_SEND_ERROR, /* WireGuard's packets that this host could not send */
	EVIDENCE_PROBE,	     /* probes of our own; sizes: of those sent */
	EVIDENCE_KINDS,
};

struct evidence {
	enum evidence_kind kind;
	uint64_t count;
	uint32_t min_size, max_size; /* bytes, outer; 0: unknown */
};

struct finding_flow {
	uint8_t protocol;			/* IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP */
	struct ip_endpoint source, destination; /* in the direction of the finding */
	uint32_t stalled_ms;
};

/* An IP network: address, and how many of its leading bits count. */
struct ip_network {
	struct ip_address ip;
	uint8_t prefix_len;
};

struct finding {
	char id[FINDING_ID_LEN]; /* stable for the life of the finding */
	enum finding_class class;
	enum finding_state state;
	enum finding_severity severity;
	double confidence; /* 0 … 1 */
	char interface[IFACE_NAME_LEN];
	uint32_t tunnel_mtu; /* bytes, inner */
	bool has_peer;
	uint8_t public_key[WG_KEY_LEN];
	struct ip_endpoint endpoint; /* ip.family 0: none */
	enum wire_direction direction;
	uint8_t outer_family;	/* AF_INET, AF_INET6 */
	struct ip_address host; /* whom a too-big message was for or from; family 0: none */
	uint32_t hop_mtu;	/* bytes, inner: of the link that was too small, if that is not the tunnel; else 0 */
	struct ip_address hop;	/* … who says so; family 0: not known */
	bool hop_refused;	/* … but is not among the peer's AllowedIPs, so that WireGuard drops what it says */
	/* What is behind the peer, if the tunnel has other peers as well, and it is not too much to list; else none. */
	struct ip_network networks[FINDING_NETWORKS_MAX];
	size_t networks_n;
	uint32_t path_mtu_lower; /* largest outer size proven to arrive; 0: none */
	uint32_t path_mtu_upper; /* smallest outer size proven not to arrive; 0: none known */
	bool path_mtu_exact;
	bool doubtful;		  /* nobody is told of it before its probes are */
	bool to_probe;		  /* probes could measure the path, and have not begun to as it is now */
	uint32_t probes;	  /* sent for it so far, at most PROBER_BUDGET */
	uint32_t recommended_mtu; /* bytes, for the tunnel interface; 0: no recommendation */
	enum finding_basis basis;
	struct evidence evidence[FINDING_EVIDENCE_MAX];
	size_t evidence_n;
	struct finding_flow flows[FINDING_FLOWS_MAX];
	size_t flows_n;
	char fix[FINDING_FIXES_MAX][FINDING_FIX_LEN];
	size_t fixes_n;
	char message[FINDING_MESSAGE_LEN];   /* one sentence that a person understands */
	int64_t first_seen_ms, last_seen_ms; /* Unix time */
};

/* The words of the contract: "path-blackhole", "open", "critical", "bracket", "tcp-retransmit", "tx". Never NULL. */
const char *finding_class_name(enum finding_class class);
const char *finding_state_name(enum finding_state state);
const char *finding_severity_name(enum finding_severity severity);
const char *finding_basis_name(enum finding_basis basis);
const char *evidence_kind_name(enum evidence_kind kind);
const char *direction_name(enum wire_direction direction);

/* The severity that the contract gives to a class. */
enum finding_severity finding_class_severity(enum finding_class class);

/* Whether a class is of packets that vanish on the path, whole or as fragments: a probe may show of what size. */
bool finding_class_vanishes(enum finding_class class);

/*
 * Sets id from class, direction, peer, tunnel, the moment it was opened and first_seen_ms: stable for its life, and another
 * one for the next finding of the same path.
 */
void finding_id_make(struct finding *f, uint32_t tunnel_ifindex, msec_t opened_ms);

/* Sets networks: what is routed to that peer alone. A default route is not, nor is more than fits. */
void finding_describe_networks(struct finding *f, const struct inventory *inv, const struct peer *p);

#endif
