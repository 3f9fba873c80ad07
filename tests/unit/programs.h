/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BPF side's bookkeeping of flows and sessions (bpf/{tcp,echo,session,too_big}.bpf.h), compiled for this machine, so
 * that simulated packets leave in a snapshot exactly what real ones would.
 */
#ifndef MTUSCOPE_TEST_PROGRAMS_H
#define MTUSCOPE_TEST_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#define SACK_BLOCKS 3 /* beside time stamps no more fit */

struct range {
	uint32_t from, to;
};

struct segment {
	uint32_t seq, ack;
	uint32_t payload;
	bool syn, has_ack, fin, rst;
	bool more;			       /* its sender has more to send at once: no push */
	bool window_shut;		       /* its sender takes nothing more for now */
	uint16_t mss;			       /* of a SYN */
	bool sack_permitted;		       /* of a SYN */
	uint8_t headers;		       /* inner IP and TCP; 0: SEGMENT_HEADERS */
	struct range twice, sack[SACK_BLOCKS]; /* RFC 2883, 2018; empty: none */
};

#define SEGMENT_HEADERS 52 /* bytes, IPv4 and TCP with time stamps */

/* A TCP segment in the tunnel, to (tx) or from the remote side. */
void programs_tcp(struct wire_flow *f, const struct segment *s, bool tx, uint32_t now_ms);

/* An echo request from the remote side. */
void programs_asked(struct wire_flow *f, uint16_t seq, uint16_t inner, uint32_t now_ms);

/* A too-big message out of the tunnel about the segment that begins at seq. */
void programs_told(struct wire_flow *f, uint32_t seq, uint16_t mtu);

/* A WireGuard data message on the underlay. A session with received 0 begins with it. */
void programs_session(struct wire_session *w, uint64_t counter, uint16_t outer, uint32_t now_ms);

#endif
