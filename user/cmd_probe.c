// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope probe: measures the path to a peer, prints the bracket as it narrows, and says which MTU is right. */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "clock.h"
#include "commands.h"
#include "format.h"
#include "inventory.h"
#include "measuring.h"
#include "outer.h"
#include "recommend.h"
#include "reporter.h"
#include "target.h"

#define CONFIDENCE 0.98 /* repeated until loss does not explain it */

struct probing {
	const struct options *opt;
	struct reporter *reporter; /* NULL: lines for a person */
	const struct target *target;
	enum exit_status worst;
};

static void complain(const char *what, const char *about)
{
	fprintf(stderr, "mtuscope probe: %s: %s\n", what, about);
}

/* --- telling how it goes --- */

struct shown {
	enum measure_stage stage;
	size_t attempt;
	uint32_t lower, likely, upper;
	bool any;
};

static void print_attempt(const struct measure *m)
{
	static const char *const METHODS[] = { [PROBE_UDP] = "UDP to closed ports, which tests the way there",
					       [PROBE_ECHO] = "echo, which tests the way there and back" };
	char ip[FORMAT_IP_LEN];

	format_ip(ip, &m->target.to);
	if (m->stage == MEASURE_UNDERLAY)
		printf("%s %s, by %s\n", m->config.tunnel[0] ? "beside the tunnel to" : "to", ip, METHODS[m->method]);
	else
		printf("through %s to %s, by %s\n", m->target.interface, ip, METHODS[m->method]);
}

/* A line for each attempt, and one each time that the bracket has narrowed. */
static void print_progress(const struct measure *m, void *arg)
{
	struct shown *s = arg;
	struct shown now = { .stage = m->stage, .attempt = m->attempt, .any = true };

	if (!m->socket || !m->prober.sent)
		return;
	if (!s->any || s->stage != m->stage || s->attempt != m->attempt) {
		*s = now;
		print_attempt(m);
	}
	now.lower = prober_lower(&m->prober);
	now.upper = prober_upper(&m->prober);
	now.likely = prober_upper_likely(&m->prober);
	if (!now.lower || (now.lower == s->lower && now.upper == s->upper && now.likely == s->likely))
		return;
	*s = now;
	printf("  at least %" PRIu32, now.lower);
	if (now.likely)
		printf(", %sbelow %" PRIu32, now.likely == now.upper ? "" : "probably ", now.likely);
	printf("\n");
	fflush(stdout);
}

/* --- what it comes to --- */

static uint32_t upper_of(const struct measured *r)
{
	return r->upper ? r->upper : r->upper_round;
}

static uint32_t overhead_of(const struct target *t)
{
	return t->tunnel ? outer_overhead(t->measure.tunnel_family) : 0;
}

/* The best MTU for the tunnel, 0 if none is known. */
static uint32_t best_mtu(const struct target *t, const struct measured *r)
{
	uint32_t add = overhead_of(t);

	return t->tunnel && r->lower > add && (upper_of(r) || r->whole) ? r->lower - add : 0;
}

static bool too_large(const struct target *t, const struct measured *r)
{
	uint32_t upper = upper_of(r);

	return t->tunnel && upper && t->tunnel->mtu + overhead_of(t) >= upper;
}

static void print_result(const struct target *t, const struct measured *r)
{
	uint32_t upper = upper_of(r), best = best_mtu(t, r);
	char by[FORMAT_IP_LEN];

	printf("path MTU ");
	if (upper == r->lower + 1)
		printf("%" PRIu32, r->lower);
	else if (upper)
		printf("at least %" PRIu32 ", below %" PRIu32, r->lower, upper);
	else
		printf("at least %" PRIu32, r->lower);
	if (r->there)
		printf(" on the way back; larger packets arrive there");
	if (best && too_large(t, r))
		printf("; the MTU %" PRIu32 " of %s is too large, set %" PRIu32, t->tunnel->mtu, t->tunnel->name, best);
	else if (t->tunnel && best == t->tunnel->mtu)
		printf("; the MTU %" PRIu32 " of %s is right", t->tunnel->mtu, t->tunnel->name);
	else if (best > (t->tunnel ? t->tunnel->mtu : UINT32_MAX))
		printf("; the MTU %" PRIu32 " of %s fits, up to %" PRIu32 " would", t->tunnel->mtu, t->tunnel->name,
		       best);
	printf("\n%" PRIu32 " probes, %" PRIu32 " answered, %" PRIu32 " lost of sizes that arrive", r->sent,
	       r->answered, r->lost);
	if (format_ip(by, &r->said_by))
		printf("; too big for %" PRIu32 ", says %s", r->said_mtu, by);
	else if (upper)
		printf("; nobody says that anything is too big");
	printf("\n");
}

