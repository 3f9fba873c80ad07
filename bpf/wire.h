/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract between the BPF programs and user space: what lies in each map.
 *
 * BPF programs write it (bpf/), user/kernel/collect.c copies it out unchanged into a snapshot, and
 * user/core/ reasons about it. Fixed-width types, explicit padding, sizes asserted at the end.
 *
 * Conventions
 *   - "local" is this side of the tunnel, "remote" is the peer's side; "tx" goes into the tunnel
 *     (towards the peer), "rx" comes out of it.
 *   - sizes are IP packet lengths in bytes, by segment, never of GSO or GRO super-packets:
 *     "inner" is the packet inside the tunnel, "outer" the WireGuard datagram that carries it.
 *   - addresses are in network byte order, IPv4 in the first four bytes, the rest zero; ports and
 *     counters are in host byte order.
 *   - times are milliseconds of the loader's clock (struct wire_config.now_ms), modulo 2^32; 0 is "never".
 */
#ifndef MTUSCOPE_WIRE_H
#define MTUSCOPE_WIRE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/*
 * What user space computes with too is listed in a file of its own, one member a line: here times are 32 bits wide, the hot
 * path's width, and wrap after 49.7 days; a snapshot has them whole (snapshot.h).
 */
#define MEMBER(type, name)   type name;
#define ARRAY(type, name, n) type name[n];
#define TIME(name)	     __u32 name;

#define WIRE_FLOWS	    65536 /* slots of the flow table, a power of two */
#define WIRE_SESSIONS	    8192  /* two directions, rekeyed every two minutes: over 1000 busy peers */
#define WIRE_TALLIES	    8192
#define WIRE_LINKS	    32	 /* watched interfaces, tunnels and underlays together */
#define WIRE_SIZE_STEP	    16	 /* resolution of the size histograms: WireGuard's padding */
#define WIRE_SIZE_SLOTS	    578	 /* 0 … 9232 bytes; the last slot takes everything above */
#define WIRE_HOP_MTU_MIN_V4 552	 /* no link of today is smaller; Linux's net.ipv4.route.min_pmtu */
#define WIRE_HOP_MTU_MIN_V6 1280 /* RFC 8200, 5 */
#define WIRE_REASONS	    256 /* kernel drop reasons counted by number; the last: what does not fit, subsystems' own */
#define WIRE_DROP_SITES	    256 /* places in the kernel's code that drop, where it gives no reasons */

enum wire_role {
	WIRE_ROLE_NONE,
	WIRE_ROLE_TUNNEL,
	WIRE_ROLE_UNDERLAY,
	WIRE_ROLE_LAN, /* any other link: only too-big messages that leave there are looked at */
};

enum wire_direction {
	WIRE_RX,
	WIRE_TX,
	WIRE_DIRECTIONS,
};

/* What the loader tells the programs; one element of the array map "config". */
struct wire_link {
	__u32 ifindex;
	__u16 mtu;	/* 0: none known, nothing counts as oversized */
	__u8 role;	/* enum wire_role */
	__u8 l3_offset; /* bytes before the network header: 14 on Ethernet, 0 on tunnels */
};

struct wire_config {
	__u32 now_ms;			    /* coarse clock, advanced by the loader on every tick */
	__u32 netns_inum;		    /* inode number of the network namespace being watched */
	__u64 hash_seed[2];		    /* random for each load: nobody outside can aim at a flow slot */
	__u32 probe_id;			    /* 1 + echo id of our own probes, which are no traffic; 0: none */
	__u32 sees_reassembled;		    /* 1: fragments that become a packet are seen (hooks/reassembly.bpf.c) */
	struct wire_link links[WIRE_LINKS]; /* ifindex 0: the slot is free */
	__u8 link_slot[4096];		    /* ifindex modulo 4096 -> index into links; checked against ifindex */
	__u8 wg_port[65536];		    /* 1: a WireGuard socket listens on this UDP port */
};

