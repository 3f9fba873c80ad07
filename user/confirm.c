// SPDX-License-Identifier: GPL-2.0-or-later
/* Findings confirmed by probes; see confirm.h. */
#include "clock.h"
#include "confirm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "measure.h"

#define SUSPECTS_MAX	 64    /* stalled flows remembered: each is probed once */
#define SUSPECT_PAUSE_MS 30000 /* hosts die all the time: not more often */
#define RESULT_MS	 10000 /* a suspect's result is good for the finding that it opens, so soon after */

struct confirm {
	const char *command;
	struct analysis *analysis;
	finding_fn fn;
	void *arg;
	uint16_t echo_id;
	struct finding finding; /* being probed */
	bool chosen;		/* there is one, or a suspect */
	bool suspected;		/* it is a suspect */
	bool judged;		/* the probes have said whether its size arrives */
	bool confirmed;		/* … that a suspect's does not */
	struct suspect suspect; /* the present one, or the last */
	uint64_t suspects[SUSPECTS_MAX];
	size_t suspects_n;
	int64_t suspect_ms;	/* when the last was begun; 0: never */
	int64_t result_ms;	/* when it was confirmed; 0: it was not, or its result has been used */
	struct measured result; /* of it */
	struct measure measure;
	uint64_t sent; /* probes, of measurements that are over */
};

struct confirm *confirm_new(const char *command, struct analysis *analysis, finding_fn fn, void *arg)
{
	struct confirm *c = calloc(1, sizeof(*c));

	if (!c || getrandom(&c->echo_id, sizeof(c->echo_id), 0) != sizeof(c->echo_id)) {
		fprintf(stderr, "mtuscope %s: cannot prepare to probe: %s\n", command, strerror(errno));
		free(c);
		return NULL;
	}
	analysis_allow_probes(analysis);
	c->command = command;
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

uint64_t confirm_sent(const struct confirm *c)
{
	const struct measure *m = &c->measure;

	return c->sent + (c->chosen ? m->result.sent + (m->socket ? m->prober.sent : 0) : 0);
}

/* The present measurement is over, or has become pointless. */
static void done(struct confirm *c)
{
	uint64_t sent = confirm_sent(c);

	if (!c->suspected)
		analysis_probes_sent(c->analysis, c->finding.id, sent - c->sent);
	c->sent = sent;
	c->chosen = false;
	measure_close(&c->measure);
}

static void consider(const struct finding *f, void *arg)
{
	struct confirm *c = arg;

	if (c->chosen || !f->to_probe)
		return;
	c->finding = *f;
	c->chosen = true;
}

/* Those of the stalled flows are alive; then what AllowedIPs name as single hosts, often the peer itself. */
static void hosts_choose(struct measure_config *m, const struct finding *f, const struct inventory *inv,
			 const struct peer *peer)
{
	measure_add_host(m, &f->host);
	for (size_t i = 0; i < f->flows_n && m->hosts_n < MEASURE_HOSTS / 2; i++)
		measure_add_host(m, f->direction == WIRE_TX ? &f->flows[i].destination.ip : &f->flows[i].source.ip);
	measure_add_single_hosts(m, inv, peer);
}

static uint32_t size_in_question(const struct confirm *c)
{
	return c->suspected ? c->suspect.outer : c->finding.path_mtu_upper;
}

static bool begin(struct confirm *c, const struct inventory *inv, const struct link *tunnel, const uint8_t *public_key,
		  enum wire_direction direction)
{
	const struct peer *peer = tunnel ? inventory_peer(inv, tunnel->ifindex, public_key) : NULL;
	struct measure_config m = { .direction = direction, .echo_id = c->echo_id };

