/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an ICMP message says it is about (RFC 792; RFC 4443, 3): the beginning of a packet that had passed here. */
#ifndef MTUSCOPE_QUOTE_BPF_H
#define MTUSCOPE_QUOTE_BPF_H

#include "flow.bpf.h"

struct quote {
	__u8 source[16], destination[16];
	__u8 protocol;
	__u16 source_port; /* host order; 0 if the transport has none. Echo: as the flow table has them */
	__u16 destination_port;
	__u32 seq; /* of TCP, or of an echo request */
};

static __always_inline void parse_quote_transport(struct __sk_buff *skb, __u32 l4, struct quote *q)
{
	struct {
		__u8 type, code;
		__be16 checksum, id, seq;
	} echo;
	__be16 ports[2];
	__be32 seq;

	if (q->protocol == IPPROTO_UDP || q->protocol == IPPROTO_TCP) {
		if (load(skb, l4, &ports))
			return;
		q->source_port = bpf_ntohs(ports[0]);
		q->destination_port = bpf_ntohs(ports[1]);
		if (q->protocol == IPPROTO_TCP && !load(skb, l4 + 4, &seq))
			q->seq = bpf_ntohl(seq);
	} else if (!load(skb, l4, &echo) &&
		   echo.type == (q->protocol == IPPROTO_ICMP ? ICMP_ECHO : ICMPV6_ECHO_REQUEST)) {
		q->source_port = bpf_ntohs(echo.id);
		q->seq = bpf_ntohs(echo.seq);
	}
}

/* The packet that the message is about, as far as it is quoted. 0, or -1 if not even its addresses are. */
static __always_inline int parse_quote(struct __sk_buff *skb, const struct packet *p, __u32 offset, struct quote *q)
{
	__u8 ihl;

	if (p->family == AF_INET) {
		if (load(skb, offset, &ihl) || load(skb, offset + 9, &q->protocol) ||
		    load(skb, offset + 12, (__be32 *)q->source) || load(skb, offset + 16, (__be32 *)q->destination))
			return -1;
		parse_quote_transport(skb, offset + (ihl & 15) * 4, q);
	} else {
		if (load(skb, offset + 6, &q->protocol) || load(skb, offset + 8, &q->source) ||
		    load(skb, offset + 24, &q->destination))
			return -1;
		parse_quote_transport(skb, offset + 40, q);
	}
	return 0;
}

struct icmp_header {
	__u8 type, code;
	__be16 checksum;
	__be32 info;
};

/* The flow of the packet quoted, which went into the tunnel (`tx`) or came out of it; NULL if it is not tracked. */
static __always_inline struct wire_flow *quoted_flow(const struct wire_config *cfg, const struct quote *q, __u8 family,
						     __u32 ifindex, int tx)
{
	const __u8 *local = tx ? q->source : q->destination, *remote = tx ? q->destination : q->source;
	__u16 local_port = tx ? q->source_port : q->destination_port;
	__u16 remote_port = tx ? q->destination_port : q->source_port;
	__u64 tag = flow_tag(cfg, family, q->protocol, local, remote, local_port, remote_port, ifindex);
	struct wire_flow *f = flow_place(tag, 0);

	return !f || f->tag == tag ? f : flow_search(tag, 0, cfg->now_ms);
}

#endif
