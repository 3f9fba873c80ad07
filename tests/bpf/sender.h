/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP sender on this side of the tunnel, for the tests of what becomes of its segments. */
#ifndef MTUSCOPE_TEST_SENDER_H
#define MTUSCOPE_TEST_SENDER_H

#include "harness.h"

#define ISN   1000000u
#define FULL  1380 /* payload of a full segment: with 40 bytes of headers 1420 */
#define INNER (FULL + 40)

static struct frame f;

static inline void tcp(struct harness *h, bool tx, const struct segment *s)
{
	frame_tcp(&f, &(struct ip){ .tx = tx }, s);
	run(h, tx ? TUN_TX : TUN_RX, &f);
}

static inline void send_data(struct harness *h, uint32_t seq, size_t payload)
{
	tcp(h, true, &(struct segment){ .seq = seq, .ack = 1, .flags = TCP_ACK, .payload = payload });
}

static inline void receive_ack(struct harness *h, uint32_t ack)
{
	tcp(h, false, &(struct segment){ .seq = 1, .ack = ack, .flags = TCP_ACK });
}

static inline void later(struct harness *h, uint32_t ms)
{
	h->config->now_ms += ms;
}

#endif
