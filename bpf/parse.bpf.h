/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded cursor over a packet's headers, for tc programs. They are read where they lie; what is not in the linear
 * part is copied out by bpf_skb_load_bytes(), a call of 5 to 10 ns, and the packet itself is never rearranged.
 * Addresses stay in network byte order, all other numbers are in host byte order.
 */
#ifndef MTUSCOPE_PARSE_BPF_H
#define MTUSCOPE_PARSE_BPF_H

#include "wire.h"

#define VLAN_TAGS_MAX		  2 /* QinQ */
#define IPV6_HEADERS_MAX	  6 /* extension headers; more counts as unparsed */
#define TCP_OPTIONS_MAX		  12
#define TCP_OPTION_MSS		  2
#define TCP_OPTION_SACK_PERMITTED 4
#define TCP_OPTION_SACK		  5
#define TCP_HEADER_TIMESTAMPS	  32	 /* bytes, with the one option that most segments have */
#define GSO_BY_FRAGS		  0xffff /* include/linux/skbuff.h */
#define HEADERS_MAX		  512	 /* bytes from the start that are read in place: the verifier wants a bound */

/* What hardly a packet needs lies behind the rest: cold instructions between the others cost cache lines. */
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum packet_fragment { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_MIDDLE, FRAGMENT_LAST };

struct packet {
	__u32 l3;   /* offset of the IP header from skb->data */
	__u32 l4;   /* offset of the transport header; meaningless for later fragments */
	__u32 len;  /* IP packet length; of a super-packet: all of its segments as one */
	__u32 size; /* IP packet length of its largest segment: what the wire sees; 0: not known */
	__u32 segments;
	__u32 headers; /* of a super-packet: bytes that each further segment repeats; else 0 */
	__u8 family;   /* AF_INET, AF_INET6 */
	__u8 protocol; /* transport, after IPv6 extension headers */
	__u8 fragment; /* enum packet_fragment */
	__u8 df;
	__u8 source[16];
	__u8 destination[16];
};

struct tcp_segment {
	__u32 seq, ack;
	__u32 payload;	   /* bytes, all segments of a super-packet */
	__u32 payload_one; /* bytes in its first segment */
	__u8 fin, syn, rst, push, has_ack;
	__u8 window_shut;	    /* its sender takes nothing more for now */
	__u32 twice_from, twice_to; /* the bytes that have arrived twice, as the sender of this says; equal: none */
	__u16 mss;		    /* option of a SYN, 0 if absent */
	__u8 sack_permitted;	    /* option of a SYN: SACK-permitted (RFC 2018, 2) */
	__u8 headers;		    /* IP and TCP header bytes */
};

/* Where `len` bytes at `offset` lie in the linear part, NULL if they do not, or not in front of HEADERS_MAX. */
static __always_inline void *linear(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	void *at = (void *)(long)skb->data;

	if (unlikely(offset > HEADERS_MAX))
		return NULL;
	at += offset;
	return likely(at + len <= (void *)(long)skb->data_end) ? at : NULL;
}

/* Copies as many bytes as *to has. 0, or not 0 if the packet has them not. */
#define load(skb, offset, to)                                                                                          \
	({                                                                                                             \
		__u32 at_ = (offset);                                                                                  \
		const typeof(*(to)) *from_ = linear(skb, at_, sizeof(*(to)));                                          \
		int err_ = 0;                                                                                          \
                                                                                                                       \
		if (likely(from_))                                                                                     \
			__builtin_memcpy(to, from_, sizeof(*(to)));                                                    \
		else                                                                                                   \
			err_ = bpf_skb_load_bytes(skb, at_, to, sizeof(*(to)));                                        \
		err_;                                                                                                  \
	})

/* Skips an Ethernet header and VLAN tags. 0: ->l3 and *ethertype are set; -1: not readable. */
static __always_inline int parse_l2(struct __sk_buff *skb, __u32 l3_offset, struct packet *p, __u16 *ethertype)
{
	__be16 type;

	p->l3 = l3_offset;
	if (!l3_offset) {
		*ethertype = bpf_ntohs(skb->protocol);
		return 0;
	}
	if (load(skb, l3_offset - 2, &type))
		return -1;
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (likely(type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)))
			break;
		if (load(skb, p->l3 + 2, &type))
			return -1;
		p->l3 += 4;
	}
	*ethertype = bpf_ntohs(type);
	return 0;
}