/* Map "counters": per CPU, index = link slot * WIRE_DIRECTIONS + direction. */
struct wire_counters {
	__u64 packets; /* by segment */
	__u64 bytes;
	__u64 wg_packets; /* underlay: WireGuard datagrams (unfragmented, or first fragments) */
	__u64 wg_bytes;
	__u64 oversized;     /* segments larger than the link's MTU */
	__u64 dont_fragment; /* IPv4 with DF; every IPv6 packet */
	__u64 fragments_first;
	__u64 fragments_middle;
	__u64 fragments_last;
	__u64 unparsed;		      /* packets whose headers could not be read to the end */
	__u64 inside;		      /* packets under way, on a PREEMPT_RT kernel; means nothing to user space */
	__u64 scratch[8];	      /* the packet being parsed (struct packet); means nothing to user space */
	__u64 sizes[WIRE_SIZE_SLOTS]; /* tunnel: inner sizes; underlay: outer sizes of WireGuard datagrams */
};

enum wire_flow_flags {
	WIRE_FLOW_SYN_TX = 1 << 0,	/* the local side opened it */
	WIRE_FLOW_RESET = 1 << 1,	/* RST seen: nothing will be repeated any more */
	WIRE_FLOW_ESTABLISHED = 1 << 2, /* seen answered in both directions */
	WIRE_FLOW_CLOSED = 1 << 3,	/* FIN or RST seen; after a FIN data may still be on its way */
	WIRE_FLOW_TX_KNOWN = 1 << 4,	/* tx_end, tx_acked hold sequence numbers */
	WIRE_FLOW_RX_KNOWN = 1 << 5,	/* rx_next, rx_end hold sequence numbers */
	WIRE_FLOW_RX_RESPONSE = 1 << 6, /* the remote side has sent payload */
	WIRE_FLOW_TX_REQUEST = 1 << 7,	/* the local side has sent payload */
	WIRE_FLOW_RX_MORE = 1 << 8,	/* what came last was not all: no push (RFC 9293, 3.9.1), or a full segment */
	WIRE_FLOW_RX_SHUT = 1 << 9,	/* … if the local side takes it: as it last said its window is 0 */
	WIRE_FLOW_ABORTED = 1 << 10,	/* reset by an application, in answer to nothing: what was tried was in vain */
	WIRE_FLOW_NO_SACK = 1 << 11,	/* one side does not tell what has arrived beyond a hole (RFC 2018) */
	/* what is acknowledged was acknowledged once more (RFC 5681, 2): something that was sent later has arrived */
	WIRE_FLOW_TX_DUPLICATE = 1 << 12,
};

/*
 * Map "flows": an array that the programs use as a table by keyed hash (flow.bpf.h), mapped into user space.
 * One entry holds both directions of a TCP connection or of an ICMP echo conversation in a tunnel.
 *
 * The trial is one segment at a time whose fate is followed: its size is delivered when the other side acknowledges
 * its last byte, and is in doubt while the same bytes are sent again and again. For echo a trial is a
 * request without its reply, `tries` counts those in a row. A packet touches the first cache line, or the first two.
 */
struct wire_flow {
#include "flow.def"
};

/*
 * Map "sessions": WireGuard's data sessions, on an underlay or inside another tunnel, one entry a direction, by the index in
 * clear in each data message (the receiver's name for the session). Loss on the way here is
 * counter_max - counter_first + 1 - received: a late packet closes its own gap.
 */
struct wire_session_key {
	__u32 index;	 /* receiver index as on the wire, little endian value */
	__u32 direction; /* enum wire_direction */
	__u8 remote[16]; /* the peer's endpoint: a session that roams is a new entry */
	__u16 remote_port;
	__u16 local_port;
	__u32 family;
};

struct wire_session {
#include "session.def"
};

