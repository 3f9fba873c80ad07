// SPDX-License-Identifier: GPL-2.0-or-later
/* The stages of a measurement; see measure.h. */
#include "measure.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "outer.h"

#define CONTROL_SIZE 64 /* bytes of the IP packet of the first probe */
#define UDP_BURST    5	/* Linux answers six closed ports at once, and then one a second (icmp_ratelimit) */
#define UDP_GAP_MS   1050
#define RECEIVE_MAX  64 /* messages looked at in one step: whoever floods does not hold us up */
#define CHECK_BUDGET 2	/* one answer settles it, and nothing rests on there being none */
#define METHODS	     2
#define IPV6_MTU_MIN 1280 /* bytes (RFC 8200, 5) */
#define ANSWER_ADDS  48	  /* bytes of IPv6 and ICMPv6 headers before what is quoted */

static enum probe_method method_at(const struct measure *m, size_t i)
{
	if (m->stage == MEASURE_CHECK)
		return m->result.direction == WIRE_TX ? PROBE_ECHO : PROBE_UDP;
	return (i == 0) == (m->result.direction == WIRE_TX) ? PROBE_UDP : PROBE_ECHO;
}

static size_t attempts(const struct measure *m)
{
	switch (m->stage) {
	case MEASURE_TUNNEL:
		return m->config.hosts_n * METHODS;
	case MEASURE_CHECK:
		return 1;
	case MEASURE_UNDERLAY:
		/* Echo, the first, tells of the way back. The other method does not, and is no help to what was measured both ways. */
		if (m->result.direction == WIRE_RX && m->result.tunnel_answered)
			return 1;
		return m->config.endpoint.family ? METHODS : 0;
	default:
		return 0;
	}
}

static void target_make(struct measure *m)
{
	bool inside = m->stage != MEASURE_UNDERLAY;

	m->target = (struct probe_target){ .echo_id = m->config.echo_id };
	m->target.to = m->config.endpoint;
	if (m->stage == MEASURE_TUNNEL)
		m->target.to = m->config.hosts[m->attempt / METHODS];
	else if (m->stage == MEASURE_CHECK)
		m->target.to = m->result.host;
	m->target.from = inside ? m->config.from_inside : m->config.from;
	memcpy(m->target.interface, inside ? m->config.tunnel : m->config.from_interface, IFACE_NAME_LEN);
	m->target.mark = inside ? 0 : m->config.mark;
}

static uint32_t budget_left(const struct measure *m)
{
	uint32_t sent = m->config.spent + m->result.sent;

	return sent < PROBER_BUDGET ? PROBER_BUDGET - sent : 0;
}

static void prober_config_make(const struct measure *m, struct prober_config *c)
{
	const struct measured *r = &m->result;
	uint32_t add = m->stage == MEASURE_UNDERLAY ? 0 : outer_overhead(m->config.tunnel_family);

	*c = (struct prober_config){ .control = CONTROL_SIZE + add, .budget = budget_left(m) };
	if (m->method == PROBE_UDP) {
		c->burst = UDP_BURST;
		c->gap_ms = UDP_GAP_MS;
	}
	if (m->stage == MEASURE_TUNNEL)
		c->guess = m->config.guess;
	if (m->stage != MEASURE_UNDERLAY) {
		c->tunnel_family = m->config.tunnel_family;
		c->padding_mtu = probe_route_mtu(&m->target);
		c->max = m->config.tunnel_mtu + add;
	} else {
		c->max = m->config.egress_mtu ? m->config.egress_mtu : PROBE_SIZE_MAX;
	}
	if (c->max > PROBE_SIZE_MAX)
		c->max = PROBE_SIZE_MAX;
	if (m->stage == MEASURE_CHECK) {
		c->control = c->max = r->upper_round;
		if (c->budget > CHECK_BUDGET)
			c->budget = CHECK_BUDGET;
	} else if (r->lower && (r->upper_round || r->whole)) {
		/* The tunnel has shown this bracket: only the bytes between its ends are left to tell, and whether it is the same here. */
		c->control = r->lower;
		if (r->upper_round && r->upper_round < c->max)
			c->max = r->upper_round;
	}
}