static __always_inline int parse_ipv4(struct __sk_buff *skb, struct packet *p)
{
	struct iphdr ip;
	__u32 tot_len, header;
	__u16 off;

	if (unlikely(load(skb, p->l3, &ip) || ip.version != 4 || ip.ihl < 5))
		return -1;
	header = ip.ihl * 4;
	tot_len = bpf_ntohs(ip.tot_len);
	/* BIG TCP has tot_len 0, and short Ethernet frames carry padding: neither length alone is right. */
	if (tot_len >= header && tot_len < p->len && !skb->gso_size)
		p->len = tot_len;
	off = bpf_ntohs(ip.frag_off);
	p->df = !!(off & IP_DF);
	if (unlikely(off & IP_MF))
		p->fragment = (off & IP_OFFSET) ? FRAGMENT_MIDDLE : FRAGMENT_FIRST;
	else if (unlikely(off & IP_OFFSET))
		p->fragment = FRAGMENT_LAST;
	p->family = AF_INET;
	p->protocol = ip.protocol;
	p->l4 = p->l3 + header;
	__builtin_memcpy(p->source, &ip.saddr, 4);
	__builtin_memcpy(p->destination, &ip.daddr, 4);
	return 0;
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct packet *p)
{
	struct ipv6hdr ip;
	__u32 total;
	__u8 next;

	if (unlikely(load(skb, p->l3, &ip) || ip.version != 6))
		return -1;
	total = bpf_ntohs(ip.payload_len) + sizeof(ip);
	if (ip.payload_len && total < p->len && !skb->gso_size)
		p->len = total;
	p->family = AF_INET6;
	p->df = 1;
	p->l4 = p->l3 + sizeof(ip);
	__builtin_memcpy(p->source, &ip.saddr, 16);
	__builtin_memcpy(p->destination, &ip.daddr, 16);
	next = ip.nexthdr;
	for (int i = 0; i <= IPV6_HEADERS_MAX; i++) {
		__u8 ext[4];
		__u16 off;

		if (likely(next != NEXTHDR_HOP && next != NEXTHDR_ROUTING && next != NEXTHDR_DEST &&
			   next != NEXTHDR_FRAGMENT)) {
			p->protocol = next;
			return 0;
		}
		if (load(skb, p->l4, &ext))
			return -1;
		if (next == NEXTHDR_FRAGMENT) {
			off = (__u16)ext[2] << 8 | ext[3];
			if (off & 1)
				p->fragment = (off & ~7) ? FRAGMENT_MIDDLE : FRAGMENT_FIRST;
			else if (off & ~7)
				p->fragment = FRAGMENT_LAST;
			p->l4 += 8;
		} else {
			p->l4 += (ext[1] + 1) * 8;
		}
		next = ext[0];
		/* A later fragment goes on in the middle: what it says comes next was in the first. */
		if (p->fragment == FRAGMENT_MIDDLE || p->fragment == FRAGMENT_LAST) {
			p->protocol = next;
			return 0;
		}
	}
	return -1;
}

static __always_inline __u32 transport_header_len(struct __sk_buff *skb, const struct packet *p)
{
	__u8 doff;

	if (p->protocol == IPPROTO_UDP)
		return 8;
	if (p->protocol == IPPROTO_TCP && !load(skb, p->l4 + 12, &doff))
		return (doff >> 4) * 4;
	return 0;
}

/*
 * Reads the IP header and everything before the transport header, and the size on the wire: for GSO and GRO
 * super-packets that is gso_size plus headers (skb->len may exceed 64 KiB, Documentation/networking/segmentation-offloads.rst).
 * 1: an IP packet; 0: something else, such as ARP; -1: IP, but not readable.
 */
