// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks every rule about every peer, tunnel and the host; see audit.h. */
#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "rule.h"

enum audit_scope { HOST, TUNNEL, PEER };

static const struct audit_rule {
	enum audit_scope scope;
	const char *name;
	bool (*hits)(const struct audit_case *c, struct audit_note *note);
} RULES[] = {
#define AUDIT_RULE(scope, name) { scope, #name, audit_##name },
#include "rules.def"
#undef AUDIT_RULE
};

#define RULES_N (sizeof(RULES) / sizeof(RULES[0]))

struct audit_run {
	const struct audit_scene *scene;
	int64_t realtime_ms;
	audit_fn fn;
	void *arg;
	struct audit_result *result;
};

void audit_say(struct audit_note *note, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(note->finding.message, sizeof(note->finding.message), format, args);
	va_end(args);
}

void audit_class(struct audit_note *note, enum finding_class class, uint32_t limit, enum finding_basis basis)
{
	struct finding *f = &note->finding;

	note->has_class = true;
	f->class = class;
	f->severity = finding_class_severity(class);
	recommend_mtu(f, limit, basis);
	recommend_fix(f);
}

static uint32_t smallest(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* Nobody has said that the way beyond the router carries more than the internet does. */
static uint32_t beyond_router(bool off_link, uint32_t route_mtu, uint32_t egress_mtu)
{
	return off_link && egress_mtu > INTERNET_MTU && route_mtu <= INTERNET_MTU ? INTERNET_MTU : 0;
}

static uint32_t uplink_mtu(const struct audit_route *r)
{
	uint32_t mtu = smallest(r->mtu, r->link_mtu);

	return smallest(mtu, beyond_router(true, r->mtu, mtu));
}

static const struct audit_way *way_of(const struct audit_scene *scene, const struct peer *peer, uint32_t ifindex)
{
	for (size_t i = 0; i < scene->ways_n; i++)
		if (&scene->inventory.peers[scene->ways[i].peer] == peer && scene->ways[i].ifindex == ifindex)
			return &scene->ways[i];
	return NULL;
}

bool audit_is_uplink(const struct audit_route *r, const struct peer *peer)
{
	return !r->prefix_len && r->to.family == peer->endpoint.ip.family && r->up && !r->tunnel &&
	       r->ifindex != peer->egress_ifindex;
}

/* The smallest of the links to which the endpoint moves when its present one fails. */
static void limit_uplinks(struct audit_limit *l, const struct audit_scene *scene, const struct peer *peer)
{
	for (size_t i = 0; i < scene->routes_n; i++) {
		const struct audit_route *r = &scene->routes[i];
		const struct audit_way *way = audit_is_uplink(r, peer) ? way_of(scene, peer, r->ifindex) : NULL;
		uint32_t mtu;

		if (!way)
			continue;
		mtu = way->measured ? way->measured : uplink_mtu(r);
		if (!mtu || (l->uplink_mtu && mtu >= l->uplink_mtu))
			continue;
		l->uplink = r;
		l->uplink_mtu = mtu;
		l->uplink_measured = way->measured;
	}
}

struct audit_limit audit_limit(const struct audit_scene *scene, const struct peer *peer)
{
	const struct audit_way *way = way_of(scene, peer, peer->egress_ifindex);
	struct audit_limit l = { 0 };

	if (!peer->endpoint.ip.family || !peer->egress_ifindex)
		return l;
	l.egress = peer->egress_mtu;
	l.measured = way ? way->measured : 0;
	if (!l.measured) {
		l.beyond = beyond_router(peer->off_link, peer->route_mtu, peer->egress_mtu);
		l.learned = peer->learned_mtu;
	}
	/* What is on the link itself stays there. */
	if (peer->off_link)
		limit_uplinks(&l, scene, peer);
	l.mtu = smallest(smallest(l.egress, l.measured), smallest(smallest(l.beyond, l.learned), l.uplink_mtu));
	return l;
}

uint32_t audit_tunnel_mtu(const struct audit_scene *scene, uint32_t tunnel_ifindex, const struct peer **narrowest)
{
	uint32_t mtu = 0;

	for (size_t i = 0; i < scene->inventory.peers_n; i++) {
		const struct peer *peer = &scene->inventory.peers[i];
		uint32_t limit = audit_limit(scene, peer).mtu, overhead = outer_overhead(peer->endpoint.ip.family);

		if (peer->tunnel_ifindex != tunnel_ifindex || limit <= overhead || (mtu && limit - overhead >= mtu))
			continue;
		mtu = limit - overhead;
		*narrowest = peer;
	}
	return mtu;
}

uint32_t audit_quick_mtu(const struct audit_scene *scene, uint32_t tunnel_ifindex)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < scene->inventory.peers_n; i++) {
		const struct peer *peer = &scene->inventory.peers[i];

		if (peer->tunnel_ifindex == tunnel_ifindex && peer->egress_mtu > largest)
			largest = peer->egress_mtu;
	}
	return largest > WG_QUICK_OVERHEAD ? largest - WG_QUICK_OVERHEAD : 0;
}