/* Opens the present attempt; false: it cannot be made. */
static bool attempt_open(struct measure *m)
{
	struct prober_config c;

	m->method = method_at(m, m->attempt % METHODS);
	target_make(m);
	m->result.err = probe_socket_open(&m->socket, m->method, &m->target);
	if (m->result.err)
		return false;
	prober_config_make(m, &c);
	prober_start(&m->prober, &c);
	return true;
}

static void count_up(struct measured *r, const struct prober *p)
{
	r->answered += p->answered;
	r->lost += p->lost;
	r->too_big += p->too_big;
	r->ignored += p->ignored;
	r->sent += p->sent;
	for (uint32_t i = 0; i < p->sent; i++) {
		if (!r->size_min || p->probes[i].outer < r->size_min)
			r->size_min = p->probes[i].outer;
		if (p->probes[i].outer > r->size_max)
			r->size_max = p->probes[i].outer;
	}
	if (p->said_by.family) {
		r->said_by = p->said_by;
		r->said_mtu = p->said_mtu;
	}
}

/*
 * What dies in the tunnel arrives beside it: what is beside it, by another port, protocol or link, does not meet what the tunnel meets,
 * and says nothing of it.
 */
static bool is_another_path(const struct measure *m)
{
	return m->stage == MEASURE_UNDERLAY && m->result.upper_round &&
	       prober_lower(&m->prober) >= m->result.upper_round;
}

/*
 * A closed port's answer in IPv6 quotes what fits into 1280 bytes (RFC 4443, 2.4): it is larger than what it is about, and may be what was
 * lost, as long as none of that size is known to come back.
 */
static bool answer_may_be_lost(const struct measure *m)
{
	const struct measured *r = &m->result;

	return m->stage == MEASURE_TUNNEL && m->method == PROBE_UDP && m->target.to.family == AF_INET6 &&
	       r->upper_round && r->lower < IPV6_MTU_MIN - ANSWER_ADDS + outer_overhead(m->config.tunnel_family);
}

/* The bracket that a stage of sizes has come to. An echo that dies does not say on which way. */
static void take_bracket(struct measure *m)
{
	const struct prober *p = &m->prober;
	struct measured *r = &m->result;
	uint32_t lower = prober_lower(p), upper = prober_upper(p);

	if (is_another_path(m))
		return;
	if (m->method == PROBE_UDP)
		r->direction = WIRE_TX;
	if (lower > r->lower)
		r->lower = lower;
	/*
	 * A router behind the tunnel that says so is no limit of the tunnel's path. Probes beside the tunnel may run out, or its link take no
	 * more, before any is lost: what died in the tunnel stays dead, on the way that it was shown for.
	 */
	if (upper && (m->stage != MEASURE_TUNNEL || !prober_upper_said(p))) {
		r->upper_round = upper;
		r->upper_said = prober_upper_said(p);
		if ((m->method == PROBE_UDP && !answer_may_be_lost(m)) || (r->direction == WIRE_RX && r->there))
			r->upper = upper;
	}
	r->exact = r->upper && r->upper == r->lower + 1 && p->end == PROBER_BRACKETED;
	r->whole |= p->end == PROBER_WHOLE && !r->upper_round;
}

/* The size that did not come back arrives. Were there no answer, it might be that nobody gives one. */
static void take_check(struct measured *r)
{
	if (r->direction == WIRE_TX) {
		/* An echo of it went there and back: what was lost is the closed port's answer. */
		r->lower = r->upper_round;
		r->upper_round = 0;
	} else {
		r->there = true;
		r->upper = r->upper_round;
	}
}

struct measured measure_so_far(const struct measure *m)
{
	struct measure now = *m;

