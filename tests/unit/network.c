// SPDX-License-Identifier: GPL-2.0-or-later
/* The simulated path, its gateways and applications; see network.h. */
#include "network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "network_internal.h"
#include "outer.h"

#define HANDSHAKE_MS	   15000 /* KEEPALIVE_TIMEOUT + REKEY_TIMEOUT, drivers/net/wireguard/messages.h */
#define HANDSHAKE_RETRY_MS 5000
#define HANDSHAKE_OUTER	   176
#define ECHO		   NETWORK_CONNECTIONS
#define DATAGRAM	   (NETWORK_CONNECTIONS + 1)
#define FAR_PING	   (NETWORK_CONNECTIONS + 2)
#define FAR_PROBE	   (NETWORK_CONNECTIONS + 3)
#define PROBE_EVERY_MS	   250
#define PROBE_LEAST	   600 /* bytes, inner */
#define DATAGRAM_EVERY_MS  200
#define FAR_AHEAD_MS	   12345110 /* neither the same time nor snapshots at the same moment */
#define PING_INNER	   84
#define PING_EVERY_MS	   1000

static uint32_t queue_ms(const struct network *n, bool tx)
{
	return n->rate ? n->queued[tx] / n->rate : 0;
}

uint32_t rto_ms(const struct network *n)
{
	return RTO_MIN_MS + 2 * n->delay_ms + 2 * n->jitter_ms + queue_ms(n, true) + queue_ms(n, false);
}

/* Tail drop: what no longer fits is lost. */
static bool queue_takes(struct network *n, bool tx, uint32_t outer)
{
	if (n->rate && n->queued[tx] + outer > n->rate * n->queue_ms)
		return false;
	n->queued[tx] += n->rate ? outer : 0;
	return true;
}

static void queues_drain(struct network *n)
{
	uint32_t sent = n->rate * NETWORK_STEP_MS;

	for (int tx = 0; tx < WIRE_DIRECTIONS; tx++)
		n->queued[tx] -= n->queued[tx] < sent ? n->queued[tx] : sent;
}

static bool in_burst(struct network *n, bool tx)
{
	if (n->burst_begins > 0)
		n->burst[tx] =
			n->burst[tx] ? !random_true(&n->seed, n->burst_ends) : random_true(&n->seed, n->burst_begins);
	return n->burst[tx];
}

static bool path_passes(struct network *n, bool tx, uint32_t outer)
{
	bool too_large = n->mtu[tx] && outer > n->mtu[tx];

	if (too_large && !n->down && !n->swallowed_ms[tx])
		n->swallowed_ms[tx] = n->now_ms;
	if (n->down || random_true(&n->seed, n->loss[tx]) || in_burst(n, tx) || too_large)
		return false;
	return (!n->drops || !n->drops(n, tx, outer)) && queue_takes(n, tx, outer);
}

/* When what would arrive then arrives on a path that holds everything back at times. */
static msec_t held_until(const struct network *n, msec_t ms)
{
	msec_t since = n->late_every_ms ? (ms - n->began_ms) % n->late_every_ms : n->late_ms;

	return since < n->late_ms ? ms + n->late_ms - since : ms;
}

static void packet_add(struct network *n, const struct in_flight *p)
{
	struct in_flight *added = &n->packets[n->packets_n++];

	assert_true(n->packets_n <= NETWORK_PACKETS);
	*added = *p;
	added->session = n->session;
	added->due_ms = held_until(n, n->now_ms + n->delay_ms + queue_ms(n, p->tx) +
					      (n->jitter_ms ? random_below(&n->seed, n->jitter_ms) : 0));
}

static void count_size(struct scene *s, bool tx, uint32_t inner)
{
	s->counters[0].direction[tx].packets++;
	s->counters[0].direction[tx].sizes[inner / WIRE_SIZE_STEP]++;
}

/* A packet passes the gateway, or the peer's, and is seen in the tunnel and under it. */
static void near_sees(struct network *n, bool tx, struct scene_session *session, uint64_t counter, uint32_t inner,
		      uint32_t outer)
{
	programs_session(&(tx ? n->tx_session : session)->value, counter, outer, n->scene.clock_ms);
	if (!n->both)
		return;
	count_size(&n->scene, tx, inner);
}