/* Map "tallies": rare things, counted by what they are about. No event for each packet. */
enum wire_tally_kind {
	WIRE_TALLY_FRAGMENTED = 1,  /* ip_do_fragment, ip6_fragment: a packet was fragmented here */
	WIRE_TALLY_FRAGMENT_FAILED, /* the same, with an error; aux: errno, ENOBUFS if a queue refused a fragment */
	/* tc: a fragment of WireGuard's arrived; aux: enum wire_fragment; port 0: a later one, whose first did not */
	WIRE_TALLY_FRAGMENT_RX,
	WIRE_TALLY_FRAGMENT_TX,
	WIRE_TALLY_TOO_BIG_RX,	     /* tc: a too-big message arrived; aux: next-hop MTU */
	WIRE_TALLY_TOO_BIG_TX,	     /* tc: a too-big message left */
	WIRE_TALLY_DROP_TOO_BIG,     /* kfree_skb, reason PKT_TOO_BIG */
	WIRE_TALLY_TUNNEL_OVERSIZED, /* wg_xmit: inner segment above the tunnel's MTU */
	WIRE_TALLY_HANDSHAKE_TX,     /* tc: WireGuard messages of type 1 to 3; aux: type */
	WIRE_TALLY_HANDSHAKE_RX,
	WIRE_TALLY_SEND_ERROR, /* WireGuard could not send to a peer's endpoint; aux: errno */
	/* a decrypted packet from outside the peer's AllowedIPs; remote: its source; aux: next-hop MTU of a too-big message */
	WIRE_TALLY_SOURCE_REFUSED,
	WIRE_TALLY_REASSEMBLED,	       /* fragments became a packet; remote: their source; aux 1: not WireGuard's */
	WIRE_TALLY_REASSEMBLY_TIMEOUT, /* fragments never did; the same */
	WIRE_TALLY_TOO_BIG_MADE,       /* the kernel makes a too-big message for remote; aux: next-hop MTU */
	WIRE_TALLY_PMTU_LEARNED,       /* a route exception for remote; aux: path MTU */
	WIRE_TALLY_TCP_RETRANSMIT,     /* a local socket's segment to remote, into a tunnel; port 0 if ephemeral */
	WIRE_TALLY_HANDSHAKE_MADE, /* WireGuard gives its socket a message of type 1 or 2, which may yet not leave */
	WIRE_TALLY_KINDS,
};

enum wire_fragment {
	WIRE_FRAGMENT_FIRST,
	WIRE_FRAGMENT_MIDDLE,
	WIRE_FRAGMENT_LAST,
	WIRE_FRAGMENTS_ALL, /* of one packet: that which made it complete is counted once more */
};

enum wire_tunnel {
	WIRE_TUNNEL_NONE,
	WIRE_TUNNEL_SEEN, /* on a tunnel, about inner packets */
	WIRE_TUNNEL_LEFT, /* too-big made: about a packet that came out of a tunnel, for another link */
};

struct wire_tally_key {
	__u16 kind; /* enum wire_tally_kind */
	__u16 aux;
	__u32 ifindex;
	__u8 family;
	__u8 tunnel;	   /* enum wire_tunnel */
	__u16 port;	   /* of `remote`, 0 if none */
	__u8 remote[16];   /* the far end that it concerns; too-big made or sent: the host told */
	__u8 reporter[16]; /* too-big received: who says so; made or sent: the destination that was too far */
};

struct wire_tally {
#include "tally.def"
};

#undef MEMBER
#undef ARRAY
#undef TIME

/* Map "drops": per CPU array by reason number: packets freed as dropped in the watched namespace. */

/* Map "drop_sites": kernels without reasons count by the dropping code's address; user space names it by kallsyms. */

/* Map "losses": per CPU array: what the programs could not see, keep or tell. */
enum wire_loss {
	WIRE_LOSS_FLOW_EVICTED, /* a live flow's slot was taken by another */
	WIRE_LOSS_FLOW_REFUSED, /* all its places held flows worth more */
	WIRE_LOSS_SESSION_FULL,
	WIRE_LOSS_TALLY_FULL,
	WIRE_LOSS_UNPARSED, /* sum of wire_counters.unparsed, and what hooks could not read */
	WIRE_LOSS_CLOCK_LATE, /* of user space: for seconds wire_config.now_ms stood still, and all that came has one time */
	WIRE_LOSSES,
};

_Static_assert(sizeof(struct wire_link) == 8, "wire_link");
_Static_assert(sizeof(struct wire_config) == 32 + 8 * WIRE_LINKS + 4096 + 65536, "wire_config");
_Static_assert(sizeof(struct wire_flow) == 192, "wire_flow: three cache lines");
_Static_assert(__builtin_offsetof(struct wire_flow, last_tx_data_ms) == 64, "wire_flow: the hot line");
_Static_assert(__builtin_offsetof(struct wire_flow, tx_lost_inner) == 128, "wire_flow: the second line");
_Static_assert(sizeof(struct wire_session_key) == 32, "wire_session_key");
_Static_assert(sizeof(struct wire_session) == 72, "wire_session");
_Static_assert(sizeof(struct wire_tally_key) == 44, "wire_tally_key");
_Static_assert(sizeof(struct wire_tally) == 40, "wire_tally");

#endif
