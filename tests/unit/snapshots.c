// SPDX-License-Identifier: GPL-2.0-or-later
/* The scene of the analysis tests; see snapshots.h. */
#include "snapshots.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REALTIME_MS 1767265267250 /* any */
#define ETH0	    2
#define RTO_MS	    200

void scene_start(struct scene *s, uint32_t mtu)
{
	scene_start_at(s, mtu, SCENE_START_MS);
}

void scene_start_at(struct scene *s, uint32_t mtu, msec_t clock_ms)
{
	memset(s, 0, sizeof(*s));
	s->analysis = analysis_new();
	assert_non_null(s->analysis);
	s->clock_ms = clock_ms;
	s->links_n = 2;
	s->links[0] = (struct link){
		.ifindex = ETH0, .name = "eth0", .mtu = 9000, .role = WIRE_ROLE_UNDERLAY, .up = true, .ethernet = true
	};
	s->links[1] = (struct link){ .ifindex = SCENE_WG0,
				     .name = "wg0",
				     .mtu = mtu,
				     .role = WIRE_ROLE_TUNNEL,
				     .up = true,
				     .kernel_wireguard = true,
				     .listen_port = 51820 };
}

void scene_end(struct scene *s)
{
	analysis_free(s->analysis);
}

static uint8_t address(const char *text, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	if (inet_pton(AF_INET, text, bytes) == 1)
		return AF_INET;
	assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
	return AF_INET6;
}

struct peer *scene_peer(struct scene *s, uint8_t key, const char *endpoint, const char *network)
{
	struct allowed_ip *a = &s->allowed_ips[s->peers_n];
	struct peer *p = &s->peers[s->peers_n];

	assert_true(s->peers_n < SCENE_PEERS);
	*p = (struct peer){ .tunnel_ifindex = SCENE_WG0, .egress_ifindex = ETH0, .egress_mtu = 9000 };
	memset(p->public_key, key, sizeof(p->public_key));
	p->endpoint.ip.family = address(endpoint, p->endpoint.ip.bytes);
	p->endpoint.port = 51820;
	*a = (struct allowed_ip){ .peer = s->peers_n, .prefix_len = 24 };
	a->ip.family = address(network, a->ip.bytes);
	s->peers_n++;
	return p;
}

static struct wire_flow *flow_new(struct scene *s, const char *remote, uint8_t protocol)
{
	struct wire_flow *f = &s->flows[s->flows_n++];

	assert_true(s->flows_n <= SCENE_FLOWS);
	*f = (struct wire_flow){
		.tag = s->flows_n,
		.ifindex = SCENE_WG0,
		.protocol = protocol,
		.first_ms = s->clock_ms,
		.last_tx_ms = s->clock_ms,
		.last_rx_ms = s->clock_ms,
		.local_port = 40000 + s->flows_n,
	};
	address("10.0.0.1", f->local);
	f->family = address(remote, f->remote);
	return f;
}

struct wire_flow *scene_flow(struct scene *s, const char *remote)
{
	struct wire_flow *f = flow_new(s, remote, IPPROTO_TCP);

	f->remote_port = 25;
	f->flags = WIRE_FLOW_SYN_TX | WIRE_FLOW_ESTABLISHED | WIRE_FLOW_TX_KNOWN | WIRE_FLOW_RX_KNOWN;
	f->headers = SCENE_ACK_INNER;
	f->mss_local = f->mss_remote = s->links[1].mtu - 40;
	f->tx_first = f->trial_end = f->tx_end = f->tx_acked = 1;
	f->rx_first = f->rx_next = f->rx_end = 1;
	flow_delivers(s, f, 60);
	return f;
}

struct wire_flow *scene_ping(struct scene *s, const char *remote)
{
	return flow_new(s, remote, IPPROTO_ICMP);
}

struct scene_session *scene_session(struct scene *s, const struct peer *p)
{
	struct scene_session *w = &s->sessions[s->sessions_n++];

	assert_true(s->sessions_n <= SCENE_SESSIONS);
	*w = (struct scene_session){ .key = { .index = 1000 + s->sessions_n,
					      .direction = WIRE_RX,
					      .remote_port = p->endpoint.port,
					      .local_port = 51820,
					      .family = p->endpoint.ip.family } };
	memcpy(w->key.remote, p->endpoint.ip.bytes, sizeof(w->key.remote));
	w->value = (struct wire_session){
		.received = 1, .window = 1, .ifindex = ETH0, .first_ms = s->clock_ms, .last_ms = s->clock_ms
	};
	return w;
}