static void finding_make(const struct target *t, const struct measured *r, struct finding *f)
{
	uint64_t id[2] = { 0 };

	memset(f, 0, sizeof(*f));
	if (getrandom(id, sizeof(id), 0) < 0)
		id[0] = clock_ms(CLOCK_REALTIME);
	snprintf(f->id, sizeof(f->id), "%016" PRIx64 "%016" PRIx64, id[0], id[1]);
	/* In the tunnel it was seen to vanish. Beside it, packets that may not be fragmented say what would have to be. */
	f->class = r->tunnel_answered ? FINDING_PATH_BLACKHOLE : FINDING_TUNNEL_MTU_TOO_LARGE;
	f->severity = finding_class_severity(f->class);
	f->confidence = CONFIDENCE;
	memcpy(f->interface, t->tunnel->name, sizeof(f->interface));
	f->tunnel_mtu = t->tunnel->mtu;
	f->has_peer = true;
	memcpy(f->public_key, t->peer->public_key, WG_KEY_LEN);
	f->endpoint = t->peer->endpoint;
	f->direction = r->there ? WIRE_RX : WIRE_TX;
	f->outer_family = t->measure.tunnel_family;
	f->path_mtu_lower = r->lower;
	f->path_mtu_upper = upper_of(r);
	f->path_mtu_exact = upper_of(r) == r->lower + 1;
	f->evidence[f->evidence_n++] = (struct evidence){
		.kind = EVIDENCE_PROBE, .count = r->sent, .min_size = r->size_min, .max_size = r->size_max
	};
	f->first_seen_ms = f->last_seen_ms = (int64_t)clock_ms(CLOCK_REALTIME);
	recommend_mtu(f, r->lower, BASIS_PROBE);
	if (f->basis == BASIS_BRACKET)
		f->basis = BASIS_PROBE;
	recommend_fix(f);
	recommend_message(f);
}

static void print_fixes(const struct finding *f)
{
	for (size_t i = 0; i < f->fixes_n; i++)
		printf("fix: %s\n", f->fix[i]);
}

static void report_status(const struct probing *p, const struct measured *r)
{
	const struct target *t = p->target;
	const struct status_probe probe = { .to = r->tunnel_answered ? r->host : t->measure.endpoint,
					    .lower = r->lower,
					    .upper = upper_of(r),
					    .recommended_mtu = best_mtu(t, r),
					    .tunnel_mtu = t->tunnel ? t->tunnel->mtu : 0,
					    .sent = r->sent,
					    .answered = r->answered,
					    .lost = r->lost,
					    .said_mtu = r->said_mtu,
					    .said_by = r->said_by,
					    .exact = upper_of(r) == r->lower + 1 };
	struct status status = { .state = STATUS_EXIT,
				 .links = t->tunnel,
				 .links_n = t->tunnel != NULL,
				 .findings_opened = too_large(t, r),
				 .findings_open = too_large(t, r),
				 .probe = &probe };

	reporter_status(p->reporter, &status, (int64_t)clock_ms(CLOCK_REALTIME));
}

/* Loss has eaten up the probes: neither that all sizes arrive is known, nor where they cease to. */
static bool gave_up(const struct measured *r)
{
	return r->tunnel_answered && !upper_of(r) && !r->whole;
}

static enum exit_status result_of(const struct target *t, const struct measured *r)
{
	if (!r->lower || gave_up(r))
		return EXIT_UNKNOWN;
	if (!too_large(t, r))
		return EXIT_NOTHING;
	return r->tunnel_answered ? EXIT_CRITICAL : EXIT_WARNING;
}

static void tell(struct probing *p, const struct measured *r)
{
	enum exit_status result = result_of(p->target, r);
	struct finding f;

	if (result > p->worst)
		p->worst = result;
	if (result == EXIT_CRITICAL || result == EXIT_WARNING) {
		finding_make(p->target, r, &f);
		if (p->reporter)
			reporter_finding(p->reporter, &f, f.first_seen_ms);
	}
	if (p->reporter) {
		report_status(p, r);
	} else if (r->lower) {
		print_result(p->target, r);
		if (gave_up(r))
			complain("could not tell", "too many probes were lost, or a router says what is too big");
		if (result == EXIT_CRITICAL || result == EXIT_WARNING)
			print_fixes(&f);
	}
}

/* Nothing was answered: why, as far as that can be known. */
static void say_silent(const struct target *t, const struct measured *r, const char *where)
{
	char text[200];

	if (r->err)
		snprintf(text, sizeof(text), "cannot send %s: %s", where,
			 r->err == -EPERM || r->err == -EACCES ? "needs root, or CAP_NET_RAW"
			 : r->err == -EADDRNOTAVAIL	       ? "the source is no address of this machine"
							       : strerror(-r->err));
	else
		snprintf(text, sizeof(text), "nothing answers %s, neither echo nor UDP (%" PRIu32 " probes)", where,
			 r->sent);
	complain(text, t->tunnel ? t->tunnel->name : "could not tell");
}

