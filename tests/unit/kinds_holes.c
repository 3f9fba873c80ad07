// SPDX-License-Identifier: GPL-2.0-or-later
/* Stories of holes; see kinds.h. */
#include "kinds.h"

#include "outer.h"

static void hole(struct network *n, const struct story *s, uint32_t second)
{
	if (!second)
		n->mtu[s->direction] = s->path_mtu;
}

static void hole_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	senders_probe(n);
	hole(n, s, second);
}

/* Above the tunnel's MTU the padding makes packets larger than a full one, and below it smaller than they seem. */
static void hole_by_route(struct network *n, const struct story *s, uint32_t second)
{
	uint32_t full = s->tunnel_mtu + outer_overhead(s->family);
	bool above = s->seed % 2;

	if (second)
		return;
	n->route_mtu = above ? s->tunnel_mtu + 100 : s->tunnel_mtu;
	if (!above) {
		n->scene.links[0].mtu += 100;
		n->scene.links[1].mtu += 100;
		n->scene.peers[0].egress_mtu += 100;
	}
	n->scene.links[1].route_mtu_min = n->scene.links[1].route_mtu_max = n->route_mtu;
	n->mtu[s->direction] = above && s->tunnel_mtu % 16 ? full : s->path_mtu;
}

static void hole_begins(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		n->mtu[s->direction] = s->path_mtu;
}

static void hole_of_a_busy_machine(struct network *n, const struct story *s, uint32_t second)
{
	late_at_times(n, s, second);
	hole_begins(n, s, second);
}

static void hole_begins_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	senders_probe(n);
	hole_begins(n, s, second);
}

static void hole_begins_as_peer_probes(struct network *n, const struct story *s, uint32_t second)
{
	hole_begins(n, s, second);
	peer_probes(n, s, second);
}

static void hole_after_failover(struct network *n, const struct story *s, uint32_t second)
{
	n->down = second >= TROUBLE_S && second < TROUBLE_S + 2;
	if (second == TROUBLE_S)
		n->mtu[s->direction] = s->path_mtu;
}

static void hole_after_roaming(struct network *n, const struct story *s, uint32_t second)
{
	roams(n, s, second);
	if (second == TROUBLE_S + s->seed % 5)
		n->mtu[s->direction] = s->path_mtu;
}

static void hole_by_satellite(struct network *n, const struct story *s, uint32_t second)
{
	satellite(n, s, second);
	hole(n, s, second);
}

static void hole_at_loss(struct network *n, const struct story *s, uint32_t second)
{
	if (!second)
		n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.03 + 0.01 * (s->seed % 3);
	hole(n, s, second);
}

static void hole_against_loss(struct network *n, const struct story *s, uint32_t second)
{
	if (!second)
		n->loss[!s->direction] = 0.05 + 0.05 * (s->seed % 2);
	hole(n, s, second);
}

static void hole_both_ways(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S * (s->seed % 2))
		n->mtu[WIRE_TX] = n->mtu[WIRE_RX] = s->path_mtu;
}

static void hole_in_dialogue(struct network *n, const struct story *s, uint32_t second)
{
	dialogue(n, s, second);
	hole_begins(n, s, second);
}

static void hole_delayed_acks(struct network *n, const struct story *s, uint32_t second)
{
	delayed_acks(n, s, second);
	hole_begins(n, s, second);
}

static void hole_both_ways_delayed_acks(struct network *n, const struct story *s, uint32_t second)
{
	delayed_acks(n, s, second);
	hole_both_ways(n, s, second);
}

static void hole_impatient(struct network *n, const struct story *s, uint32_t second)
{
	impatient(n, s, second);
	hole(n, s, second);
}

static void hole_both_ways_impatient(struct network *n, const struct story *s, uint32_t second)
{
	impatient(n, s, second);
	hole_both_ways(n, s, second);
}

static void hole_impatient_begins(struct network *n, const struct story *s, uint32_t second)
{
	impatient(n, s, second);
	hole_begins(n, s, second);
}

static void hole_short_connections(struct network *n, const struct story *s, uint32_t second)
{
	short_connections(n, s, second);
	hole_begins(n, s, second);
}

static void hole_bulk(struct network *n, const struct story *s, uint32_t second)
{
	bulk(n, s, second);
	hole_begins(n, s, second);
}

static void hole_large_windows(struct network *n, const struct story *s, uint32_t second)
{
	large_windows(n, s, second);
	hole_begins(n, s, second);
}

/* Until TROUBLE_S + 20 to 40 seconds. */
static void hole_heals(struct network *n, const struct story *s, uint32_t second)
{
	hole_begins(n, s, second);
	if (second == TROUBLE_S + 20 + s->seed % 21)
		n->mtu[s->direction] = 0;
}

/* Both ends get a smaller MTU, or only the peer, which sends. */
static void cure(struct network *n, const struct story *s, uint32_t second, uint32_t mtu)
{
	if (second != TROUBLE_S + 10 + s->seed % 21 || mtu < TUNNEL_MIN || mtu >= s->tunnel_mtu)
		return;
	if (s->direction == WIRE_TX || s->seed % 2)
		network_set_mtu(n, mtu);
	else
		network_set_mtu_of(n, false, mtu);
}

