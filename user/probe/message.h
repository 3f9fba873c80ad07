/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of an echo probe, built and recognised. What is read comes from anywhere and may be anything. */
#ifndef MTUSCOPE_PROBE_MESSAGE_H
#define MTUSCOPE_PROBE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define ECHO_HEADER    8
#define ECHO_NONCE_LEN 8

/* What the kernel and the other side must give back for an answer to be ours. */
struct echo_identity {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint16_t id;
	uint8_t nonce[ECHO_NONCE_LEN]; /* of this run: nobody who does not see the probes can guess it */
};

/* Writes an echo request of `len` bytes from its ICMP header on; at least ECHO_HEADER + ECHO_NONCE_LEN. */
void echo_build(const struct echo_identity *e, uint16_t seq, uint8_t *message, size_t len);

/* The sequence number of a reply to us, from its ICMP header on; -1: it is none. */
int echo_reply_seq(const struct echo_identity *e, const uint8_t *message, size_t len);

/* That of a request of ours that an error message quotes, of which at least the ICMP header is there; -1: it is none. */
int echo_quoted_seq(const struct echo_identity *e, const uint8_t *message, size_t len);

/* Bytes of an IPv4 header at the start of a packet, 0 if there is no whole one. */
size_t ipv4_header_len(const uint8_t *packet, size_t len);

#endif
