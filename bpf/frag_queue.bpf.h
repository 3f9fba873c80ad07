/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a reassembly queue (struct inet_frag_queue; IPv4's struct ipq and IPv6's struct frag_queue begin with it). */
#ifndef MTUSCOPE_FRAG_QUEUE_BPF_H
#define MTUSCOPE_FRAG_QUEUE_BPF_H

#include "maps.bpf.h"

/* IP packet length in bytes, as far as the fragments that have come tell, without options and extension headers. */
static __always_inline __u32 frag_queue_size(struct inet_frag_queue *q, __u8 family)
{
	return BPF_CORE_READ(q, len) + (family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

/* Whose they are, as tc saw of the first one; key->family must be known. */
static __always_inline void frag_queue_owner(struct inet_frag_queue *q, struct wire_tally_key *key)
{
	struct fragment_key of = { .family = key->family };
	struct fragment_packet *packet;

	if (key->family == AF_INET) {
		BPF_CORE_READ_INTO((__be32 *)of.source, q, key.v4.saddr);
		BPF_CORE_READ_INTO((__be32 *)of.destination, q, key.v4.daddr);
		of.id = BPF_CORE_READ(q, key.v4.id);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)of.source, q, key.v6.saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)of.destination, q, key.v6.daddr);
		of.id = BPF_CORE_READ(q, key.v6.id);
	}
	__builtin_memcpy(key->remote, of.source, 16);
	packet = bpf_map_lookup_elem(&fragments, &of);
	if (!packet)
		return;
	key->aux = packet->owner == FRAGMENT_OF_OTHERS;
	key->port = packet->owner;
}

/* The link on which the last fragment came; key->family must be known. */
static __always_inline void frag_queue_link(struct inet_frag_queue *q, const struct wire_config *cfg,
					    struct wire_tally_key *key)
{
	if (key->family == AF_INET)
		key->ifindex = BPF_CORE_READ((struct ipq *)q, iif);
	else
		key->ifindex = BPF_CORE_READ((struct frag_queue *)q, iif);
	key->tunnel = link_role(cfg, key->ifindex) == WIRE_ROLE_TUNNEL;
}

#endif
