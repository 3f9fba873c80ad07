/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP fragments, as tc sees them pass on an underlay: WireGuard's are counted by peer in the map "tallies". The first one of a
 * packet has the ports, and is remembered for the others (map "fragments").
 */
#ifndef MTUSCOPE_FRAGMENT_BPF_H
#define MTUSCOPE_FRAGMENT_BPF_H

#include "maps.bpf.h"
#include "parse.bpf.h"

/* The packet that it is of, and where it lies in it, in bytes. */
static __always_inline void fragment_place(struct __sk_buff *skb, const struct packet *p, struct fragment_key *key,
					   __u32 *offset)
{
	__be16 v4[2] = {}; /* number; flags and offset, in units of 8 bytes */
	struct {
		__be16 offset; /* … and flags in the lowest bits */
		__be16 id[2];
	} v6 = {};

	key->family = p->family;
	__builtin_memcpy(key->source, p->source, 16);
	__builtin_memcpy(key->destination, p->destination, 16);
	if (p->family == AF_INET6) {
		load(skb, p->l4 - 6, &v6); /* the fragment header ends at l4 */
		__builtin_memcpy(&key->id, v6.id, sizeof(key->id));
		*offset = bpf_ntohs(v6.offset) & ~7;
	} else {
		load(skb, p->l3 + 4, &v4);
		key->id = v4[0];
		*offset = (bpf_ntohs(v4[1]) & IP_OFFSET) * 8;
	}
}

/* The remote side's port of a first fragment, or FRAGMENT_OF_OTHERS. */
static __always_inline __u32 fragment_owner(struct __sk_buff *skb, const struct wire_config *cfg,
					    const struct packet *p, int tx)
{
	__be32 both;
	__u32 ports;

	if (p->protocol != IPPROTO_UDP || load(skb, p->l4, &both))
		return FRAGMENT_OF_OTHERS;
	ports = bpf_ntohl(both); /* the source's is the upper half */
	if (!is_wg_port(cfg, tx ? ports >> 16 : ports))
		return FRAGMENT_OF_OTHERS;
	return tx ? ports & 0xffff : ports >> 16;
}

/* Its packet's owner, 0 if the first fragment was not seen; *all: with this one all of the packet has come. */
static __always_inline __u32 fragment_note(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
					   int tx, int *all)
{
	__u32 len = p->len - (p->l4 - p->l3), offset;
	struct fragment_packet *known;
	struct fragment_key key = {};

	fragment_place(skb, p, &key, &offset);
	if (p->fragment == FRAGMENT_FIRST) {
		struct fragment_packet fresh = { .owner = fragment_owner(skb, cfg, p, tx), .missing = -len };

		bpf_map_update_elem(&fragments, &key, &fresh, BPF_ANY);
		return fresh.owner;
	}
	known = bpf_map_lookup_elem(&fragments, &key);
	if (!known)
		return 0;
	known->missing += p->fragment == FRAGMENT_LAST ? offset : -len;
	*all = !known->missing;
	return known->owner;
}

/* Not inlined: what hardly a packet needs shall not spread the rest. */
static __noinline void tally_fragment(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
				      int tx)
{
	struct wire_tally_key key = {
		.kind = tx ? WIRE_TALLY_FRAGMENT_TX : WIRE_TALLY_FRAGMENT_RX,
		.aux = p->fragment - FRAGMENT_FIRST,
		.ifindex = skb->ifindex,
		.family = p->family,
	};
	int all = 0;
	__u32 owner = fragment_note(skb, cfg, p, tx, &all);

	if (p->protocol != IPPROTO_UDP || owner == FRAGMENT_OF_OTHERS)
		return;
	key.port = owner;
	__builtin_memcpy(key.remote, tx ? p->destination : p->source, 16);
	tally_add(&key, p->size, cfg->now_ms);
	/* … and whether it becomes one must be seen. */
	if (!all || !cfg->sees_reassembled)
		return;
	key.aux = WIRE_FRAGMENTS_ALL;
	tally_add(&key, p->size, cfg->now_ms);
}

#endif