static __always_inline int parse_ip(struct __sk_buff *skb, __u32 l3_offset, struct packet *p)
{
	__u16 ethertype;
	__u32 headers;
	int err;

	__builtin_memset(p, 0, sizeof(*p));
	if (parse_l2(skb, l3_offset, p, &ethertype))
		return -1;
	if (ethertype != ETH_P_IP && ethertype != ETH_P_IPV6)
		return 0;
	p->len = skb->len - p->l3;
	p->segments = 1;
	err = ethertype == ETH_P_IP ? parse_ipv4(skb, p) : parse_ipv6(skb, p);
	if (unlikely(err || p->l4 - p->l3 > p->len))
		return -1;
	p->size = p->len;
	if (unlikely(skb->gso_size)) {
		/* SCTP's segments are a list of packets, as large as each happens to be. */
		if (skb->gso_size == GSO_BY_FRAGS && p->protocol == IPPROTO_SCTP) {
			p->segments = skb->gso_segs ? skb->gso_segs : 1;
			p->size = 0;
			return 1;
		}
		headers = p->l4 - p->l3 + transport_header_len(skb, p);
		if (skb->gso_size + headers < p->len) {
			p->segments = (p->len - headers + skb->gso_size - 1) / skb->gso_size;
			p->size = skb->gso_size + headers;
			p->headers = headers;
		}
	}
	return 1;
}

/*
 * Where the TCP option of that kind lies between these two, with all of its bytes; 0: nowhere. Not static, so that the verifier
 * looks at the loop once.
 */
__noinline __u32 tcp_option(struct __sk_buff *skb, __u32 offset, __u32 end, __u32 kind)
{
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		__u8 opt[2] = {};

		if (offset + 1 > end || bpf_skb_load_bytes(skb, offset, opt, 1) || opt[0] == 0)
			return 0;
		if (opt[0] == 1) {
			offset++;
			continue;
		}
		if (offset + 2 > end || bpf_skb_load_bytes(skb, offset, opt, 2) || opt[1] < 2 || offset + opt[1] > end)
			return 0;
		if (opt[0] == kind)
			return offset;
		offset += opt[1];
	}
	return 0;
}

/* The MSS option of a SYN (RFC 9293, 3.1), 0 if there is none. */
static __always_inline __u16 parse_mss(struct __sk_buff *skb, __u32 offset, __u32 end)
{
	__u32 at = tcp_option(skb, offset, end, TCP_OPTION_MSS);
	__u8 opt[4];

	if (!at || bpf_skb_load_bytes(skb, at, opt, sizeof(opt)) || opt[1] != sizeof(opt))
		return 0;
	return (__u16)opt[2] << 8 | opt[3];
}

/* 0, or -1 if the header is cut short or lies about its length. */
static __always_inline int parse_tcp(struct __sk_buff *skb, const struct packet *p, struct tcp_segment *t)
{
	__u32 header, headers;
	struct tcphdr tcp;

	__builtin_memset(t, 0, sizeof(*t));
	if (unlikely(load(skb, p->l4, &tcp)))
		return -1;
	header = tcp.doff * 4;
	headers = p->l4 - p->l3 + header;
	if (unlikely(header < sizeof(tcp) || headers > p->len || headers > 255))
		return -1;
	t->headers = headers;
	t->seq = bpf_ntohl(tcp.seq);
	t->ack = bpf_ntohl(tcp.ack_seq);
	t->fin = tcp.fin;
	t->syn = tcp.syn;
	t->rst = tcp.rst;
	t->push = tcp.psh;
	t->window_shut = !tcp.window;
	t->has_ack = tcp.ack;
	t->payload = p->len - headers;
	t->payload_one = p->size - headers;
	if (unlikely(tcp.syn)) {
		t->mss = parse_mss(skb, p->l4 + sizeof(tcp), p->l4 + header);
		t->sack_permitted = !!tcp_option(skb, p->l4 + sizeof(tcp), p->l4 + header, TCP_OPTION_SACK_PERMITTED);
	}
	return 0;
}

/*
 * D-SACK (RFC 2883): a first block below what is acknowledged reports bytes that have arrived twice. Only for segments with
 * more options than time stamps: all others are as cheap as before.
 */
static __always_inline void parse_dsack(struct __sk_buff *skb, const struct packet *p, struct tcp_segment *t)
{
	__u32 end = p->l3 + t->headers, at;
	__be32 block[2];

	if (likely(end - p->l4 <= TCP_HEADER_TIMESTAMPS) || !t->has_ack)
		return;
	at = tcp_option(skb, p->l4 + sizeof(struct tcphdr), end, TCP_OPTION_SACK);
	if (!at || at + 2 + sizeof(block) > end || bpf_skb_load_bytes(skb, at + 2, block, sizeof(block)))
		return;
	t->twice_from = bpf_ntohl(block[0]);
	t->twice_to = bpf_ntohl(block[1]);
}

#endif