static void far_sees(struct network *n, bool tx, uint64_t counter, uint32_t inner, uint32_t outer)
{
	if (!n->both)
		return;
	programs_session(&n->far_session[tx]->value, counter, outer, n->far.clock_ms);
	count_size(&n->far, tx, inner);
}

static void sender_sees(struct network *n, bool local, uint64_t counter, uint32_t inner, uint32_t outer)
{
	if (local)
		near_sees(n, true, NULL, counter, inner, outer);
	else
		far_sees(n, true, counter, inner, outer);
}

/* The firewall before the remote hosts. */
static bool firewall_passes(struct network *n, struct connection *c, const struct segment *s)
{
	if (s->syn && !s->has_ack && (n->filtered[c->host] || (n->syn_loss > 0 && random_true(&n->seed, n->syn_loss))))
		return false;
	if (n->host_mtu[c->host] && s->payload + n->headers > n->host_mtu[c->host])
		return false;
	if (n->firewall_idle_ms && c->passed_ms && n->now_ms - c->passed_ms > n->firewall_idle_ms)
		return false;
	if (c->opened_ms < n->firewall_began_ms)
		return false;
	c->passed_ms = n->now_ms;
	return true;
}

/* What WireGuard makes of a packet: the route's MTU limits the padding, and that is the device's if it has none of its own. */
static uint32_t outer_of(const struct network *n, bool tx, uint32_t inner)
{
	uint32_t mtu = tx ? n->scene.links[1].mtu : n->far_mss + n->headers;

	return outer_size(inner, n->route_mtu ? n->route_mtu : mtu, n->family);
}

/* A segment leaves one end: past the gateway and into the path, or out of the path and to the gateway. */
void segment_send(struct network *n, struct connection *c, bool local, const struct segment *s)
{
	uint32_t inner = s->payload + n->headers, outer = outer_of(n, local, inner);
	uint64_t counter;

	if (local && !n->asked_ms)
		n->asked_ms = n->now_ms;
	if (local)
		programs_tcp(c->flow, s, true, n->scene.clock_ms);
	else if (n->dead[c->host] || !firewall_passes(n, c, s))
		return;
	else if (n->both)
		programs_tcp(c->far_flow, s, true, n->far.clock_ms);
	counter = n->counter[local]++;
	sender_sees(n, local, counter, inner, outer);
	if (!path_passes(n, local, outer))
		return;
	packet_add(n, &(struct in_flight){ .serial = c->serial,
					   .connection = c - n->connections,
					   .segment = *s,
					   .counter = counter,
					   .inner = inner,
					   .outer = outer,
					   .tx = local });
}

static void connection_open(struct network *n, struct connection *c)
{
	static const char *const hosts[2][NETWORK_HOSTS] = {
		{ "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4" },
		{ "fd00:1::1", "fd00:1::2", "fd00:1::3", "fd00:1::4" },
	};
	size_t place = n->serial % (SCENE_FLOWS - 2) + 2; /* the first two are of echoes */
	struct wire_flow *f = &n->scene.flows[place];
	struct end *client;

	memset(c, 0, sizeof(*c));
	c->serial = ++n->serial;
	c->host = (c - n->connections) % NETWORK_HOSTS;
	c->remote_asks = n->remote_asks || (c - n->connections) / NETWORK_HOSTS % 2;
	c->opened_ms = c->progress_ms = n->now_ms;
	c->mss = n->mss < n->far_mss ? n->mss : n->far_mss;
	c->flow = f;
	*f = (struct wire_flow){ .tag = c->serial + 2,
				 .ifindex = SCENE_WG0,
				 .protocol = IPPROTO_TCP,
				 .family = inner_v6(n) ? AF_INET6 : AF_INET,
				 .first_ms = n->scene.clock_ms,
				 .last_tx_ms = n->scene.clock_ms,
				 .last_rx_ms = n->scene.clock_ms,
				 .remote_port = 25,
				 .local_port = c->serial };
	inet_pton(f->family, inner_v6(n) ? "fd00::1" : "10.0.0.1", f->local);
	inet_pton(f->family, hosts[inner_v6(n)][c->host], f->remote);
	if (place >= n->scene.flows_n)
		n->scene.flows_n = n->far.flows_n = place + 1;
	c->far_flow = &n->far.flows[place];
	*c->far_flow = *f;
	c->far_flow->first_ms = c->far_flow->last_tx_ms = c->far_flow->last_rx_ms = (uint32_t)n->far.clock_ms;
	c->far_flow->local_port = f->remote_port;
	c->far_flow->remote_port = f->local_port;
	memcpy(c->far_flow->local, f->remote, sizeof(f->remote));
	memcpy(c->far_flow->remote, f->local, sizeof(f->local));
	for (size_t i = 0; i < 2; i++) {
		struct end *e = &c->end[i];

		e->first = e->una = e->nxt = e->end = e->top = e->recover = 1 + random_below(&n->seed, 1U << 31);
	}
	client = &c->end[c->remote_asks];
	client->end++;
	client->window = WINDOW_FIRST;
	client->rto_ms = RTO_FIRST_MS;
	end_send(n, c, !c->remote_asks);
}

