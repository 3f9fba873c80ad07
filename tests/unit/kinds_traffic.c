// SPDX-License-Identifier: GPL-2.0-or-later
/* Traffic and paths that stories of either sort have; see kinds.h. */
#include "kinds.h"

/* Senders that look for holes themselves (RFC 4821): when large segments are lost for too long they go over to smaller ones. */
void senders_probe(struct network *n)
{
	n->mss_small = 1024; /* net.ipv4.tcp_base_mss */
}

/* A machine that is now and then busy with something else: senders whose time-outs are shorter repeat what had arrived. */
void late_at_times(struct network *n, const struct story *s, uint32_t second)
{
	if (second)
		return;
	n->late_every_ms = 1500 + 370 * (s->seed % 7);
	n->late_ms = 400 + 130 * (s->seed % 5);
}

/* The peer's gateway has a mtuscope of its own, or a person, that asks what passes. */
void peer_probes(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S + 2 + s->seed % 4)
		n->far_probes = 40;
}

void roams(struct network *n, const struct story *s, uint32_t second)
{
	uint32_t at = TROUBLE_S + s->seed % 5;

	n->down = second == at;
	if (second == at)
		network_roam(n);
}

void satellite(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	if (second)
		return;
	n->delay_ms = 300;
	n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.01;
}

/* The client goes on at once. All flows will stall soon: something must go on, else nobody can tell a hole from a dead path. */
void dialogue(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	(void)second;
	n->pause_ms = 20;
	n->pings = true;
}

/* What is lost may have been an acknowledgement as well. */
void delayed_acks(struct network *n, const struct story *s, uint32_t second)
{
	dialogue(n, s, second);
	n->delayed_acks = true;
}

void short_connections(struct network *n, const struct story *s, uint32_t second)
{
	delayed_acks(n, s, second);
	n->rounds_max = 1;
	n->pause_ms = 300;
}

/* Clients that begin anew before a sixth try; of several connections, and each host is asked again. */
void impatient(struct network *n, const struct story *s, uint32_t second)
{
	(void)second;
	n->patience_ms = 2000 + 500 * (s->seed % 5);
	n->pause_ms = 200;
}

void bulk(struct network *n, const struct story *s, uint32_t second)
{
	delayed_acks(n, s, second);
	n->message_min = 200000;
}

/* Transfers that fill the queue of a slow link, and a ping. */
void large_windows(struct network *n, const struct story *s, uint32_t second)
{
	(void)second;
	n->pings = true;
	n->message_min = s->connections > 4 ? 1000000 : 3000000;
	n->window_max = s->connections > 4 ? 80 : 300;
	n->rate = 2000;
	n->queue_ms = 400;
}

/*
 * A gateway of servers: the remote side asks, so that little is known to have got through besides what is large, and pings
 * from there prove nothing of the way back.
 */
void quiet(struct network *n, const struct story *s, uint32_t second)
{
	n->pings = false;
	n->far_pings = n->remote_asks = true;
	n->request_max = 600;
	n->pause_ms = 5000;
	if (second < 1 + s->seed % 2)
		network_connect(n);
}
