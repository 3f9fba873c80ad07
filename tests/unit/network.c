// SPDX-License-Identifier: GPL-2.0-or-later
/* Simulated TCP through the tunnel; see network.h. */
#include "network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "outer.h"

#define WINDOW_FIRST  10
#define WINDOW_MAX    40
#define RTO_MIN_MS    200
#define RTO_MAX_MS    120000
#define RTO_FIRST_MS  1000  /* RFC 6298 */
#define ABANDON_MS    60000 /* an application's patience */
#define ROUNDS_MAX    20    /* requests on one connection */
#define ECHO	      NETWORK_CONNECTIONS
#define PING_INNER    84
#define PING_EVERY_MS 1000

static int32_t after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static uint32_t rto_ms(const struct network *n)
{
	return RTO_MIN_MS + 2 * n->delay_ms + 2 * n->jitter_ms;
}

static bool path_passes(struct network *n, bool tx, uint32_t outer)
{
	bool too_large = n->mtu[tx] && outer > n->mtu[tx];

	if (too_large && !n->down && !n->swallowed_ms[tx])
		n->swallowed_ms[tx] = n->now_ms;
	if (n->down || random_true(&n->seed, n->loss[tx]) || too_large)
		return false;
	return !n->drops || !n->drops(n, tx, outer);
}

static void packet_add(struct network *n, const struct in_flight *p)
{
	struct in_flight *added = &n->packets[n->packets_n++];

	assert_true(n->packets_n <= NETWORK_PACKETS);
	*added = *p;
	added->due_ms = n->now_ms + n->delay_ms + (n->jitter_ms ? random_below(&n->seed, n->jitter_ms) : 0);
}

/* The firewall before the remote hosts. */
static bool firewall_passes(struct network *n, struct connection *c, const struct segment *s)
{
	if (s->syn && !s->has_ack && n->filtered[c->host])
		return false;
	if (n->firewall_idle_ms && c->passed_ms && n->now_ms - c->passed_ms > n->firewall_idle_ms)
		return false;
	c->passed_ms = n->now_ms;
	return true;
}

/* A segment leaves one end: past the gateway and into the path, or out of the path and to the gateway. */
static void segment_send(struct network *n, struct connection *c, bool local, const struct segment *s)
{
	uint32_t mtu = n->scene.links[1].mtu, outer = outer_size(s->payload + n->headers, mtu, n->family);
	uint64_t counter = 0;

	if (local)
		programs_tcp(c->flow, s, true, n->scene.clock_ms);
	else if (n->dead[c->host] || !firewall_passes(n, c, s))
		return;
	else
		counter = n->counter++;
	if (!path_passes(n, local, outer))
		return;
	packet_add(n, &(struct in_flight){ .serial = c->serial,
					   .connection = c - n->connections,
					   .segment = *s,
					   .counter = counter,
					   .outer = outer,
					   .tx = local });
}

/* The segment that begins at seq: the SYN alone, else as much as there is and fits. Returns the number after it. */
static uint32_t segment_cut(struct network *n, struct connection *c, bool local, uint32_t seq)
{
	struct end *e = &c->end[!local];
	struct segment s = { .seq = seq, .ack = e->rcv, .has_ack = e->rcv != 0, .headers = n->headers };
	uint32_t next;

	if (seq == e->first) {
		s.syn = true;
		s.mss = n->scene.links[1].mtu - 40;
		next = seq + 1;
	} else {
		s.payload = e->end - seq < n->mss ? e->end - seq : n->mss;
		if (local && n->full[c->host])
			s.payload = 1;
		next = seq + s.payload;
	}
	segment_send(n, c, local, &s);
	if (after(next, e->top) > 0)
		e->top = next;
	return next;
}

static void acknowledge(struct network *n, struct connection *c, bool local)
{
	struct end *e = &c->end[!local];
	const struct segment s = { .seq = e->nxt, .ack = e->rcv, .has_ack = true, .headers = n->headers };

	segment_send(n, c, local, &s);
}

static void end_send(struct network *n, struct connection *c, bool local)
{
	struct end *e = &c->end[!local];

	while (after(e->end, e->nxt) > 0 && e->nxt - e->una < e->window * n->mss) {
		if (local && n->full[c->host] && e->una != e->nxt)
			return;
		if (e->una == e->nxt)
			e->rto_due_ms = n->now_ms + e->rto_ms;
		e->nxt = segment_cut(n, c, local, e->nxt);
	}
}