	if (!peer)
		return false;
	measure_peer(&m, tunnel, peer);
	if (c->suspected)
		measure_add_host(&m, &c->suspect.host);
	else
		hosts_choose(&m, &c->finding, inv, peer);
	/* What is in doubt is settled first. */
	if (direction == WIRE_TX && (c->suspected || c->finding.doubtful))
		m.guess = size_in_question(c);
	c->judged = c->confirmed = false;
	m.spent = c->suspected ? 0 : c->finding.probes;
	measure_start(&c->measure, &m);
	return m.hosts_n;
}

static void consider_suspect(const struct suspect *s, void *arg)
{
	struct confirm *c = arg;

	for (size_t i = 0; i < SUSPECTS_MAX; i++)
		if (c->suspects[i] == s->tag)
			return;
	if (c->chosen)
		return;
	c->suspect = *s;
	c->chosen = c->suspected = true;
}

static void choose_suspect(struct confirm *c, const struct inventory *inv)
{
	if (c->suspect_ms && clock_ms(CLOCK_MONOTONIC) - c->suspect_ms < SUSPECT_PAUSE_MS)
		return;
	analysis_suspects(c->analysis, consider_suspect, c);
	if (!c->chosen)
		return;
	c->suspect_ms = clock_ms(CLOCK_MONOTONIC);
	c->suspects[c->suspects_n++ % SUSPECTS_MAX] = c->suspect.tag;
	c->chosen = begin(c, inv, inventory_link(inv, c->suspect.tunnel_ifindex), c->suspect.public_key,
			  c->suspect.direction);
}

/* The finding that a confirmed suspicion has opened has been measured already. */
static bool is_measured(struct confirm *c)
{
	if (!c->result_ms || clock_ms(CLOCK_MONOTONIC) - c->result_ms > RESULT_MS ||
	    c->finding.direction != c->suspect.direction ||
	    memcmp(c->finding.public_key, c->suspect.public_key, WG_KEY_LEN))
		return false;
	c->result_ms = 0;
	return true;
}

static void give(struct confirm *c, const struct measured *r);

void confirm_choose(struct confirm *c, const struct inventory *inv)
{
	if (c->chosen)
		return;
	c->suspected = false;
	analysis_findings_to_probe(c->analysis, consider, c);
	if (!c->chosen) {
		choose_suspect(c, inv);
		return;
	}
	analysis_probing(c->analysis, c->finding.id);
	if (is_measured(c)) {
		analysis_probes_sent(c->analysis, c->finding.id, c->result.sent);
		give(c, &c->result);
		c->chosen = false;
	} else {
		c->chosen = begin(c, inv, inventory_link_named(inv, c->finding.interface), c->finding.public_key,
				  c->finding.direction);
	}
}

static void said_open(const struct finding *f, void *arg)
{
	struct confirm *c = arg;

	if (!strcmp(f->id, c->finding.id))
		c->finding = *f;
}

/* The finding may be over before its probing is, or its path another one. */
static bool still_open(struct confirm *c)
{
	c->finding.state = FINDING_RESOLVED;
	analysis_findings_to_probe(c->analysis, said_open, c);
	return c->finding.state != FINDING_RESOLVED && !c->finding.to_probe;
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
			"mtuscope %s: the path of %s could not be probed: no host behind the peer answers a probe "
			"that shows this direction (%u sent)\n",
			c->command, c->finding.interface, r->sent);
}

/* What does not come back is lost on the way that stalls; on the way here only if it is known to have arrived there. */
static uint32_t upper_of(const struct measured *r, enum wire_direction direction)
{
	return !r->upper && direction == WIRE_TX ? r->upper_round : r->upper;
}

/* What is seen through the tunnel decides; what is measured beside it afterwards only makes it exact. */
static void judge(struct confirm *c, const struct measured *r)
{
	bool of_it = r->tunnel_answered && r->direction == c->suspect.direction;

	c->judged = true;
	c->confirmed = analysis_suspect_probed(c->analysis, &c->suspect, of_it ? r->lower : 0,
					       of_it ? upper_of(r, c->suspect.direction) : 0);
}

/* Whether the size in question is known to arrive, or not to, while the search for the path MTU goes on. */
static bool is_decided(const struct confirm *c, const struct measured *r)
{
	uint32_t outer = size_in_question(c), upper = upper_of(r, WIRE_TX);

	return c->measure.config.guess && r->tunnel_answered && r->direction == WIRE_TX &&
	       (r->lower >= outer || (upper && upper <= outer));
}

void confirm_step(struct confirm *c)
{
	struct measured r;
	uint32_t wait_ms;
	bool going_on;

	if (!c->chosen)
		return;
	if (!c->suspected && !still_open(c)) {
		done(c);
		return;
	}
	going_on = measure_step(&c->measure, (uint32_t)clock_ms(CLOCK_MONOTONIC), &wait_ms);
	r = measure_so_far(&c->measure);
	if (c->suspected && !c->judged && (!going_on || c->measure.stage > MEASURE_CHECK || is_decided(c, &r)))
		judge(c, &r);
	if (c->suspected && c->judged && !c->confirmed)
		going_on = false;
	if (going_on) {
		if (!c->suspected && !c->judged && is_decided(c, &r)) {
			c->judged = true;
			give(c, &r);
		}
		return;
	}
	if (!c->suspected) {
		give(c, &r);
	} else if (c->confirmed) {
		c->result = r;
		c->result_ms = clock_ms(CLOCK_MONOTONIC);
	}
	done(c);
}
