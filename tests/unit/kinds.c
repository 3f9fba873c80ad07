// SPDX-License-Identifier: GPL-2.0-or-later
/* The kinds of stories; see kinds.h. */
#include "kinds.h"

#include "outer.h"

#define TROUBLE_S 20  /* when what begins under way begins */
#define SMALL	  200 /* bytes, outer: more than an acknowledgement, a SYN or a ping has */
#define SETTLED_S 70  /* longer than evidence lasts: what was proven before is forgotten */

static void hole(struct network *n, const struct story *s, uint32_t second)
{
	if (!second)
		n->mtu[s->direction] = s->path_mtu;
}

/* Senders that look for holes themselves (RFC 4821): when large segments are lost for too long they go over to smaller ones. */
static void senders_probe(struct network *n)
{
	n->mss_small = 1024; /* net.ipv4.tcp_base_mss */
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

/* A machine that is now and then busy with something else: senders whose time-outs are shorter repeat what had arrived. */
static void late_at_times(struct network *n, const struct story *s, uint32_t second)
{
	if (second)
		return;
	n->late_every_ms = 1500 + 370 * (s->seed % 7);
	n->late_ms = 400 + 130 * (s->seed % 5);
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

/* The peer's gateway has a mtuscope of its own, or a person, that asks what passes. */
static void peer_probes(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S + 2 + s->seed % 4)
		n->far_probes = 40;
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

static void plain(struct network *n, const struct story *s, uint32_t second)
{
	(void)n;
	(void)s;
	(void)second;
}

static void high_loss(struct network *n, const struct story *s, uint32_t second)
{
	if (!second)
		n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.1 + 0.1 * (s->seed % 3);
}

static void high_loss_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	senders_probe(n);
	high_loss(n, s, second);
}

/* Each packet that is lost takes about so many of the next with it. */
static void loss_in_bursts(struct network *n, const struct story *s, uint32_t second)
{
	(void)second;
	n->burst_begins = 0.005 + 0.005 * (s->seed % 6);
	n->burst_ends = 0.15 + 0.05 * (s->seed % 7);
}

static void loss_rises(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.1 + 0.05 * (s->seed % 3);
}

static void loss_rises_as_peer_probes(struct network *n, const struct story *s, uint32_t second)
{
	loss_rises(n, s, second);
	peer_probes(n, s, second);
}

static bool police(struct network *net, bool tx, uint32_t outer)
{
	(void)tx;
	return outer > 1000 && random_true(&net->seed, 0.3);
}

static void policer(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	if (!second)
		n->drops = police;
}

static void policer_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	senders_probe(n);
	policer(n, s, second);
}

/* A queue that is full for a while each few seconds. */
static bool overflow(struct network *net, bool tx, uint32_t outer)
{
	(void)tx;
	return outer > 300 && net->now_ms % 3000 < 600 && random_true(&net->seed, 0.8);
}

static void bursts(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	if (!second)
		n->drops = overflow;
}

static void outages(struct network *n, const struct story *s, uint32_t second)
{
	uint32_t from = TROUBLE_S + s->seed % 7, length = 1 + s->seed % 13;

	n->down = second >= from && second < from + length;
}

static void outages_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	senders_probe(n);
	outages(n, s, second);
}

/* A link that comes and goes: an outage each time that a sender would repeat itself, as it may be. */
static void link_flaps_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	senders_probe(n);
	n->down = second >= TROUBLE_S && second < TROUBLE_S + 20 && second % (2 + s->seed % 2);
}

/* Hosts that are cut off from the peer's gateway for a while: nothing of theirs comes so far that it could be lost. */
static void hosts_cut_off_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	uint32_t from = TROUBLE_S + s->seed % 7, length = 2 + s->seed % 7;

	senders_probe(n);
	n->host_mtu[1] = n->host_mtu[s->seed % NETWORK_HOSTS] = second >= from && second < from + length ? 1 : 0;
	if (!second)
		n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.03 * (s->seed % 4);
}

static void one_way_dies(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		n->loss[s->direction] = 1;
}

static void path_dies(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	n->down = second >= TROUBLE_S;
}

