/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What network.c (path, gateways, applications) and network_tcp.c (the ends of connections) have of each other. */
#ifndef MTUSCOPE_TEST_NETWORK_INTERNAL_H
#define MTUSCOPE_TEST_NETWORK_INTERNAL_H

#include "network.h"

#define WINDOW_FIRST 10
#define RTO_FIRST_MS 1000 /* RFC 6298 */
#define RTO_MIN_MS   200
#define HEADERS_V4   40 /* bytes at least, IPv4 and TCP */
#define HEADERS_V6   60

static inline int32_t after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool inner_v6(const struct network *n)
{
	return n->headers >= HEADERS_V6;
}

/* network.c: the time-out after an acknowledgement; a segment leaves one end, past the gateway and into the path. */
uint32_t rto_ms(const struct network *n);
void segment_send(struct network *n, struct connection *c, bool local, const struct segment *s);

/* network.c: one more packet of no connection enters the path, if the path lets it. */
void packet_send(struct network *n, struct in_flight *p);

/*
 * network_router.c: whether the packet is not too big for what is behind the peer; else its sender is told. The message
 * arrives at the gateway; and what is to be done about messages in each step.
 */
bool router_passes(struct network *n, const struct in_flight *p);
void router_message_arrives(struct network *n, struct connection *c, const struct in_flight *p);
void router_step(struct network *n);

/* network_tcp.c: sends what the window allows; repeats what is due; takes a segment in. */
void end_send(struct network *n, struct connection *c, bool local);
void end_heeds(struct network *n, struct connection *c, uint32_t mss);
void end_time_out(struct network *n, struct connection *c, bool local);
void end_receives(struct network *n, struct connection *c, bool local, const struct segment *s);

#endif