const struct audit_config *audit_config_of(const struct audit_scene *scene, uint32_t ifindex)
{
	for (size_t i = 0; i < scene->configs_n; i++)
		if (scene->configs[i].ifindex == ifindex)
			return &scene->configs[i];
	return NULL;
}

static void note_begin(struct audit_note *note, const struct audit_case *c)
{
	struct finding *f = &note->finding;

	*note = (struct audit_note){ 0 };
	f->severity = SEVERITY_WARNING;
	f->confidence = 1.0;
	f->direction = WIRE_TX;
	if (c->tunnel) {
		memcpy(f->interface, c->tunnel->name, sizeof(f->interface));
		f->tunnel_mtu = c->tunnel->mtu;
	}
	if (c->peer) {
		f->has_peer = true;
		memcpy(f->public_key, c->peer->public_key, sizeof(f->public_key));
		f->endpoint = c->peer->endpoint;
		f->outer_family = c->peer->endpoint.ip.family;
		finding_describe_networks(f, &c->scene->inventory, c->peer);
	}
}

static void note_tell(struct audit_run *run, struct audit_note *note, const struct audit_case *c, size_t rule)
{
	struct finding *f = &note->finding;

	snprintf(note->rule, sizeof(note->rule), "%s", RULES[rule].name);
	for (char *p = note->rule; (p = strchr(p, '_'));)
		*p = '-';
	/* The same of each run, for those who compare runs. */
	finding_id_make(f, c->tunnel ? c->tunnel->ifindex : 0, rule);
	f->first_seen_ms = f->last_seen_ms = run->realtime_ms;
	run->result->by_severity[f->severity]++;
	run->fn(note, run->arg);
}

static void ask(struct audit_run *run, enum audit_scope scope, const struct link *tunnel, const struct peer *peer)
{
	struct audit_case c = { .scene = run->scene, .tunnel = tunnel, .peer = peer };
	struct audit_note note;

	if (tunnel)
		shell_word(c.name, sizeof(c.name), tunnel->name);
	if (peer) {
		c.limit = audit_limit(run->scene, peer);
		c.full = tunnel->mtu + outer_overhead(peer->endpoint.ip.family);
	}
	for (size_t i = 0; i < RULES_N; i++) {
		if (RULES[i].scope != scope)
			continue;
		note_begin(&note, &c);
		if (RULES[i].hits(&c, &note))
			note_tell(run, &note, &c, i);
	}
}

void audit_run(const struct audit_scene *scene, int64_t realtime_ms, audit_fn fn, void *arg,
	       struct audit_result *result)
{
	struct audit_run run = { scene, realtime_ms, fn, arg, result };
	const struct inventory *inv = &scene->inventory;

	*result = (struct audit_result){ 0 };
	for (size_t i = 0; i < inv->links_n; i++) {
		if (inv->links[i].role != WIRE_ROLE_TUNNEL)
			continue;
		result->tunnels++;
		for (size_t j = 0; j < inv->peers_n; j++) {
			if (inv->peers[j].tunnel_ifindex != inv->links[i].ifindex)
				continue;
			result->peers++;
			ask(&run, PEER, &inv->links[i], &inv->peers[j]);
		}
		ask(&run, TUNNEL, &inv->links[i], NULL);
	}
	ask(&run, HOST, NULL, NULL);
}

enum finding_severity audit_worst(const struct audit_result *result)
{
	enum finding_severity worst = SEVERITY_INFO;

	for (enum finding_severity s = SEVERITY_WARNING; s <= SEVERITY_CRITICAL; s++)
		if (result->by_severity[s])
			worst = s;
	return worst;
}
