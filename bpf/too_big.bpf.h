/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Too-big messages (ICMP type 3 code 4, RFC 1191; ICMPv6 type 2, RFC 4443), as tc sees them pass: counted by subject in the
 * map "tallies". Those on a tunnel that quote what has passed there are noted of the flow as well, or of the host told.
 */
#ifndef MTUSCOPE_TOO_BIG_BPF_H
#define MTUSCOPE_TOO_BIG_BPF_H

#include "quote.bpf.h"
#include "tcp.bpf.h"
#include "told.bpf.h"

/* The next-hop MTU that it names if it is of a too-big message, or -1. */
static __always_inline int icmp_hop_mtu(const struct icmp_header *icmp, __u8 protocol)
{
	__u32 mtu = bpf_ntohl(icmp->info);

	if (protocol == IPPROTO_ICMP)
		return icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED ? (int)(mtu & 0xffff) : -1;
	return icmp->type == ICMPV6_PKT_TOOBIG ? (int)(mtu > 0xffff ? 0xffff : mtu) : -1;
}

static __always_inline int too_big_mtu(struct __sk_buff *skb, const struct packet *p)
{
	struct icmp_header icmp;

	if (load(skb, p->l4, &icmp)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return -1;
	}
	return icmp_hop_mtu(&icmp, p->protocol);
}

/*
 * A message came out of the tunnel about what begins at seq. Who forges one has to know the numbers that are under way
 * (RFC 5927, 4.1), or of an echo that of a request without a reply.
 */
static __always_inline void trial_told(struct wire_flow *f, __u32 seq, __u16 mtu)
{
	int sent = f->protocol == IPPROTO_TCP ? !before(seq, f->tx_acked) && before(seq, f->tx_end)
					      : ((f->trial_seq - seq) & 0xffff) < f->trial_tries;

	if (!f->trial_last_ms || !sent || mtu >= f->trial_inner ||
	    mtu < (f->family == AF_INET6 ? WIRE_HOP_MTU_MIN_V6 : WIRE_HOP_MTU_MIN_V4))
		return;
	f->told_mtu = mtu;
	if (f->told < f->trial_tries && f->told < 0xff)
		f->told++;
}

/* Whether what begins at seq, and is larger than mtu, came out of the tunnel just now. */
static __always_inline int has_come(const struct wire_flow *f, __u32 seq, __u16 mtu)
{
	return f->protocol == IPPROTO_TCP && before(seq, f->rx_end) && f->rx_end - seq <= SEQ_JUMP_MAX &&
	       (f->rx_delivered_inner > mtu || f->rx_earlier_inner > mtu);
}

/*
 * Returns 1 if the packet is a too-big message. One that came is counted by the far end whose path it is about
 * (`remote`, `port`) and its sender (`reporter`); on an underlay only if it quotes WireGuard's own packets. One that leaves
 * is counted by the host told (`remote`) and the destination of what that host had sent (`reporter`).
 */
static __always_inline int tally_too_big(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
					 int tunnel, int tx)
{
	int mtu = too_big_mtu(skb, p);
	struct wire_tally_key key = {
		.kind = tx ? WIRE_TALLY_TOO_BIG_TX : WIRE_TALLY_TOO_BIG_RX,
		.aux = mtu,
		.ifindex = skb->ifindex,
		.family = p->family,
		.tunnel = tunnel,
	};
	struct quote q = {};
	struct wire_tally *tally;
	struct wire_flow *f;

	if (mtu < 0)
		return 0;
	if (parse_quote(skb, p, p->l4 + 8, &q)) {
		loss_count(WIRE_LOSS_UNPARSED);
		return 1;
	}
	if (tx) {
		__builtin_memcpy(key.remote, p->destination, 16);
		__builtin_memcpy(key.reporter, q.destination, 16);
	} else {
		if (!tunnel && (q.protocol != IPPROTO_UDP || !is_wg_port(cfg, q.source_port)))
			return 1;
		__builtin_memcpy(key.remote, q.destination, 16);
		__builtin_memcpy(key.reporter, p->source, 16);
		key.port = q.destination_port;
	}
	tally = tally_add(&key, 0, cfg->now_ms);
	f = tunnel ? quoted_flow(cfg, &q, p->family, skb->ifindex, !tx) : NULL;
	if (f && !tx)
		trial_told(f, q.seq, mtu);
	else if (f && tally && has_come(f, q.seq, mtu))
		follow_connection(tally, q.protocol, (__u32)q.source_port << 16 | q.destination_port, cfg->now_ms);
	return 1;
}

#endif