static void hole_cured(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	cure(n, s, second, s->path_mtu - outer_overhead(s->family) - s->seed % 50);
}

static void hole_hardly_cured(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	cure(n, s, second, s->path_mtu - outer_overhead(s->family) + OUTER_PADDING + s->seed % 500);
}

/* Only this end gets a smaller MTU: TCP listens to what it announces, and datagrams from the peer vanish as before. */
static void hole_cured_for_tcp(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	n->datagrams[s->direction] = s->tunnel_mtu;
	if (second == TROUBLE_S + 10 + s->seed % 21)
		network_set_mtu_of(n, s->direction == WIRE_RX, s->path_mtu - outer_overhead(s->family) - s->seed % 50);
}

/* … and comes again, not the same. */
static void hole_again(struct network *n, const struct story *s, uint32_t second)
{
	hole_heals(n, s, second);
	if (second == 2 * SETTLED_S)
		n->mtu[s->direction] = s->path_mtu - s->seed % 50;
}

/* The first connection of the day, and nothing that has proven anything but the handshake. */
static void hole_at_dawn(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	n->pings = false;
	n->far_pings = true;
	n->message_min = s->tunnel_mtu;
	if (second == TROUBLE_S)
		network_connect(n);
}

/* One client and nothing else, not even a ping: only WireGuard's handshake shows that the path lives, and nothing what is lost on the way from the peer. */
static void hole_alone(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	n->pings = n->far_pings = false;
	n->message_min = s->tunnel_mtu;
	if (second == TROUBLE_S)
		network_connect(n);
}

static void hole_of_datagrams(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	n->datagrams[s->direction] = s->tunnel_mtu;
}

static void quiet_hole(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	quiet(n, s, second);
}

static void quiet_hole_begins(struct network *n, const struct story *s, uint32_t second)
{
	hole_begins(n, s, second);
	quiet(n, s, second);
}

static void hole_beside_forged(struct network *n, const struct story *s, uint32_t second)
{
	n->forged = true;
	hole(n, s, second);
}

const struct kind HOLES[] = {
	{ "hole", hole, 60, 0 },
	{ "hole, MTU of a route", hole_by_route, 60, 0 },
	{ "hole that begins", hole_begins, 80, 0 },
	{ "hole, busy machine", hole_of_a_busy_machine, 80, KIND_UNSOLVED },
	{ "hole, probing senders", hole_before_probing, 60, KIND_UNSOLVED },
	{ "hole begins, probing", hole_begins_before_probing, 80, KIND_UNSOLVED },
	{ "hole begins, peer probes", hole_begins_as_peer_probes, 80, 0 },
	{ "hole after failover", hole_after_failover, 80, 0 },
	{ "hole after roaming", hole_after_roaming, 80, 0 },
	{ "hole, IPv6 inside", hole, 60, KIND_INNER_V6 },
	{ "hole both ways", hole_both_ways, 80, KIND_BOTH_WAYS },
	{ "hole in dialogue", hole_in_dialogue, 80, KIND_UNSOLVED },
	{ "hole, delayed acks", hole_delayed_acks, 80, 0 },
	{ "both ways, delayed acks", hole_both_ways_delayed_acks, 80, KIND_BOTH_WAYS },
	{ "hole, impatient", hole_impatient, 60, 0 },
	{ "both ways, impatient", hole_both_ways_impatient, 80, KIND_BOTH_WAYS },
	{ "hole begins, impatient", hole_impatient_begins, 80, 0 },
	{ "hole, short connections", hole_short_connections, 80, 0 },
	{ "hole, bulk", hole_bulk, 80, KIND_UNSOLVED },
	{ "hole, large windows", hole_large_windows, 80, KIND_UNSOLVED },
	{ "hole by satellite", hole_by_satellite, 80, 0 },
	{ "hole at loss", hole_at_loss, 60, KIND_UNSOLVED },
	{ "hole against loss", hole_against_loss, 60, 0 },
	{ "hole that heals", hole_heals, 120, KIND_UNSOLVED },
	{ "hole that comes again", hole_again, 200, KIND_UNSOLVED },
	{ "hole cured", hole_cured, 120, KIND_UNSOLVED },
	{ "hole hardly cured", hole_hardly_cured, 120, 0 },
	{ "hole cured for TCP", hole_cured_for_tcp, 120, KIND_UNSOLVED },
	{ "hole at dawn", hole_at_dawn, 80, KIND_IDLE },
	{ "hole, alone", hole_alone, 80, KIND_IDLE | KIND_MAY_MISS },
	{ "quiet hole", quiet_hole, 80, KIND_IDLE },
	{ "quiet hole begins", quiet_hole_begins, 80, KIND_IDLE | KIND_UNSOLVED },
	{ "hole of datagrams", hole_of_datagrams, 60, KIND_IDLE | KIND_MAY_MISS },
	{ "hole for uploads", hole, 60, KIND_UPLOADS },
	{ "hole begins, uploads", hole_begins, 80, KIND_UPLOADS },
	{ "hole, forged messages", hole_beside_forged, 60, 0 },
};

const size_t HOLES_N = sizeof(HOLES) / sizeof(HOLES[0]);