static void one_host_dies(struct network *n, const struct story *s, uint32_t second)
{
	n->dead[1 + s->seed % 3] = second >= TROUBLE_S;
}

static void two_hosts_die(struct network *n, const struct story *s, uint32_t second)
{
	n->dead[1] = second >= TROUBLE_S;
	n->dead[2] = second >= TROUBLE_S + s->seed % 9;
}

/* All hosts but the first are behind a bad cable. */
static void lan_flaps(struct network *n, const struct story *s, uint32_t second)
{
	bool down = second >= TROUBLE_S && random_true(&n->seed, 0.3 + 0.2 * (s->seed % 3));

	n->dead[1] = n->dead[2] = n->dead[3] = down;
}

/* Their clients have idled for long, so nobody has seen what they used to get. */
static void idle_hosts_die(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	n->pause_ms = second < 2 ? 30000 : 90000;
	n->dead[1] = n->dead[2] = second >= SETTLED_S;
}

static void firewall_forgets(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	n->firewall_idle_ms = 60000;
	n->pause_ms = second < 5 ? 500 : 75000;
}

static void firewall_forgets_all(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	if (second == TROUBLE_S)
		n->firewall_began_ms = n->now_ms;
}

static void port_filtered(struct network *n, const struct story *s, uint32_t second)
{
	n->filtered[s->seed % NETWORK_HOSTS] = true;
	(void)second;
}

static void hung(struct network *n, const struct story *s, uint32_t second)
{
	n->hung[s->seed % NETWORK_HOSTS] = true;
	n->hung[1] = second >= TROUBLE_S;
}

/* Silent servers, and gaps in the counters that are of others. */
static void hung_at_loss(struct network *n, const struct story *s, uint32_t second)
{
	hung(n, s, second);
	if (!second)
		n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.03 + 0.03 * (s->seed % 4);
}

static void window_shut(struct network *n, const struct story *s, uint32_t second)
{
	n->full[s->seed % NETWORK_HOSTS] = second >= TROUBLE_S;
}

static void hung_at_loss_as_peer_probes(struct network *n, const struct story *s, uint32_t second)
{
	hung_at_loss(n, s, second);
	peer_probes(n, s, second);
}

/* What the remote side has to say waits, and other packets are lost now and then. */
static void reads_nothing(struct network *n, const struct story *s, uint32_t second)
{
	n->full_here = second >= TROUBLE_S && second < TROUBLE_S + 5 + s->seed % 30;
}

static void reordering(struct network *n, const struct story *s, uint32_t second)
{
	if (!second)
		n->jitter_ms = 40 + s->seed % 80;
}

static void roams(struct network *n, const struct story *s, uint32_t second)
{
	uint32_t at = TROUBLE_S + s->seed % 5;

	n->down = second == at;
	if (second == at)
		network_roam(n);
}

static void hole_after_roaming(struct network *n, const struct story *s, uint32_t second)
{
	roams(n, s, second);
	if (second == TROUBLE_S + s->seed % 5)
		n->mtu[s->direction] = s->path_mtu;
}

static void mtu_lowered(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		network_set_mtu(n, TUNNEL_MIN + s->seed % 100);
}

/* The second uplink carries less, and this tunnel's MTU fits both. */
static void failover_that_fits(struct network *n, const struct story *s, uint32_t second)
{
	uint32_t full = s->tunnel_mtu + outer_overhead(s->family);

	n->down = second >= TROUBLE_S && second < TROUBLE_S + 1 + s->seed % 3;
	if (second >= TROUBLE_S)
		n->mtu[WIRE_TX] = n->mtu[WIRE_RX] = second < 40 ? full : 0;
}

static void idle(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	(void)second;
	n->pause_ms = 600000;
}