static void end_time_out(struct network *n, struct connection *c, bool local)
{
	struct end *e = &c->end[!local];

	if (e->una == e->nxt || after(n->now_ms, e->rto_due_ms) < 0)
		return;
	e->rto_ms = 2 * e->rto_ms < RTO_MAX_MS ? 2 * e->rto_ms : RTO_MAX_MS;
	e->rto_due_ms = n->now_ms + e->rto_ms;
	e->window = 1;
	e->duplicates = 0;
	e->recover = e->una;
	e->nxt = segment_cut(n, c, local, e->una);
}

static void end_acknowledged(struct network *n, struct connection *c, bool local, uint32_t ack, bool bare)
{
	struct end *e = &c->end[!local];

	if (after(ack, e->una) > 0 && after(ack, e->top) <= 0) {
		e->una = ack;
		if (after(e->nxt, ack) < 0)
			e->nxt = ack;
		e->duplicates = 0;
		e->rto_ms = rto_ms(n);
		e->rto_due_ms = n->now_ms + e->rto_ms;
		e->window += e->window < WINDOW_MAX;
		c->progress_ms = n->now_ms;
		if (after(e->recover, ack) > 0)
			segment_cut(n, c, local, ack);
	} else if (bare && ack == e->una && e->una != e->nxt && ++e->duplicates == 3) {
		e->window = e->window > 4 ? e->window / 2 : 2;
		e->recover = e->nxt;
		segment_cut(n, c, local, e->una);
	}
}

static void end_early(struct end *e, uint32_t from, uint32_t to)
{
	if (e->early_n < NETWORK_RANGES)
		e->early[e->early_n++] = (struct range){ from, to };
}

static void end_advance(struct end *e, uint32_t to)
{
	if (after(to, e->rcv) > 0)
		e->rcv = to;
	for (size_t i = 0; i < e->early_n; i++) {
		if (after(e->early[i].from, e->rcv) > 0)
			continue;
		to = e->early[i].to;
		e->early[i] = e->early[--e->early_n];
		end_advance(e, to);
		return;
	}
}

static void end_receives(struct network *n, struct connection *c, bool local, const struct segment *s)
{
	struct end *e = &c->end[!local];
	uint32_t to = s->seq + s->payload + s->syn;

	if (!local && n->full[c->host] && s->payload) {
		acknowledge(n, c, local);
		return;
	}
	if (s->syn && !e->rcv) {
		e->rcv = to;
		if (e->end == e->first) { /* the side that was asked answers with its own SYN */
			e->end++;
			e->window = WINDOW_FIRST;
			e->rto_ms = RTO_FIRST_MS;
		}
	} else if (s->syn || s->payload) {
		if (after(s->seq, e->rcv) > 0)
			end_early(e, s->seq, to);
		else
			end_advance(e, to);
	}
	if (s->has_ack)
		end_acknowledged(n, c, local, s->ack, !s->payload && !s->syn);
	if ((s->syn && s->has_ack) || s->payload)
		acknowledge(n, c, local);
	end_send(n, c, local);
}

static void connection_open(struct network *n, struct connection *c)
{
	static const char *const hosts[NETWORK_HOSTS] = { "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4" };
	size_t place = n->serial % (SCENE_FLOWS - 1) + 1; /* the first is the ping */
	struct wire_flow *f = &n->scene.flows[place];
	struct end *client;

	memset(c, 0, sizeof(*c));
	c->serial = ++n->serial;
	c->host = (c - n->connections) % NETWORK_HOSTS;
	c->remote_asks = (c - n->connections) / NETWORK_HOSTS % 2;
	c->progress_ms = n->now_ms;
	c->flow = f;
	*f = (struct wire_flow){ .tag = c->serial + 1,
				 .ifindex = SCENE_WG0,
				 .protocol = IPPROTO_TCP,
				 .family = AF_INET,
				 .first_ms = n->scene.clock_ms,
				 .last_tx_ms = n->scene.clock_ms,
				 .last_rx_ms = n->scene.clock_ms,
				 .remote_port = 25,
				 .local_port = c->serial };
	inet_pton(AF_INET, "10.0.0.1", f->local);
	inet_pton(AF_INET, hosts[c->host], f->remote);
	if (place >= n->scene.flows_n)
		n->scene.flows_n = place + 1;
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

	return 20 + random_below(&n->seed, kind < max ? kind : max);
}

