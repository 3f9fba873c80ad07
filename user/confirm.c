// SPDX-License-Identifier: GPL-2.0-or-later
/* Findings confirmed by probes; see confirm.h. */
#include "confirm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "measure.h"

#define PROBED_MAX 256 /* findings remembered; beyond them the oldest would be probed anew */

struct confirm {
	struct analysis *analysis;
	finding_fn fn;
	void *arg;
	uint16_t echo_id;
	char probed[PROBED_MAX][FINDING_ID_LEN];
	size_t probed_n;
	struct finding finding; /* being probed */
	bool chosen;		/* there is one */
	struct measure measure;
};

static uint32_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint32_t)((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

struct confirm *confirm_new(struct analysis *analysis, finding_fn fn, void *arg)
{
	struct confirm *c = calloc(1, sizeof(*c));

	if (!c || getrandom(&c->echo_id, sizeof(c->echo_id), 0) != sizeof(c->echo_id)) {
		fprintf(stderr, "mtuscope watch: cannot prepare to probe: %s\n", strerror(errno));
		free(c);
		return NULL;
	}
	c->analysis = analysis;
	c->fn = fn;
	c->arg = arg;
	return c;
}

void confirm_free(struct confirm *c)
{
	if (c && c->chosen)
		measure_close(&c->measure);
	free(c);
}

uint16_t confirm_echo_id(const struct confirm *c)
{
	return c->echo_id;
}

static bool was_probed(const struct confirm *c, const char *id)
{
	for (size_t i = 0; i < PROBED_MAX; i++)
		if (!strcmp(c->probed[i], id))
			return true;
	return false;
}

static void consider(const struct finding *f, void *arg)
{
	struct confirm *c = arg;

	if (c->chosen || f->class != FINDING_PATH_BLACKHOLE || !f->has_peer || was_probed(c, f->id))
		return;
	c->finding = *f;
	c->chosen = true;
}

static void host_add(struct measure_config *m, const struct ip_address *ip)
{
	if (!ip->family || m->hosts_n == MEASURE_HOSTS)
		return;
	for (size_t i = 0; i < m->hosts_n; i++)
		if (!memcmp(&m->hosts[i], ip, sizeof(*ip)))
			return;
	m->hosts[m->hosts_n++] = *ip;
}

/* Those of the stalled flows are alive; then what AllowedIPs name as single hosts, often the peer itself. */
static void hosts_choose(struct measure_config *m, const struct finding *f, const struct inventory *inv,
			 const struct peer *peer)
{
	host_add(m, &f->host);
	for (size_t i = 0; i < f->flows_n && m->hosts_n < MEASURE_HOSTS / 2; i++)
		host_add(m, f->direction == WIRE_TX ? &f->flows[i].destination.ip : &f->flows[i].source.ip);
	for (size_t i = 0; i < inv->allowed_ips_n; i++) {
		const struct allowed_ip *a = &inv->allowed_ips[i];

		if (&inv->peers[a->peer] == peer && a->prefix_len == (a->ip.family == AF_INET6 ? 128 : 32))
			host_add(m, &a->ip);
	}
}

static const struct peer *peer_of(const struct finding *f, const struct inventory *inv, const struct link *tunnel)
{
	for (size_t i = 0; i < inv->peers_n; i++)
		if (inv->peers[i].tunnel_ifindex == tunnel->ifindex &&
		    !memcmp(inv->peers[i].public_key, f->public_key, WG_KEY_LEN))
			return &inv->peers[i];
	return NULL;
}

static bool config_make(const struct confirm *c, const struct inventory *inv, struct measure_config *m)
{
	const struct finding *f = &c->finding;
	const struct link *tunnel = inventory_link_named(inv, f->interface);
	const struct peer *peer = tunnel ? peer_of(f, inv, tunnel) : NULL;

	if (!peer)
		return false;
	*m = (struct measure_config){ .direction = f->direction,
				      .tunnel_mtu = tunnel->mtu,
				      .tunnel_family = f->outer_family,
				      .endpoint = peer->endpoint.ip,
				      .egress_mtu = peer->egress_mtu,
				      .mark = tunnel->fwmark,
				      .echo_id = c->echo_id };
	memcpy(m->tunnel, tunnel->name, sizeof(m->tunnel));
	hosts_choose(m, f, inv, peer);
	return m->hosts_n;
}

void confirm_choose(struct confirm *c, const struct inventory *inv)
{
	struct measure_config m;

	if (c->chosen)
		return;
	analysis_open_findings(c->analysis, consider, c);
	if (!c->chosen)
		return;
	memcpy(c->probed[c->probed_n++ % PROBED_MAX], c->finding.id, FINDING_ID_LEN);
	if (config_make(c, inv, &m))
		measure_start(&c->measure, &m);
	else
		c->chosen = false;
}

static void said_open(const struct finding *f, void *arg)
{
	struct confirm *c = arg;

	if (!strcmp(f->id, c->finding.id))
		c->finding = *f;
}

/* The finding may be over before its probing is. */
static bool still_open(struct confirm *c)
{
	c->finding.state = FINDING_RESOLVED;
	analysis_open_findings(c->analysis, said_open, c);
	return c->finding.state != FINDING_RESOLVED;
}

static void give(struct confirm *c, const struct measured *r)
{
	const struct finding_probe probe = { .lower = r->lower,
					     .upper = r->upper,
					     .exact = r->exact,
					     .count = r->sent,
					     .size_min = r->size_min,
					     .size_max = r->size_max };

	if (r->tunnel_answered && r->direction == c->finding.direction)
		analysis_probed(c->analysis, c->finding.id, &probe, c->fn, c->arg);
	else
		fprintf(stderr,
			"mtuscope watch: the path of %s could not be probed: no host behind the peer answers a probe "
			"that shows this direction (%u sent)\n",
			c->finding.interface, r->sent);
}

void confirm_step(struct confirm *c)
{
	uint32_t wait_ms;

	if (!c->chosen)
		return;
	if (!still_open(c)) {
		measure_close(&c->measure);
		c->chosen = false;
		return;
	}
	if (measure_step(&c->measure, now_ms(), &wait_ms))
		return;
	give(c, &c->measure.result);
	c->chosen = false;
}