static uint32_t some_bytes(struct network *n, uint32_t max)
{
	static const uint32_t kinds[] = { 80, 400, 1300, 5000, 60000 };
	uint32_t kind = kinds[random_below(&n->seed, 5)];

	return n->message_min + 20 + random_below(&n->seed, kind < max ? kind : max);
}

static uint32_t message(struct network *n, const struct connection *c, uint32_t max)
{
	return n->greets && c->rounds == 1 ? GREETING : some_bytes(n, max);
}

static void application(struct network *n, struct connection *c)
{
	struct end *client = &c->end[c->remote_asks], *server = &c->end[!c->remote_asks];

	if ((!c->open || c->request_end || c->response_end) && n->now_ms - c->progress_ms > n->patience_ms) {
		const struct segment reset = {
			.seq = client->nxt, .ack = client->rcv, .has_ack = true, .rst = true, .headers = n->headers
		};

		segment_send(n, c, !c->remote_asks, &reset);
		connection_open(n, c);
		return;
	}
	c->open = client->una != client->first && client->rcv && server->una != server->first;
	if (!c->open)
		return;
	if (c->request_end && !c->answer_ms && after(server->rcv, c->request_end) >= 0)
		c->answer_ms = n->now_ms + n->think_ms;
	if (c->answer_ms && n->now_ms >= c->answer_ms && !n->hung[c->host]) {
		c->request_end = 0;
		c->answer_ms = 0;
		server->end += message(n, c, n->response_max);
		c->response_end = server->end;
		end_send(n, c, c->remote_asks);
	}
	if (c->response_end && after(client->rcv, c->response_end) >= 0) {
		c->response_end = 0;
		n->completed++;
	}
	if (c->request_end || c->response_end || n->now_ms < c->next_ms)
		return;
	c->next_ms = n->now_ms + n->pause_ms / 2 + random_below(&n->seed, n->pause_ms + 1);
	c->progress_ms = n->now_ms;
	if (++c->rounds > n->rounds_max) {
		const struct segment fin = { .seq = c->end[0].nxt, .ack = c->end[0].rcv, .has_ack = true, .fin = true };

		segment_send(n, c, true, &fin);
		connection_open(n, c);
		return;
	}
	client->end += message(n, c, n->request_max);
	c->progress_ms = n->now_ms;
	c->request_end = client->end;
	end_send(n, c, !c->remote_asks);
}

void network_connect(struct network *n)
{
	assert_true(n->connections_n < NETWORK_CONNECTIONS);
	connection_open(n, &n->connections[n->connections_n++]);
}

void packet_send(struct network *n, struct in_flight *p)
{
	p->outer = outer_of(n, p->tx, p->inner);
	p->counter = n->counter[p->tx]++;
	sender_sees(n, p->tx, p->counter, p->inner, p->outer);
	if (path_passes(n, p->tx, p->outer))
		packet_add(n, p);
}

static void lone_send(struct network *n, size_t what, bool tx, uint32_t inner)
{
	packet_send(n, &(struct in_flight){ .connection = what, .inner = inner, .tx = tx });
}

/* Every other one is as large as can be sent. */
static void far_probe(struct network *n)
{
	uint32_t most = n->far_mss + n->headers, least = n->probes_sent % 2 ? PROBE_LEAST : most;

	n->far_probes--;
	packet_send(n, &(struct in_flight){ .connection = FAR_PROBE,
					    .serial = ++n->probes_sent,
					    .inner = least + random_below(&n->seed, most + 1 - least) });
}

void network_datagram(struct network *n, bool tx, uint32_t inner)
{
	lone_send(n, DATAGRAM, tx, inner);
}