static void *copy(const void *from, size_t n, size_t size)
{
	void *to = calloc(n ? n : 1, size);

	assert_non_null(to);
	return n ? memcpy(to, from, n * size) : to;
}

int64_t scene_realtime_s(msec_t ms)
{
	return (REALTIME_MS + (int64_t)ms) / 1000;
}

struct snapshot scene_snapshot(const struct scene *s, msec_t now_ms)
{
	struct snapshot snap = {
		.now_ms = now_ms,
		.realtime_ms = REALTIME_MS + now_ms,
		.inventory.links = copy(s->links, s->links_n, sizeof(s->links[0])),
		.inventory.links_n = s->links_n,
		.inventory.peers = copy(s->peers, s->peers_n, sizeof(s->peers[0])),
		.inventory.peers_n = s->peers_n,
		.inventory.allowed_ips = copy(s->allowed_ips, s->peers_n, sizeof(s->allowed_ips[0])),
		.inventory.allowed_ips_n = s->peers_n,
		.flows = calloc(SCENE_FLOWS, sizeof(struct flow)),
		.flows_n = s->flows_n,
		.sessions = calloc(SCENE_SESSIONS, sizeof(struct session)),
		.sessions_n = s->sessions_n,
		.counters = copy(s->counters, s->counters_n, sizeof(s->counters[0])),
		.counters_n = s->counters_n,
	};

	assert_non_null(snap.flows);
	assert_non_null(snap.sessions);
	for (size_t i = 0; i < s->flows_n; i++)
		flow_widen(&snap.flows[i], &s->flows[i], now_ms);
	for (size_t i = 0; i < s->sessions_n; i++)
		session_widen(&snap.sessions[i], &s->sessions[i].key, &s->sessions[i].value, now_ms);
	assert_int_equal(inventory_index(&snap.inventory), 0);
	return snap;
}

static void note(const struct finding *f, void *arg)
{
	struct scene *s = arg;
	const char *wrong = finding_wrong(f);

	if (!wrong)
		wrong = life_wrong(&s->lives, f);
	if (wrong)
		fail_msg("%s: \"%s\"", wrong, f->message);
	s->opened += f->state == FINDING_OPEN;
	s->updated += f->state == FINDING_UPDATE;
	s->resolved += f->state == FINDING_RESOLVED;
	assert_true(s->log_n < SCENE_LOG);
	s->log[s->log_n++] = *f;
}

void scene_step(struct scene *s, const struct snapshot *snap)
{
	if (s->sees)
		s->sees(snap, s->sees_arg);
	assert_int_equal(analysis_step(s->analysis, snap, note, s), 0);
	assert_int_equal(analysis_open_findings(s->analysis, NULL, NULL), s->opened - s->resolved);
}

void scene_tick_tallies(struct scene *s, const struct tally *tallies, size_t n)
{
	struct snapshot snap = scene_snapshot(s, s->clock_ms + SCENE_TICK_MS);

	snap.tallies = calloc(n + 1, sizeof(*tallies));
	for (; snap.tallies_n < n; snap.tallies_n++)
		snap.tallies[snap.tallies_n] = tallies[snap.tallies_n];
	scene_step(s, &snap);
	snapshot_free(&snap);
	s->clock_ms += SCENE_TICK_MS;
}

void scene_tick(struct scene *s)
{
	scene_tick_tallies(s, NULL, 0);
}

void scene_ticks(struct scene *s, unsigned int n)
{
	while (n--)
		scene_tick(s);
}

void scene_stall(struct scene *s, struct wire_flow *f, uint16_t inner, struct wire_flow *alive, unsigned int n)
{
	while (n--) {
		bool waits = f->trial_last_ms && f->trial_inner == inner;

		if (!waits || s->clock_ms - f->trial_first_ms >= RTO_MS * ((1U << f->trial_tries) - 1))
			flow_tries(s, f, inner);
		if (alive)
			flow_delivers(s, alive, 100);
		scene_tick(s);
	}
}