static void application(struct network *n, struct connection *c)
{
	struct end *client = &c->end[c->remote_asks], *server = &c->end[!c->remote_asks];

	if ((!c->open || c->request_end || c->response_end) && n->now_ms - c->progress_ms > ABANDON_MS) {
		connection_open(n, c);
		return;
	}
	c->open = client->una != client->first && client->rcv && server->una != server->first;
	if (!c->open)
		return;
	if (c->request_end && after(server->rcv, c->request_end) >= 0 && !n->hung[c->host]) {
		c->request_end = 0;
		server->end += some_bytes(n, n->response_max);
		c->response_end = server->end;
		end_send(n, c, c->remote_asks);
	}
	if (c->response_end && after(client->rcv, c->response_end) >= 0) {
		c->response_end = 0;
		n->completed++;
	}
	if (c->request_end || c->response_end || after(n->now_ms, c->next_ms) < 0)
		return;
	c->next_ms = n->now_ms + n->pause_ms / 2 + random_below(&n->seed, n->pause_ms + 1);
	c->progress_ms = n->now_ms;
	if (++c->rounds > ROUNDS_MAX) {
		const struct segment fin = { .seq = c->end[0].nxt, .ack = c->end[0].rcv, .has_ack = true, .fin = true };

		segment_send(n, c, true, &fin);
		connection_open(n, c);
		return;
	}
	client->end += some_bytes(n, n->request_max);
	c->progress_ms = n->now_ms;
	c->request_end = client->end;
	end_send(n, c, !c->remote_asks);
}

/* One more echo message enters the path, if the path lets it. */
static void echo_send(struct network *n, bool tx)
{
	uint64_t counter = tx ? 0 : n->counter++;
	uint32_t outer = outer_size(PING_INNER, 0, n->family);

	if (!path_passes(n, tx, outer))
		return;
	packet_add(n, &(struct in_flight){ .connection = ECHO, .counter = counter, .outer = outer, .tx = tx });
}

static void packet_arrives(struct network *n, const struct in_flight *p)
{
	struct connection *c = p->connection == ECHO ? NULL : &n->connections[p->connection];

	if (!p->tx)
		programs_session(&n->session->value, p->counter, p->outer, n->scene.clock_ms);
	if (p->tx && n->dead[c ? c->host : 0])
		return;
	if (p->tx && c && !firewall_passes(n, c, &p->segment))
		return;
	if (!c && p->tx)
		echo_send(n, false);
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

		if (after(n->now_ms, p.due_ms) >= 0)
			packet_arrives(n, &p);
		else
			n->packets[kept++] = p;
	}
	n->packets_n = kept;
}

void network_run(struct network *n, uint32_t ms)
{
	uint32_t until = n->now_ms + ms;

	while (n->now_ms < until) {
		n->now_ms += NETWORK_STEP_MS;
		if (n->now_ms - n->scene.clock_ms >= SCENE_TICK_MS)
			scene_tick(&n->scene);
		packets_arrive(n);
		for (size_t i = 0; i < n->connections_n; i++) {
			application(n, &n->connections[i]);
			for (int local = 0; local < 2; local++)
				if (!(!local && n->dead[n->connections[i].host]))
					end_time_out(n, &n->connections[i], local);
		}
		if (n->pings && n->now_ms % PING_EVERY_MS == 0) {
			flow_tries(&n->scene, n->ping, PING_INNER);
			echo_send(n, true);
		}
	}
}

void network_set_mtu(struct network *n, uint32_t mtu)
{
	n->scene.links[1].mtu = mtu;
	n->mss = mtu - n->headers;
}

void network_roam(struct network *n)
{
	n->scene.peers[0].endpoint.port++;
	n->session = scene_session(&n->scene, &n->scene.peers[0]);
	n->session->value.received = 0;
}

void network_start_as(struct network *n, uint64_t seed, uint32_t mtu, size_t connections, uint8_t family,
		      uint8_t headers)
{
	memset(n, 0, sizeof(*n));
	scene_start(&n->scene, mtu);
	scene_peer(&n->scene, 'A', family == AF_INET6 ? "2001:db8::1" : "192.0.2.1", "10.1.0.0");
	n->session = scene_session(&n->scene, &n->scene.peers[0]);
	n->session->value.received = 0;
	n->ping = scene_ping(&n->scene, "10.1.0.1");
	n->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	n->now_ms = n->scene.clock_ms;
	n->family = family;
	n->headers = headers;
	n->mss = mtu - headers;
	n->delay_ms = 20;
	n->request_max = n->response_max = 60000;
	n->pause_ms = 1000;
	n->connections_n = connections;
	for (size_t i = 0; i < connections; i++)
		connection_open(n, &n->connections[i]);
}

void network_start(struct network *n, uint64_t seed, uint32_t mtu, size_t connections)
{
	network_start_as(n, seed, mtu, connections, AF_INET, SEGMENT_HEADERS);
}

void network_end(struct network *n)
{
	scene_end(&n->scene);
}
