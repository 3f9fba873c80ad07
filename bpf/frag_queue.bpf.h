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
