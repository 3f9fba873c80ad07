// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tc programs: two for tunnels, two for the links under them, one for the links beside. Each counts every packet by segment and
 * size; tunnels feed the flow table, both the table of WireGuard sessions. They observe and never decide: the verdict
 * is always "next" (TCX_NEXT and TC_ACT_UNSPEC are both -1), so other programs and filters see every packet.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "echo.bpf.h"
#include "fragment.bpf.h"
#include "session.bpf.h"
#include "tcp.bpf.h"
#include "too_big.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void count_size(struct wire_counters *c, __u32 size, __u32 n)
{
	__u32 slot = size / WIRE_SIZE_STEP;

	if (unlikely(!size))
		return;
	if (slot >= WIRE_SIZE_SLOTS)
		slot = WIRE_SIZE_SLOTS - 1;
	c->sizes[slot] += n;
}

static __always_inline void count_packet(struct wire_counters *c, const struct packet *p, __u16 mtu)
{
	c->packets += p->segments;
	c->bytes += p->len + (p->segments - 1) * p->headers;
	if (mtu && p->size > mtu)
		c->oversized += p->segments;
	if (p->df)
		c->dont_fragment += p->segments;
	if (likely(p->fragment == FRAGMENT_NONE))
		return;
	if (p->fragment == FRAGMENT_FIRST)
		c->fragments_first++;
	else if (p->fragment == FRAGMENT_MIDDLE)
		c->fragments_middle++;
	else if (p->fragment == FRAGMENT_LAST)
		c->fragments_last++;
}

static __always_inline void tunnel_packet(struct __sk_buff *skb, const struct wire_config *cfg, struct wire_counters *c,
					  const struct packet *p, int tx)
{
	count_size(c, p->size, p->segments);
	if (unlikely(p->fragment != FRAGMENT_NONE && p->fragment != FRAGMENT_FIRST))
		return;
	if (p->protocol == IPPROTO_TCP && p->fragment == FRAGMENT_NONE)
		flow_tcp(skb, cfg, p, tx);
	else if (p->protocol == IPPROTO_UDP)
		session_udp(skb, cfg, p, tx, 1); /* this tunnel carries another one */
	else if ((p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6) && !tally_too_big(skb, cfg, p, 1, tx) &&
		 !(tx && flow_unreachable(skb, cfg, p)))
		flow_echo(skb, cfg, p, tx);
}

static __always_inline void underlay_packet(struct __sk_buff *skb, const struct wire_config *cfg,
					    struct wire_counters *c, const struct packet *p, int tx)
{
	if (unlikely(p->fragment != FRAGMENT_NONE)) {
		const struct fragment_packet *whole = tally_fragment(skb, cfg, p, tx);

		if (whole)
			fragmented_message(skb, cfg, p, whole);
		if (p->fragment != FRAGMENT_FIRST)
			return;
	}
	if (p->protocol == IPPROTO_UDP) {
		if (session_udp(skb, cfg, p, tx, tx || p->fragment == FRAGMENT_NONE)) {
			c->wg_packets += p->segments;
			c->wg_bytes += p->len + (p->segments - 1) * p->headers;
			count_size(c, p->size, p->segments);
		}
	} else if (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6) {
		tally_too_big(skb, cfg, p, 0, tx);
	}
}

static __always_inline void lan_packet(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
				       int tx)
{
	if (p->fragment == FRAGMENT_NONE && (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6))
		tally_too_big(skb, cfg, p, 0, tx);
}

/*
 * Whether the packet is plainly none of those that are looked at on a LAN: a super-packet is no message, nor is what
 * its IP header calls something else. Most of a gateway's traffic leaves by here.
 */
static __always_inline int lan_ignores(struct __sk_buff *skb, __u32 l3_offset)
{
	if (skb->gso_size)
		return 1;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = linear(skb, l3_offset, sizeof(*ip));

		return ip && ip->version == 4 && ip->protocol != IPPROTO_ICMP;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = linear(skb, l3_offset, sizeof(*ip));

		return ip && ip->version == 6 && (ip->nexthdr == IPPROTO_TCP || ip->nexthdr == IPPROTO_UDP);
	}
	return 0;
}