void flow_tries(struct scene *s, struct wire_flow *f, uint16_t inner)
{
	f->last_tx_ms = f->last_tx_data_ms = s->clock_ms;
	f->flags |= WIRE_FLOW_TX_REQUEST;
	if (f->trial_last_ms && f->trial_inner != inner) {
		f->tx_lost_inner = f->trial_inner;
		f->tx_lost_tries = f->trial_tries;
		f->tx_lost_ms = s->clock_ms;
		f->repeated = 0;
	}
	if (!f->trial_last_ms || f->trial_inner != inner) {
		f->trial_seq = f->tx_acked;
		f->trial_end = f->tx_end = f->tx_acked + (inner > f->headers ? inner - f->headers : 1);
		f->trial_inner = inner;
		f->trial_tries = 0;
		f->trial_first_ms = s->clock_ms;
	}
	f->repeated += f->trial_tries > 0;
	f->trial_tries++;
	f->trial_last_ms = s->clock_ms;
}

void flow_hears(struct scene *s, struct wire_flow *f)
{
	f->last_rx_ms = s->clock_ms;
	if (f->rx_delivered_ms == s->clock_ms && f->rx_delivered_inner > SCENE_ACK_INNER)
		return;
	f->rx_delivered_ms = s->clock_ms;
	f->rx_delivered_inner = SCENE_ACK_INNER;
}

void flow_answered(struct scene *s, struct wire_flow *f)
{
	if (!f->trial_last_ms)
		return;
	f->tx_acked = f->tx_end;
	if (f->tx_delivered_ms != s->clock_ms || f->trial_inner > f->tx_delivered_inner)
		f->tx_delivered_inner = f->trial_inner;
	f->tx_delivered_ms = s->clock_ms;
	f->tx_delivered++;
	f->tx_retried += f->trial_tries > 1;
	f->tx_again += f->trial_tries > 2 ? f->trial_tries - 2 : 0;
	f->tx_repeated += f->repeated;
	f->repeated = 0;
	f->trial_tries = 0;
	f->trial_last_ms = 0;
	flow_hears(s, f);
	if (f->protocol != IPPROTO_TCP)
		f->rx_delivered_inner = f->trial_inner;
}

void flow_delivers(struct scene *s, struct wire_flow *f, uint16_t inner)
{
	uint32_t last_tx_data_ms = f->last_tx_data_ms;
	uint16_t flags = f->flags;

	flow_tries(s, f, inner);
	f->last_tx_data_ms = last_tx_data_ms; /* no answer is due: see flow_asks() */
	f->flags = flags;
	flow_answered(s, f);
}

void flow_receives(struct scene *s, struct wire_flow *f, uint16_t inner)
{
	flow_hears(s, f);
	if (inner > f->rx_delivered_inner)
		f->rx_delivered_inner = inner;
	f->last_rx_data_ms = s->clock_ms;
	f->flags |= WIRE_FLOW_RX_RESPONSE;
}

void flow_asks(struct scene *s, struct wire_flow *f, uint16_t inner)
{
	flow_delivers(s, f, inner);
	f->last_tx_data_ms = s->clock_ms;
	f->flags |= WIRE_FLOW_TX_REQUEST;
}

void flow_hole(struct scene *s, struct wire_flow *f, uint32_t missing)
{
	flow_receives(s, f, SCENE_ACK_INNER + 20);
	f->hole_ms = s->clock_ms;
	f->hole_end = f->rx_next + missing;
	f->rx_end = f->hole_end + 20;
}

void flow_fills(struct scene *s, struct wire_flow *f)
{
	flow_receives(s, f, f->hole_end - f->rx_next + SCENE_ACK_INNER);
	f->rx_next = f->rx_end;
	f->hole_ms = 0;
	f->rx_filled++;
}

void session_receives(struct scene *s, struct scene_session *w, uint32_t n, uint16_t outer)
{
	struct wire_session *v = &w->value;

	v->counter_max += n;
	v->received += n;
	v->last_ms = s->clock_ms;
	if (v->size_ms != s->clock_ms || outer > v->size_outer)
		v->size_outer = outer;
	v->size_ms = s->clock_ms;
}

void session_loses(struct scene_session *w, uint32_t n)
{
	w->value.counter_max += n;
}

const struct finding *scene_last(const struct scene *s)
{
	assert_true(s->log_n > 0);
	return &s->log[s->log_n - 1];
}

void scene_assert_silent(const struct scene *s)
{
	if (s->log_n)
		fail_msg("not silent at %lu ms: \"%s\"", (unsigned long)s->clock_ms, s->log[0].message);
}

uint32_t random_below(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's MMIX */
	return (*seed >> 33) % n;
}

bool random_true(uint64_t *seed, double probability)
{
	return random_below(seed, 1000000) < probability * 1000000;
}
