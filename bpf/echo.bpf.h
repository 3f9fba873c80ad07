/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Echo inside a tunnel (RFC 792, RFC 4443): a request from here is on trial until it is answered. And who on the other side asks in
 * that way, or by datagrams to closed ports.
 */
#ifndef MTUSCOPE_ECHO_BPF_H
#define MTUSCOPE_ECHO_BPF_H

#include "quote.bpf.h"
#include "trial.bpf.h"

#define ECHO_JUMP_MAX 64 /* so many requests in a row may be lost; what is farther ahead is another story */

/*
 * A request of the remote side has come, of `size` bytes inside: of those numbered since the first, what has not come was
 * lost.
 */
static __always_inline void echo_asked(struct wire_flow *f, __u16 seq, __u16 size, __u32 now)
{
	__u16 ahead = seq - (__u16)f->rx_end;

	stamp(&f->last_rx_ms, now);
	f->rx_cut_inner = size;
	if (!f->rx_filled)
		f->rx_first = f->rx_end = seq;
	else if (ahead <= ECHO_JUMP_MAX)
		f->rx_end += ahead;
	f->rx_filled++;
}

/*
 * Echo (RFC 792, RFC 4443): the side that asks has its identifier as port, the other side 0. A request from here is a
 * trial that its reply ends; an earlier request's late reply of at least that size ends it as well. Never established: each
 * identifier is an entry, and whoever may ping could fill the table with them.
 */
static __always_inline void flow_echo(struct __sk_buff *skb, const struct wire_config *cfg, const struct packet *p,
				      int tx)
{
	__u8 request_type = p->protocol == IPPROTO_ICMP ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
	__u8 reply_type = p->protocol == IPPROTO_ICMP ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY;
	struct {
		__u8 type, code;
		__be16 checksum, id, sequence;
	} echo;
	__u32 now = cfg->now_ms;
	struct wire_flow *f;
	int request, ours;
	__u16 id, seq;

	/* Cut short: tally_too_big(), called before, has counted it. */
	if (load(skb, p->l4, &echo))
		return;
	request = echo.type == request_type;
	if (!request && echo.type != reply_type)
		return;
	ours = request ? tx : !tx;
	id = bpf_ntohs(echo.id);
	if (id + 1U == cfg->probe_id)
		return;
	seq = bpf_ntohs(echo.sequence);
	f = flow_get(cfg, p, skb->ifindex, tx, ours ? id : 0, ours ? 0 : id, request);
	if (!f)
		return;
	if (tx) {
		stamp(&f->last_tx_ms, now);
		if (!request)
			return;
		if (f->trial_last_ms && p->size == f->trial_inner) {
			f->trial_seq = seq;
			trial_again(f, now);
		} else if (f->trial_last_ms) {
			trial_resize(f, seq, p->size, now);
			f->trial_seq = seq;
		} else {
			trial_begin(f, seq, seq, p->size, 1, now);
		}
		return;
	}
	stamp(&f->last_rx_ms, now);
	rx_delivered(f, p->size, now);
	/* Of a reply in fragments only the first is seen. */
	if (request)
		echo_asked(f, seq, p->size, now);
	else if (f->trial_last_ms &&
		 (p->size >= f->trial_inner || (p->fragment != FRAGMENT_NONE && seq == f->trial_seq)))
		trial_delivered(f, now);
}

/*
 * A host says to one behind the peer that nobody listens on a port (RFC 792; RFC 4443, 3.1): so what is quoted came out of the tunnel.
 * Who measures a path that way, or its MTU, counts the ports up: they are numbers as an echo request has, and the port that it is sent
 * from its identifier. It proves no size: any host could make that up. Returns 1 if the packet is such a message.
 */
static __always_inline int flow_unreachable(struct __sk_buff *skb, const struct wire_config *cfg,
					    const struct packet *p)
{
	__u32 offset = p->l4 + sizeof(struct icmp_header);
	struct icmp_header icmp;
	struct quote q = {};
	struct wire_flow *f;
	__be16 size;

	if (load(skb, p->l4, &icmp) ||
	    !(p->protocol == IPPROTO_ICMP ? icmp.type == ICMP_DEST_UNREACH && icmp.code == ICMP_PORT_UNREACH
					  : icmp.type == ICMPV6_DEST_UNREACH && icmp.code == ICMPV6_PORT_UNREACH))
		return 0;
	if (parse_quote(skb, p, offset, &q) || q.protocol != IPPROTO_UDP ||
	    load(skb, offset + (p->family == AF_INET ? 2 : 4), &size))
		return 1;
	f = flow_get(cfg, p, skb->ifindex, 1, 0, q.source_port, 1);
	if (f)
		echo_asked(f, q.destination_port, bpf_ntohs(size) + (p->family == AF_INET ? 0 : sizeof(struct ipv6hdr)),
			   cfg->now_ms);
	return 1;
}

#endif
