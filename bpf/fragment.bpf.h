/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP fragments, as tc sees them pass on an underlay: WireGuard's are counted by peer in the map "tallies". The first one of a
 * packet has the ports, and WireGuard's counter; they are remembered for the others (map "fragments"), and the message counts as one
 * that has come when all of it has.
 */
#ifndef MTUSCOPE_FRAGMENT_BPF_H
#define MTUSCOPE_FRAGMENT_BPF_H

#include "maps.bpf.h"
#include "parse.bpf.h"
#include "session.bpf.h"

#define FRAGMENTS_KEPT_MS 30000 /* as long as the kernel waits for the rest (sysctl ipfrag_time) */

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

/* What the first fragment has: whose the packet is, and of a data message that comes its counter. */
static __always_inline void fragment_first(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
					   int tx, struct fragment_packet *known)
{
	struct wg_data_header wg;
	__u32 ports, local;
	__be32 both;

	known->owner = FRAGMENT_OF_OTHERS;
	if (p->protocol != IPPROTO_UDP || load(skb, p->l4, &both))
		return;
	ports = bpf_ntohl(both); /* the source's is the upper half */
	local = tx ? ports >> 16 : ports & 0xffff;
	if (!is_wg_port(cfg, local))
		return;
	known->owner = tx ? ports & 0xffff : ports >> 16;
	if (tx || load(skb, p->l4 + 8, &wg) || wg.type != WG_DATA || wg.reserved[0] | wg.reserved[1] | wg.reserved[2])
		return;
	known->local_port = local;
	known->receiver = wg.receiver;
	known->counter = wg.counter;
}

/* Its number has come round again: the fragment is not of the packet that is known. */
static __always_inline int is_of_another(const struct fragment_packet *known, const struct packet *p, __u32 now)
{
	return (p->fragment == FRAGMENT_FIRST && known->owner) || (known->end && known->came == known->end) ||
	       now - known->first_ms > FRAGMENTS_KEPT_MS;
}

/* Its packet, NULL if there is no memory; *all: with this one all of the packet has come. */
static __always_inline struct fragment_packet *fragment_note(struct __sk_buff *skb, const struct wire_config *cfg,
							     const struct packet *p, int tx, int *all)
{
	__u32 len = p->len - (p->l4 - p->l3), offset;
	struct fragment_packet *known;
	struct fragment_key key = {};

	fragment_place(skb, p, &key, &offset);
	known = bpf_map_lookup_elem(&fragments, &key);
	if (!known || is_of_another(known, p, cfg->now_ms)) {
		struct fragment_packet fresh = { .first_ms = cfg->now_ms };

		bpf_map_update_elem(&fragments, &key, &fresh, BPF_ANY);
		known = bpf_map_lookup_elem(&fragments, &key);
		if (!known)
			return 0;
	}
	if (p->fragment == FRAGMENT_FIRST)
		fragment_first(skb, cfg, p, tx, known);
	else if (p->fragment == FRAGMENT_LAST && known->end)
		return known; /* twice */
	else if (p->fragment == FRAGMENT_LAST)
		known->end = offset + len;
	__sync_fetch_and_add(&known->came, len);
	*all = known->end && *(volatile __u32 *)&known->came == known->end;
	return known;
}

/* A data message has come whole. Not inlined, as the next one. */
static __noinline void fragmented_message(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
					  const struct fragment_packet *known)
{
	struct wire_session_key key = {
		.direction = WIRE_RX,
		.family = p->family,
		.index = known->receiver,
		.local_port = known->local_port,
		.remote_port = known->owner,
	};
	__u32 size = known->came + (p->family == AF_INET6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	struct wire_session *s;

	__builtin_memcpy(key.remote, p->source, 16);
	s = session_message(&key, known->counter, size, skb->ifindex, cfg->now_ms);
	if (s)
		__sync_fetch_and_add(&s->bytes, size);
}

/* Returns the data message that has come whole with this one; else NULL. Not inlined: what hardly a packet needs shall not spread the rest. */
static __noinline const struct fragment_packet *tally_fragment(struct __sk_buff *skb, const struct wire_config *cfg,
							       const struct packet *p, int tx)
{
	struct wire_tally_key key = {
		.kind = tx ? WIRE_TALLY_FRAGMENT_TX : WIRE_TALLY_FRAGMENT_RX,
		.aux = p->fragment - FRAGMENT_FIRST,
		.ifindex = skb->ifindex,
		.family = p->family,
	};
	int all = 0;
	const struct fragment_packet *known = fragment_note(skb, cfg, p, tx, &all);

	if (!known || p->protocol != IPPROTO_UDP || known->owner == FRAGMENT_OF_OTHERS)
		return 0;
	key.port = known->owner;
	__builtin_memcpy(key.remote, tx ? p->destination : p->source, 16);
	tally_add(&key, p->size, cfg->now_ms);
	/* … and whether it becomes one must be seen. */
	if (all && cfg->sees_reassembled) {
		key.aux = WIRE_FRAGMENTS_ALL;
		tally_add(&key, p->size, cfg->now_ms);
	}
	return all && known->local_port ? known : 0;
}

#endif