static void satellite(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	if (second)
		return;
	n->delay_ms = 300;
	n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.01;
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

/* The client goes on at once. All flows will stall soon: something must go on, else nobody can tell a hole from a dead path. */
static void dialogue(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	(void)second;
	n->pause_ms = 20;
	n->pings = true;
}

static void hole_in_dialogue(struct network *n, const struct story *s, uint32_t second)
{
	dialogue(n, s, second);
	hole_begins(n, s, second);
}

/* What is lost may have been an acknowledgement as well. */
static void delayed_acks(struct network *n, const struct story *s, uint32_t second)
{
	dialogue(n, s, second);
	n->delayed_acks = true;
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

static void short_connections(struct network *n, const struct story *s, uint32_t second)
{
	delayed_acks(n, s, second);
	n->rounds_max = 1;
	n->pause_ms = 300;
}

/* Clients that begin anew before a sixth try; of several connections, and each host is asked again. */
static void impatient(struct network *n, const struct story *s, uint32_t second)
{
	(void)second;
	n->patience_ms = 2000 + 500 * (s->seed % 5);
	n->pause_ms = 200;
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

static void impatient_at_loss(struct network *n, const struct story *s, uint32_t second)
{
	impatient(n, s, second);
	high_loss(n, s, second);
}

static void impatient_as_a_host_dies(struct network *n, const struct story *s, uint32_t second)
{
	impatient(n, s, second);
	one_host_dies(n, s, second);
}

static void impatient_as_servers_hang(struct network *n, const struct story *s, uint32_t second)
{
	impatient(n, s, second);
	hung_at_loss(n, s, second);
}

static void hole_short_connections(struct network *n, const struct story *s, uint32_t second)
{
	short_connections(n, s, second);
	hole_begins(n, s, second);
}

static void bulk(struct network *n, const struct story *s, uint32_t second)
{
	delayed_acks(n, s, second);
	n->message_min = 200000;
}

static void hole_bulk(struct network *n, const struct story *s, uint32_t second)
{
	bulk(n, s, second);
	hole_begins(n, s, second);
}

/* Transfers that fill the queue of a slow link, and a ping. */
static void large_windows(struct network *n, const struct story *s, uint32_t second)
{
	(void)second;
	n->pings = true;
	n->message_min = s->connections > 4 ? 1000000 : 3000000;
	n->window_max = s->connections > 4 ? 80 : 300;
	n->rate = 2000;
	n->queue_ms = 400;
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

static void path_dies_alone(struct network *n, const struct story *s, uint32_t second)
{
	path_dies(n, s, second);
	n->pings = n->far_pings = false;
	n->message_min = s->tunnel_mtu;
	n->rounds_max = 1;
	if (second == TROUBLE_S / 2)
		network_connect(n);
}

static void hole_of_datagrams(struct network *n, const struct story *s, uint32_t second)
{
	hole(n, s, second);
	n->datagrams[s->direction] = s->tunnel_mtu;
}

/*
 * A gateway of servers: the remote side asks, so that little is known to have got through besides what is large, and pings
 * from there prove nothing of the way back.
 */
static void quiet(struct network *n, const struct story *s, uint32_t second)
{
	n->pings = false;
	n->far_pings = n->remote_asks = true;
	n->request_max = 600;
	n->pause_ms = 5000;
	if (second < 1 + s->seed % 2)
		network_connect(n);
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

static void quiet_loss(struct network *n, const struct story *s, uint32_t second)
{
	high_loss(n, s, second);
	quiet(n, s, second);
}

/* More is asked than the link carries, and its queue is deep. */
static void bufferbloat(struct network *n, const struct story *s, uint32_t second)
{
	if (second != TROUBLE_S)
		return;
	n->rate = 20 + 4 * s->connections;
	n->queue_ms = 1000 + 500 * (s->seed % 3);
	n->pause_ms = 200;
}

/* The room that is left is seldom enough for a large packet, and mostly for a small one. */
static bool byte_queue(struct network *n, bool tx, uint32_t outer)
{
	(void)tx;
	return random_below(&n->seed, 3 * (n->mss + n->headers)) < outer;
}

static void queue_full(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	if (second == TROUBLE_S)
		n->drops = byte_queue;
}

static bool lose_acks_tx(struct network *n, bool tx, uint32_t outer)
{
	return tx && outer < SMALL && random_true(&n->seed, 0.3);
}

static bool lose_acks_rx(struct network *n, bool tx, uint32_t outer)
{
	return !tx && outer < SMALL && random_true(&n->seed, 0.3);
}

static void acks_lost(struct network *n, const struct story *s, uint32_t second)
{
	if (!second)
		n->drops = s->direction == WIRE_TX ? lose_acks_tx : lose_acks_rx;
}

static void rekeys(struct network *n, const struct story *s, uint32_t second)
{
	n->down = second % 10 == s->seed % 10 && s->seed % 2;
	if (second % 10 == s->seed % 10)
		network_rekey(n);
}

static void keep_alives(struct network *n, const struct story *s, uint32_t second)
{
	(void)s;
	n->pings = false;
	n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.3;
	if (second % 10)
		return;
	network_datagram(n, true, 0);
	network_datagram(n, false, 0);
}

static void roams_in_loss(struct network *n, const struct story *s, uint32_t second)
{
	bool lossy = second >= TROUBLE_S - 5 && second < TROUBLE_S + 15;

	n->loss[WIRE_TX] = n->loss[WIRE_RX] = lossy ? 0.05 + 0.05 * (s->seed % 3) : s->loss;
	roams(n, s, second);
}

static void roams_into_loss(struct network *n, const struct story *s, uint32_t second)
{
	n->loss[WIRE_TX] = n->loss[WIRE_RX] = second < TROUBLE_S ? 0 : 0.1 + 0.1 * (s->seed % 3);
	roams(n, s, second);
}

static void window_opens(struct network *n, const struct story *s, uint32_t second)
{
	n->full[s->seed % NETWORK_HOSTS] = second >= TROUBLE_S && second < TROUBLE_S + 15 + s->seed % 20;
}

static void long_outage(struct network *n, const struct story *s, uint32_t second)
{
	n->down = second >= TROUBLE_S && second < TROUBLE_S + 15 + s->seed % 20;
}

static void one_way_out(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		n->loss[s->direction] = 1;
	if (second == TROUBLE_S + 20)
		n->loss[s->direction] = s->loss;
}

/* Not the first host's: where that is the only one, nobody can tell. */
static void host_drops_large(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S * (s->seed % 2))
		n->host_mtu[1] = 1000;
}

static void syns_policed(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S * (s->seed % 2))
		n->syn_loss = 0.7;
}

static void slow_answers(struct network *n, const struct story *s, uint32_t second)
{
	(void)second;
	n->think_ms = 10000 + 1000 * (s->seed % 21);
}

/* Behind the peer is a link that carries less than the tunnel, and its router says so. */
static void told(struct network *n, const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S * (s->seed % 2))
		n->router_mtu = TUNNEL_MIN + s->seed * 31 % (s->tunnel_mtu + 1 - TUNNEL_MIN);
}

static void told_in_vain(struct network *n, const struct story *s, uint32_t second)
{
	n->deaf = true;
	told(n, s, second);
}

static void told_nobody(struct network *n, const struct story *s, uint32_t second)
{
	n->router_kept = true;
	told(n, s, second);
}

static void told_and_late(struct network *n, const struct story *s, uint32_t second)
{
	n->heed_ms = 100 + 100 * (s->seed % 10);
	told(n, s, second);
}

/* Of its messages many are lost, or not made: a limit of their rate. */
static void told_at_times(struct network *n, const struct story *s, uint32_t second)
{
	n->router_silent = 0.1 * (s->seed % 6);
	n->loss[WIRE_TX] = n->loss[WIRE_RX] = 0.02 * (s->seed % 4);
	told(n, s, second);
}

/* Links get smaller and smaller on the way. */
static void told_again(struct network *n, const struct story *s, uint32_t second)
{
	uint32_t steps = 1 + second / 8, most = s->tunnel_mtu - TUNNEL_MIN;

	n->router_mtu = TUNNEL_MIN + most / (steps < 8 ? steps : 8) / 2;
}

static void told_before_probing(struct network *n, const struct story *s, uint32_t second)
{
	senders_probe(n);
	told_at_times(n, s, second);
}

static void hole_beside_forged(struct network *n, const struct story *s, uint32_t second)
{
	n->forged = true;
	hole(n, s, second);
}

const struct kind KINDS[] = {
	{ "hole", hole, true, 60, 0 },
	{ "hole, MTU of a route", hole_by_route, true, 60, 0 },
	{ "hole that begins", hole_begins, true, 80, 0 },
	{ "hole, busy machine", hole_of_a_busy_machine, true, 80, KIND_UNSOLVED },
	{ "hole, probing senders", hole_before_probing, true, 60, KIND_UNSOLVED },
	{ "hole begins, probing", hole_begins_before_probing, true, 80, KIND_UNSOLVED },
	{ "hole begins, peer probes", hole_begins_as_peer_probes, true, 80, 0 },
	{ "hole after failover", hole_after_failover, true, 80, 0 },
	{ "hole after roaming", hole_after_roaming, true, 80, 0 },
	{ "hole, IPv6 inside", hole, true, 60, KIND_INNER_V6 },
	{ "hole both ways", hole_both_ways, true, 80, KIND_BOTH_WAYS },
	{ "hole in dialogue", hole_in_dialogue, true, 80, KIND_UNSOLVED },
	{ "hole, delayed acks", hole_delayed_acks, true, 80, 0 },
	{ "both ways, delayed acks", hole_both_ways_delayed_acks, true, 80, KIND_BOTH_WAYS },
	{ "hole, impatient", hole_impatient, true, 60, 0 },
	{ "both ways, impatient", hole_both_ways_impatient, true, 80, KIND_BOTH_WAYS },
	{ "hole begins, impatient", hole_impatient_begins, true, 80, 0 },
	{ "hole, short connections", hole_short_connections, true, 80, 0 },
	{ "hole, bulk", hole_bulk, true, 80, KIND_UNSOLVED },
	{ "hole, large windows", hole_large_windows, true, 80, KIND_UNSOLVED },
	{ "hole by satellite", hole_by_satellite, true, 80, 0 },
	{ "hole at loss", hole_at_loss, true, 60, KIND_UNSOLVED },
	{ "hole against loss", hole_against_loss, true, 60, 0 },
	{ "hole that heals", hole_heals, true, 120, KIND_UNSOLVED },
	{ "hole that comes again", hole_again, true, 200, KIND_UNSOLVED },
	{ "hole cured", hole_cured, true, 120, KIND_UNSOLVED },
	{ "hole hardly cured", hole_hardly_cured, true, 120, 0 },
	{ "hole cured for TCP", hole_cured_for_tcp, true, 120, KIND_UNSOLVED },
	{ "hole at dawn", hole_at_dawn, true, 80, KIND_IDLE },
	{ "hole, alone", hole_alone, true, 80, KIND_IDLE | KIND_MAY_MISS },
	{ "quiet hole", quiet_hole, true, 80, KIND_IDLE },
	{ "quiet hole begins", quiet_hole_begins, true, 80, KIND_IDLE | KIND_UNSOLVED },
	{ "hole of datagrams", hole_of_datagrams, true, 60, KIND_IDLE | KIND_MAY_MISS },
	{ "hole for uploads", hole, true, 60, KIND_UPLOADS },
	{ "hole begins, uploads", hole_begins, true, 80, KIND_UPLOADS },
	{ "hole, forged messages", hole_beside_forged, true, 60, 0 },
	{ "plain", plain, false, 60, 0 },
	{ "high loss", high_loss, false, 60, 0 },
	{ "high loss, probing", high_loss_before_probing, false, 60, 0 },
	{ "quiet loss", quiet_loss, false, 60, KIND_IDLE },
	{ "loss in bursts", loss_in_bursts, false, 60, 0 },
	{ "loss rises", loss_rises, false, 80, 0 },
	{ "loss rises, peer probes", loss_rises_as_peer_probes, false, 80, 0 },
	{ "policer", policer, false, 60, 0 },
	{ "policer, probing", policer_before_probing, false, 60, 0 },
	{ "bursts", bursts, false, 60, 0 },
	{ "outage", outages, false, 80, 0 },
	{ "outage, probing", outages_before_probing, false, 80, 0 },
	{ "link flaps, probing", link_flaps_before_probing, false, 80, KIND_UNSOLVED },
	{ "hosts cut off, probing", hosts_cut_off_before_probing, false, 80, KIND_UNSOLVED },
	{ "one way dies", one_way_dies, false, 80, 0 },
	{ "path dies", path_dies, false, 80, 0 },
	{ "path dies, alone", path_dies_alone, false, 80, KIND_IDLE },
	{ "host dies", one_host_dies, false, 80, 0 },
	{ "two hosts die", two_hosts_die, false, 80, 0 },
	{ "LAN flaps", lan_flaps, false, 80, 0 },
	{ "idle hosts die", idle_hosts_die, false, 180, 0 },
	{ "firewall forgets", firewall_forgets, false, 180, 0 },
	{ "firewall forgets all", firewall_forgets_all, false, 80, KIND_UNSOLVED },
	{ "port filtered", port_filtered, false, 60, 0 },
	{ "server hangs", hung, false, 80, 0 },
	{ "server hangs at loss", hung_at_loss, false, 80, 0 },
	{ "hangs, peer probes", hung_at_loss_as_peer_probes, false, 80, 0 },
	{ "impatient at loss", impatient_at_loss, false, 60, 0 },
	{ "impatient, host dies", impatient_as_a_host_dies, false, 80, 0 },
	{ "impatient, servers hang", impatient_as_servers_hang, false, 80, 0 },
	{ "window shut", window_shut, false, 80, 0 },
	{ "reads nothing", reads_nothing, false, 80, 0 },
	{ "busy machine", late_at_times, false, 80, 0 },
	{ "reordering", reordering, false, 60, 0 },
	{ "roaming", roams, false, 80, 0 },
	{ "MTU lowered", mtu_lowered, false, 60, 0 },
	{ "failover that fits", failover_that_fits, false, 80, 0 },
	{ "idle", idle, false, 60, 0 },
	{ "dialogue", dialogue, false, 80, 0 },
	{ "delayed acks", delayed_acks, false, 80, 0 },
	{ "short connections", short_connections, false, 80, 0 },
	{ "bulk", bulk, false, 80, 0 },
	{ "large windows", large_windows, false, 80, KIND_UNSOLVED },
	{ "satellite", satellite, false, 80, 0 },
	{ "bufferbloat", bufferbloat, false, 80, 0 },
	{ "queue full", queue_full, false, 80, KIND_UNSOLVED },
	{ "acks lost", acks_lost, false, 80, 0 },
	{ "rekeys", rekeys, false, 80, 0 },
	{ "keep-alives", keep_alives, false, 180, KIND_IDLE },
	{ "roaming in loss", roams_in_loss, false, 80, 0 },
	{ "roaming into loss", roams_into_loss, false, 80, 0 },
	{ "window opens late", window_opens, false, 80, 0 },
	{ "long outage", long_outage, false, 80, 0 },
	{ "one way out", one_way_out, false, 80, 0 },
	{ "host drops large", host_drops_large, false, 80, KIND_UNSOLVED },
	{ "SYNs policed", syns_policed, false, 80, 0 },
	{ "slow answers", slow_answers, false, 120, 0 },
	{ "uploads", plain, false, 80, KIND_UPLOADS },
	{ "uploads, loss rises", loss_rises, false, 80, KIND_UPLOADS | KIND_UNSOLVED },
	{ "uploads, high loss", high_loss, false, 60, KIND_UPLOADS },
	{ "uploads, loss in bursts", loss_in_bursts, false, 60, KIND_UPLOADS },
	{ "uploads, policer", policer, false, 60, KIND_UPLOADS },
	{ "uploads, bursts", bursts, false, 60, KIND_UPLOADS },
	{ "uploads, outage", outages, false, 80, KIND_UPLOADS },
	{ "uploads, host dies", one_host_dies, false, 80, KIND_UPLOADS },
	{ "uploads, server hangs", hung, false, 80, KIND_UPLOADS },
	{ "uploads, queue full", queue_full, false, 80, KIND_UPLOADS | KIND_UNSOLVED },
	{ "told", told, false, 60, 0 },
	{ "told, late", told_and_late, false, 60, 0 },
	{ "told at times", told_at_times, false, 80, 0 },
	{ "told, probing", told_before_probing, false, 80, 0 },
	{ "told again", told_again, false, 80, 0 },
	{ "told in vain", told_in_vain, false, 60, KIND_IGNORED },
	{ "told nobody", told_nobody, false, 60, KIND_SUPPRESSED },
};

const size_t KINDS_N = sizeof(KINDS) / sizeof(KINDS[0]);