	if (m->stage == MEASURE_TUNNEL && m->socket && m->prober.answered) {
		now.result.tunnel_answered = true;
		count_up(&now.result, &m->prober);
		take_bracket(&now);
	}
	return now.result;
}

static void next_stage(struct measure *m)
{
	const struct measured *r = &m->result;
	bool narrow = (r->upper_round && r->upper_round - r->lower <= OUTER_PADDING) || (r->whole && m->config.beyond);

	m->attempt = 0;
	if ((m->stage == MEASURE_TUNNEL && r->direction == WIRE_RX && r->upper_round) || answer_may_be_lost(m))
		m->stage = MEASURE_CHECK;
	else if (m->stage < MEASURE_UNDERLAY && m->config.endpoint.family && r->tunnel_answered && narrow)
		m->stage = MEASURE_UNDERLAY;
	else
		m->stage = MEASURE_DONE;
}

/* The present attempt is over: on to the next one, or the next stage. */
static void attempt_close(struct measure *m)
{
	struct measured *r = &m->result;
	bool silent = !m->prober.answered;

	count_up(r, &m->prober);
	probe_socket_close(m->socket);
	m->socket = NULL;
	if (silent && ++m->attempt < attempts(m) && budget_left(m))
		return;
	if (!silent && m->stage == MEASURE_CHECK)
		take_check(r);
	else if (!silent)
		take_bracket(m);
	if (m->stage == MEASURE_TUNNEL && !silent) {
		r->tunnel_answered = true;
		r->host = m->target.to;
		r->method = m->method;
	}
	r->underlay_answered |= m->stage == MEASURE_UNDERLAY && !silent;
	next_stage(m);
}

void measure_start(struct measure *m, const struct measure_config *config)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->result.direction = config->direction;
	if (!m->config.hosts_n)
		m->stage = MEASURE_UNDERLAY;
}

void measure_close(struct measure *m)
{
	probe_socket_close(m->socket);
	m->socket = NULL;
	m->stage = MEASURE_DONE;
}

static void receive(struct measure *m, uint32_t now_ms)
{
	for (int i = 0; i < RECEIVE_MAX; i++) {
		struct probe_answer a = probe_socket_receive(m->socket);

		switch (a.news) {
		case PROBE_NOTHING:
			return;
		case PROBE_ANSWERED:
			prober_answered(&m->prober, a.seq, now_ms);
			break;
		case PROBE_ANSWER_FRAGMENTED:
			/* It has arrived there; that its size comes back is not shown. */
			if (m->result.direction == WIRE_TX)
				prober_answered(&m->prober, a.seq, now_ms);
			break;
		case PROBE_TOO_BIG:
			prober_too_big(&m->prober, a.seq, a.mtu, &a.by);
			break;
		case PROBE_FOREIGN:
			m->result.ignored++;
			break;
		}
	}
}

/* True while the attempt goes on. */
static bool attempt_step(struct measure *m, uint32_t now_ms, uint32_t *wait_ms)
{
	struct prober_order order;

	receive(m, now_ms);
	while (prober_next(&m->prober, now_ms, &order, wait_ms)) {
		m->result.err = probe_socket_send(m->socket, order.seq, order.size);
		if (m->result.err == -EMSGSIZE)
			prober_refused(&m->prober);
	}
	return !m->prober.end;
}

bool measure_step(struct measure *m, uint32_t now_ms, uint32_t *wait_ms)
{
	while (m->stage != MEASURE_DONE) {
		if (m->attempt >= attempts(m) || !budget_left(m)) {
			next_stage(m);
			if (!budget_left(m))
				m->stage = MEASURE_DONE;
			continue;
		}
		if (!m->socket && !attempt_open(m)) {
			m->attempt++;
			continue;
		}
		if (attempt_step(m, now_ms, wait_ms))
			return true;
		attempt_close(m);
	}
	return false;
}