static void probe_once(struct probing *p, const struct measure_config *c)
{
	measuring_fn progress = p->reporter ? NULL : print_progress;
	struct measure_config config = *c;
	struct shown shown = { 0 };
	struct measure m;

	if (config.hosts_n) {
		measuring_run(&m, &config, progress, &shown);
		if (m.result.lower) {
			tell(p, &m.result);
			return;
		}
		say_silent(p->target, &m.result, "behind the peer");
		config.hosts_n = 0;
	}
	if (!config.endpoint.family) {
		p->worst = EXIT_UNKNOWN;
		return;
	}
	measuring_run(&m, &config, progress, &shown);
	if (!m.result.lower)
		say_silent(p->target, &m.result, p->target->tunnel ? "at the peer's endpoint" : "there");
	tell(p, &m.result);
}

/* --- whom, and from where --- */

/* Beside the tunnel alone: in it WireGuard chooses where packets leave. */
static int from_take(struct measure_config *c, const char *from)
{
	c->hosts_n = 0;
	if (target_address(&c->from, from)) {
		if (c->from.family == c->endpoint.family)
			return 0;
		complain("not of the family of the address to probe", from);
		return -1;
	}
	if (strlen(from) < IFACE_NAME_LEN && if_nametoindex(from)) {
		snprintf(c->from_interface, sizeof(c->from_interface), "%s", from);
		c->egress_mtu = 0;
		return 0;
	}
	complain("neither an address nor an interface of this network namespace", from);
	return -1;
}

static void probe_all(struct probing *p)
{
	struct measure_config base = p->target->measure, c;

	if (target_is_link_local(&base.endpoint) && !p->target->tunnel && !p->opt->from_n) {
		complain("valid on one link only, say which with --from INTERFACE", p->opt->operand);
		p->worst = EXIT_UNKNOWN;
		return;
	}
	if (!p->opt->from_n)
		probe_once(p, &base);
	for (size_t i = 0; i < p->opt->from_n; i++) {
		c = base;
		if (from_take(&c, p->opt->from[i])) {
			p->worst = EXIT_UNKNOWN;
			return;
		}
		if (!p->reporter)
			printf("from %s\n", p->opt->from[i]);
		probe_once(p, &c);
	}
}

/* Without the right to read peers there is none to be found, and an address is still one. */
static int read_inventory(const struct options *opt, struct inventory *inv)
{
	const struct inventory_options options = { opt->interfaces, opt->interfaces_n };
	struct inventory_reader *reader = NULL;
	const char *missing = NULL;
	struct ip_address ip;
	int err;

	err = inventory_open(&reader);
	if (!err)
		err = inventory_read(reader, &options, inv, &missing);
	inventory_close(reader);
	if (err == -ENODEV && missing)
		complain("no such interface in this network namespace", missing);
	else if (err && target_address(&ip, opt->operand))
		return 0;
	else if (err)
		complain("cannot read WireGuard's peers",
			 err == -EPERM ? "needs root, or CAP_NET_ADMIN" : strerror(-err));
	return err;
}

static int find(struct target *t, const struct inventory *inv, const char *text)
{
	switch (target_find(t, inv, text)) {
	case TARGET_AMBIGUOUS:
		complain("several peers' public keys begin so, write more of it", text);
		return -1;
	case TARGET_UNKNOWN:
		complain(if_nametoindex(text) ? "an interface, name one of its peers by public key, or an address"
					      : "neither a numeric address nor the beginning of a peer's public key",
			 text);
		return -1;
	case TARGET_NO_HOST:
		complain("not the address of one host", text);
		return -1;
	default:
		if (t->measure.hosts_n || t->measure.endpoint.family)
			return 0;
		complain("its AllowedIPs name no single host and no endpoint is beside the tunnel, give an address "
			 "behind "
			 "it",
			 text);
		return -1;
	}
}

enum exit_status cmd_probe(const struct options *opt)
{
	struct probing p = { .opt = opt, .worst = EXIT_UNKNOWN };
	struct inventory inv = { 0 };
	struct target target;

	if ((opt->sink || opt->output) && reporter_open(&p.reporter, opt, "probe"))
		return EXIT_UNKNOWN;
	if (!read_inventory(opt, &inv) && !find(&target, &inv, opt->operand)) {
		p.target = &target;
		p.worst = EXIT_NOTHING;
		probe_all(&p);
		if (p.reporter && !reporter_works(p.reporter))
			p.worst = EXIT_UNKNOWN;
	}
	inventory_free(&inv);
	reporter_close(p.reporter);
	return p.worst;
}
