// SPDX-License-Identifier: GPL-2.0-or-later
/* Stories of what only looks like a hole; see kinds.h. */
#include "kinds.h"

#include "outer.h"

#define SMALL 200 /* bytes, outer: more than an acknowledgement, a SYN or a ping has */

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

static void path_dies_alone(struct network *n, const struct story *s, uint32_t second)
{
	path_dies(n, s, second);
	n->pings = n->far_pings = false;
	n->message_min = s->tunnel_mtu;
	n->rounds_max = 1;
	if (second == TROUBLE_S / 2)
		network_connect(n);
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

const struct kind LOOKALIKES[] = {
	{ "plain", plain, 60, 0 },
	{ "high loss", high_loss, 60, 0 },
	{ "high loss, probing", high_loss_before_probing, 60, 0 },
	{ "quiet loss", quiet_loss, 60, KIND_IDLE },
	{ "loss in bursts", loss_in_bursts, 60, 0 },
	{ "loss rises", loss_rises, 80, 0 },
	{ "loss rises, peer probes", loss_rises_as_peer_probes, 80, 0 },
	{ "policer", policer, 60, 0 },
	{ "policer, probing", policer_before_probing, 60, 0 },
	{ "bursts", bursts, 60, 0 },
	{ "outage", outages, 80, 0 },
	{ "outage, probing", outages_before_probing, 80, 0 },
	{ "link flaps, probing", link_flaps_before_probing, 80, KIND_UNSOLVED },
	{ "hosts cut off, probing", hosts_cut_off_before_probing, 80, KIND_UNSOLVED },
	{ "one way dies", one_way_dies, 80, 0 },
	{ "path dies", path_dies, 80, 0 },
	{ "path dies, alone", path_dies_alone, 80, KIND_IDLE },
	{ "host dies", one_host_dies, 80, 0 },
	{ "two hosts die", two_hosts_die, 80, 0 },
	{ "LAN flaps", lan_flaps, 80, 0 },
	{ "idle hosts die", idle_hosts_die, 180, 0 },
	{ "firewall forgets", firewall_forgets, 180, 0 },
	{ "firewall forgets all", firewall_forgets_all, 80, KIND_UNSOLVED },
	{ "port filtered", port_filtered, 60, 0 },
	{ "server hangs", hung, 80, 0 },
	{ "server hangs at loss", hung_at_loss, 80, 0 },
	{ "hangs, peer probes", hung_at_loss_as_peer_probes, 80, 0 },
	{ "impatient at loss", impatient_at_loss, 60, 0 },
	{ "impatient, host dies", impatient_as_a_host_dies, 80, 0 },
	{ "impatient, servers hang", impatient_as_servers_hang, 80, 0 },
	{ "window shut", window_shut, 80, 0 },
	{ "reads nothing", reads_nothing, 80, 0 },
	{ "busy machine", late_at_times, 80, 0 },
	{ "reordering", reordering, 60, 0 },
	{ "roaming", roams, 80, 0 },
	{ "MTU lowered", mtu_lowered, 60, 0 },
	{ "failover that fits", failover_that_fits, 80, 0 },
	{ "idle", idle, 60, 0 },
	{ "dialogue", dialogue, 80, 0 },
	{ "delayed acks", delayed_acks, 80, 0 },
	{ "short connections", short_connections, 80, 0 },
	{ "bulk", bulk, 80, 0 },
	{ "large windows", large_windows, 80, KIND_UNSOLVED },
	{ "satellite", satellite, 80, 0 },
	{ "bufferbloat", bufferbloat, 80, 0 },
	{ "queue full", queue_full, 80, KIND_UNSOLVED },
	{ "acks lost", acks_lost, 80, 0 },
	{ "rekeys", rekeys, 80, 0 },
	{ "keep-alives", keep_alives, 180, KIND_IDLE },
	{ "roaming in loss", roams_in_loss, 80, 0 },
	{ "roaming into loss", roams_into_loss, 80, 0 },
	{ "window opens late", window_opens, 80, 0 },
	{ "long outage", long_outage, 80, 0 },
	{ "one way out", one_way_out, 80, 0 },
	{ "host drops large", host_drops_large, 80, KIND_UNSOLVED },
	{ "SYNs policed", syns_policed, 80, 0 },
	{ "slow answers", slow_answers, 120, 0 },
	{ "uploads", plain, 80, KIND_UPLOADS },
	{ "uploads, loss rises", loss_rises, 80, KIND_UPLOADS | KIND_UNSOLVED },
	{ "uploads, high loss", high_loss, 60, KIND_UPLOADS },
	{ "uploads, loss in bursts", loss_in_bursts, 60, KIND_UPLOADS },
	{ "uploads, policer", policer, 60, KIND_UPLOADS },
	{ "uploads, bursts", bursts, 60, KIND_UPLOADS },
	{ "uploads, outage", outages, 80, KIND_UPLOADS },
	{ "uploads, host dies", one_host_dies, 80, KIND_UPLOADS },
	{ "uploads, server hangs", hung, 80, KIND_UPLOADS },
	{ "uploads, queue full", queue_full, 80, KIND_UPLOADS | KIND_UNSOLVED },
	{ "told", told, 60, 0 },
	{ "told, late", told_and_late, 60, 0 },
	{ "told at times", told_at_times, 80, 0 },
	{ "told, probing", told_before_probing, 80, 0 },
	{ "told again", told_again, 80, 0 },
	{ "told in vain", told_in_vain, 60, KIND_IGNORED },
	{ "told nobody", told_nobody, 60, KIND_SUPPRESSED },
};

const size_t LOOKALIKES_N = sizeof(LOOKALIKES) / sizeof(LOOKALIKES[0]);