static void packet_arrives(struct network *n, const struct in_flight *p)
{
	struct connection *c = p->connection >= ECHO ? NULL : &n->connections[p->connection];

	if (!p->tx)
		n->asked_ms = 0;
	if (p->tx)
		far_sees(n, false, p->counter, p->inner, p->outer);
	else
		near_sees(n, false, p->session, p->counter, p->inner, p->outer);
	if (n->watch_outer && p->outer >= n->watch_outer && !n->watched_ms[p->tx])
		n->watched_ms[p->tx] = n->now_ms;
	if (p->connection == DATAGRAM)
		return;
	if (p->mtu) {
		if (p->serial == c->serial)
			router_message_arrives(n, c, p);
		return;
	}
	if (p->connection == FAR_PROBE) {
		programs_asked(n->probe, p->serial, p->inner, n->scene.clock_ms);
		return;
	}
	if (p->connection == FAR_PING) {
		if (!p->tx) {
			flow_hears(&n->scene, n->ping);
			lone_send(n, FAR_PING, true, PING_INNER);
		}
		return;
	}
	if (n->both && p->tx && c && p->serial == c->serial)
		programs_tcp(c->far_flow, &p->segment, false, n->far.clock_ms);
	if (p->tx && n->dead[c ? c->host : 0])
		return;
	if (p->tx && c && !router_passes(n, p))
		return;
	if (p->tx && c && !firewall_passes(n, c, &p->segment))
		return;
	if (!c && p->tx)
		lone_send(n, ECHO, false, PING_INNER);
	else if (!c)
		flow_answered(&n->scene, n->ping);
	if (!c || p->serial != c->serial)
		return;
	if (!p->tx)
		programs_tcp(c->flow, &p->segment, false, n->scene.clock_ms);
	end_receives(n, c, !p->tx, &p->segment);
}

static void packets_arrive(struct network *n)
{
	size_t kept = 0;

	/* What is sent meanwhile is due later and lands behind. */
	for (size_t i = 0; i < n->packets_n; i++) {
		struct in_flight p = n->packets[i];

		if (n->now_ms >= p.due_ms)
			packet_arrives(n, &p);
		else
			n->packets[kept++] = p;
	}
	n->packets_n = kept;
}

/* Of what is sent without any answer WireGuard makes a new handshake, and tries until it succeeds; for snapshots within 2 s. */
static void handshake(struct network *n)
{
	if (!n->asked_ms || n->now_ms - n->asked_ms < HANDSHAKE_MS)
		n->handshake_ms = 0;
	else if (n->now_ms >= n->handshake_ms) {
		n->handshake_ms = n->now_ms + HANDSHAKE_RETRY_MS;
		if (!path_passes(n, true, HANDSHAKE_OUTER) || !path_passes(n, false, HANDSHAKE_OUTER))
			return;
		n->asked_ms = n->now_ms;
		n->scene.peers[0].last_handshake_s = scene_realtime_s(n->now_ms);
	}
}

void network_run(struct network *n, uint32_t ms)
{
	msec_t until = n->now_ms + ms;

	while (n->now_ms < until) {
		n->now_ms += NETWORK_STEP_MS;
		if (n->now_ms - n->scene.clock_ms >= SCENE_TICK_MS)
			scene_tick_tallies(&n->scene, n->messages, n->router_mtu || n->forged ? 2 * NETWORK_HOSTS : 0);
		if (n->both && n->now_ms + n->far_ahead_ms - n->far.clock_ms >= SCENE_TICK_MS)
			scene_tick(&n->far);
		queues_drain(n);
		handshake(n);
		packets_arrive(n);
		router_step(n);
		for (size_t i = 0; i < n->connections_n; i++) {
			application(n, &n->connections[i]);
			for (int local = 0; local < 2; local++)
				if (!(!local && n->dead[n->connections[i].host]))
					end_time_out(n, &n->connections[i], local);
		}
		for (int tx = 0; tx < WIRE_DIRECTIONS; tx++)
			if (n->datagrams[tx] && n->now_ms % DATAGRAM_EVERY_MS == 0)
				network_datagram(n, tx, n->datagrams[tx]);
		if (n->far_probes && n->now_ms % PROBE_EVERY_MS == 0)
			far_probe(n);
		if (n->far_pings && n->now_ms % PING_EVERY_MS == 0)
			lone_send(n, FAR_PING, false, PING_INNER);
		if (n->pings && n->now_ms % PING_EVERY_MS == 0) {
			flow_tries(&n->scene, n->ping, PING_INNER);
			lone_send(n, ECHO, true, PING_INNER);
		}
	}
}

