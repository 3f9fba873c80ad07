/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets made byte by byte, for the tests of the tc programs. A test says what is special about its packet; the
 * rest has defaults: IPv4, no VLAN tag, host 1 on either side. All numbers are in host byte order. Checksums are
 * left 0: the programs do not look at them. The result may be spoiled at will in frame.bytes.
 */
#ifndef TESTS_BPF_PACKETS_H
#define TESTS_BPF_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 66000

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t len;
	size_t l3, l4;	   /* offsets of the IP and of the transport header */
	uint16_t gso_size; /* not 0: a super-packet */
	uint8_t family;
};

/* Everything before the transport header. */
struct ip {
	uint8_t family; /* AF_INET, AF_INET6; 0: AF_INET */
	bool tx;	/* from the local to the remote side; else from there */
	bool bare;	/* no Ethernet header */
	bool df, more;
	uint16_t offset;       /* of a fragment, in bytes */
	uint16_t id;	       /* of the packet that it is of */
	uint8_t local, remote; /* the hosts' last address bytes; 0: 1 */
	uint16_t tags[3];      /* ethertypes of VLAN tags, outer first, up to the first 0 */
	size_t options;	       /* IPv4: bytes of options, a multiple of 4 */
	uint8_t extensions[8]; /* IPv6: extension headers before a fragment header; see extension_len() */
	size_t extensions_n;
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct segment {
	uint16_t local_port, remote_port; /* 0: 40000 and 443 */
	uint32_t seq, ack;
	uint8_t flags;
	bool window_shut;	/* else all that can be said without scaling */
	uint16_t mss;		/* option, 0: none */
	const uint8_t *options; /* further ones, before the MSS, padded to a multiple of 4 with "end of options" */
	size_t options_n;
	size_t payload;
};

/* WireGuard's datagram; type 4 carries data. */
struct wg {
	uint8_t type;			  /* 0: 4 */
	uint16_t local_port, remote_port; /* 0: 51820 and 4500 */
	uint32_t index;
	uint64_t counter;
	size_t inner; /* bytes of the encrypted packet, its padding included */
};

/* The address of a host of either side; IPv4 in the first four bytes. */
void host_address(uint8_t to[16], uint8_t family, bool local, uint8_t host);

/* Bytes of the n-th extension header. They differ: a reader that does not heed the length gets lost. */
size_t extension_len(size_t n);

void put16(uint8_t *to, uint16_t value);
void put32(uint8_t *to, uint32_t value);

void frame_begin(struct frame *f, const struct ip *ip, uint8_t protocol);
/* Appends bytes, zeros if `from` is NULL, and corrects the IP header's length. */
void frame_append(struct frame *f, const void *from, size_t len);
/* Appends what is no part of the IP packet. */
void frame_pad(struct frame *f, size_t len);

void frame_tcp(struct frame *f, const struct ip *ip, const struct segment *s);
void frame_udp(struct frame *f, const struct ip *ip, uint16_t local_port, uint16_t remote_port, size_t payload);
void frame_echo(struct frame *f, const struct ip *ip, bool request, uint16_t id, uint16_t sequence, size_t payload);
void frame_wg(struct frame *f, const struct ip *ip, const struct wg *wg);
/*
 * ICMP or ICMPv6 of any type; info is the word after the checksum, quote_len bytes of the quoted
 * frame's packet follow.
 */
void frame_icmp(struct frame *f, const struct ip *ip, uint8_t type, uint8_t code, uint32_t info,
		const struct frame *quote, size_t quote_len);

#endif