/* Whether this kernel may let another packet in on this CPU while one is here; set by the loader before the programs load. */
const volatile __u8 preempt_rt = 0;

/*
 * Elsewhere packets run here with bottom halves off, one at a time on a CPU. Under PREEMPT_RT bottom halves need not exclude
 * each other (without PREEMPT_RT_NEEDS_BH_LOCK, from 6.18 on). 0 if this CPU's element is in use: the packet is then not
 * looked at, and that is counted.
 */
static __always_inline int scratch_take(struct wire_counters *c)
{
	if (!preempt_rt)
		return 1;
	__sync_fetch_and_add(&c->inside, 1);
	if (likely(*(volatile __u64 *)&c->inside == 1))
		return 1;
	__sync_fetch_and_add(&c->inside, -1);
	loss_count(WIRE_LOSS_UNPARSED);
	return 0;
}

static __always_inline void scratch_give(struct wire_counters *c)
{
	if (preempt_rt)
		__sync_fetch_and_add(&c->inside, -1);
}

/*
 * Parsed into this CPU's element and not onto the stack: the verifier does not track what a map holds, so the many ways
 * through the headers are one state to what follows, and the program stays within its limits.
 */
static __always_inline void account(struct __sk_buff *skb, const struct wire_config *cfg, const struct wire_link *link,
				    struct wire_counters *c, __u8 role, int tx)
{
	struct packet *p = (struct packet *)c->scratch;
	int ip;

	_Static_assert(sizeof(*p) <= sizeof(c->scratch), "a packet fits");
	ip = parse_ip(skb, link->l3_offset, p);
	if (unlikely(ip < 0)) {
		c->unparsed++;
		loss_count(WIRE_LOSS_UNPARSED);
	}
	if (ip <= 0)
		return;
	count_packet(c, p, link->mtu);
	if (role == WIRE_ROLE_TUNNEL)
		tunnel_packet(skb, cfg, c, p, tx);
	else if (role == WIRE_ROLE_LAN)
		lan_packet(skb, cfg, p, tx);
	else
		underlay_packet(skb, cfg, c, p, tx);
}

static __always_inline int observe(struct __sk_buff *skb, __u8 role, int tx)
{
	const struct wire_config *cfg = config_get();
	const struct wire_link *link;
	struct wire_counters *c;
	__u32 slot;

	if (!cfg)
		return TC_ACT_UNSPEC;
	slot = cfg->link_slot[skb->ifindex & (sizeof(cfg->link_slot) - 1)];
	if (slot >= WIRE_LINKS)
		return TC_ACT_UNSPEC;
	link = &cfg->links[slot];
	if (link->ifindex != skb->ifindex || link->role != role)
		return TC_ACT_UNSPEC;
	if (role == WIRE_ROLE_LAN && lan_ignores(skb, link->l3_offset))
		return TC_ACT_UNSPEC;
	slot = slot * WIRE_DIRECTIONS + tx;
	c = bpf_map_lookup_elem(&counters, &slot);
	if (!c || !scratch_take(c))
		return TC_ACT_UNSPEC;
	account(skb, cfg, link, c, role, tx);
	scratch_give(c);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int mtuscope_tun_rx(struct __sk_buff *skb)
{
	return observe(skb, WIRE_ROLE_TUNNEL, WIRE_RX);
}

SEC("tc")
int mtuscope_tun_tx(struct __sk_buff *skb)
{
	return observe(skb, WIRE_ROLE_TUNNEL, WIRE_TX);
}

SEC("tc")
int mtuscope_und_rx(struct __sk_buff *skb)
{
	return observe(skb, WIRE_ROLE_UNDERLAY, WIRE_RX);
}

SEC("tc")
int mtuscope_und_tx(struct __sk_buff *skb)
{
	return observe(skb, WIRE_ROLE_UNDERLAY, WIRE_TX);
}

SEC("tc")
int mtuscope_lan_tx(struct __sk_buff *skb)
{
	return observe(skb, WIRE_ROLE_LAN, WIRE_TX);
}