void network_set_mtu_of(struct network *n, bool local, uint32_t mtu)
{
	(local ? &n->scene : &n->far)->links[1].mtu = mtu;
	*(local ? &n->mss : &n->far_mss) = mtu - n->headers;
}

void network_set_mtu(struct network *n, uint32_t mtu)
{
	network_set_mtu_of(n, false, mtu);
	network_set_mtu_of(n, true, mtu);
}

void network_roam(struct network *n)
{
	n->scene.peers[0].endpoint.ip.bytes[n->family == AF_INET6 ? 15 : 3]++;
	n->session = scene_session(&n->scene, &n->scene.peers[0]);
	n->session->value.received = 0;
}

void network_rekey(struct network *n)
{
	n->session = scene_session(&n->scene, &n->scene.peers[0]);
	n->session->value.received = 0;
	n->counter[WIRE_RX] = 0;
}

static void counters_start(struct scene *s)
{
	s->counters[0].ifindex = SCENE_WG0;
	s->counters_n = 1;
}

/* The peer's gateway: the same two sessions, each in the other direction. */
static void far_start(struct network *n, uint32_t mtu)
{
	n->both = true;
	n->far_ahead_ms = FAR_AHEAD_MS;
	scene_start_at(&n->far, mtu, n->now_ms + n->far_ahead_ms);
	scene_peer(&n->far, 'B', n->family == AF_INET6 ? "2001:db8::2" : "192.0.2.2", "10.0.0.0");
	n->far_session[WIRE_TX] = scene_session(&n->far, &n->far.peers[0]);
	n->far_session[WIRE_TX]->key.direction = WIRE_TX;
	n->far_session[WIRE_TX]->key.index = n->session->key.index;
	n->far_session[WIRE_RX] = scene_session(&n->far, &n->far.peers[0]);
	n->far_session[WIRE_RX]->key.index = n->tx_session->key.index;
	n->far_session[WIRE_TX]->value.received = n->far_session[WIRE_RX]->value.received = 0;
	counters_start(&n->scene);
	counters_start(&n->far);
}

void network_start_as(struct network *n, uint64_t seed, uint32_t mtu, size_t connections, uint8_t family,
		      uint8_t headers, msec_t start_ms, bool both)
{
	memset(n, 0, sizeof(*n));
	scene_start_at(&n->scene, mtu, start_ms);
	scene_peer(&n->scene, 'A', family == AF_INET6 ? "2001:db8::1" : "192.0.2.1",
		   headers >= HEADERS_V6 ? "fd00:1::" : "10.1.0.0");
	n->session = scene_session(&n->scene, &n->scene.peers[0]);
	n->tx_session = scene_session(&n->scene, &n->scene.peers[0]);
	n->tx_session->key.direction = WIRE_TX;
	n->session->value.received = n->tx_session->value.received = 0;
	n->ping = scene_ping(&n->scene, headers >= HEADERS_V6 ? "fd00:1::1" : "10.1.0.1");
	n->probe = scene_ping(&n->scene, headers >= HEADERS_V6 ? "fd00:1::1" : "10.1.0.1");
	n->probe->remote_port = n->probe->local_port;
	n->probe->local_port = 0;
	n->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	n->now_ms = n->scene.clock_ms;
	n->family = family;
	n->headers = headers;
	n->began_ms = start_ms;
	n->mss = n->far_mss = mtu - headers;
	n->delay_ms = 20;
	n->request_max = n->response_max = 60000;
	n->rounds_max = 20;
	n->patience_ms = 60000;
	n->window_max = 40;
	n->pause_ms = 1000;
	n->connections_n = connections;
	if (both)
		far_start(n, mtu);
	for (size_t i = 0; i < connections; i++)
		connection_open(n, &n->connections[i]);
}

void network_start(struct network *n, uint64_t seed, uint32_t mtu, size_t connections)
{
	network_start_as(n, seed, mtu, connections, AF_INET, SEGMENT_HEADERS, SCENE_START_MS, false);
}

void network_end(struct network *n)
{
	scene_end(&n->scene);
	if (n->both)
		scene_end(&n->far);
}
