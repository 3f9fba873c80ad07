// SPDX-License-Identifier: GPL-2.0-or-later
/* Stories of holes and of what looks like them; see story.h. A kind is a function and a line in KINDS. */
#include "story.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "outer.h"

#define PATH_MIN   1280 /* bytes, outer: less is no IPv6 path, and below 1340 no tunnel is worth having */
#define TUNNEL_MIN 1280
#define TUNNEL_MAX 8940
#define TROUBLE_S  20 /* when what begins under way begins */
#define SETTLED_S  70 /* longer than evidence lasts: what was proven before is forgotten */

static struct network n;

/* How a kind goes: called before each second with its number from 0; the story's own seed makes them differ. */
typedef void (*kind_fn)(const struct story *s, uint32_t second);

static void hole(const struct story *s, uint32_t second)
{
	if (!second)
		n.mtu[s->direction] = s->path_mtu;
}

static void hole_begins(const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		n.mtu[s->direction] = s->path_mtu;
}

static void hole_after_failover(const struct story *s, uint32_t second)
{
	n.down = second >= TROUBLE_S && second < TROUBLE_S + 2;
	if (second == TROUBLE_S)
		n.mtu[s->direction] = s->path_mtu;
}

static void plain(const struct story *s, uint32_t second)
{
	(void)s;
	(void)second;
}

static void high_loss(const struct story *s, uint32_t second)
{
	if (!second)
		n.loss[WIRE_TX] = n.loss[WIRE_RX] = 0.1 + 0.1 * (s->seed % 3);
}

static void loss_rises(const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		n.loss[WIRE_TX] = n.loss[WIRE_RX] = 0.1 + 0.05 * (s->seed % 3);
}

static bool police(struct network *net, bool tx, uint32_t outer)
{
	(void)tx;
	return outer > 1000 && random_true(&net->seed, 0.3);
}

static void policer(const struct story *s, uint32_t second)
{
	(void)s;
	if (!second)
		n.drops = police;
}

/* A queue that is full for a while each few seconds. */
static bool overflow(struct network *net, bool tx, uint32_t outer)
{
	(void)tx;
	return outer > 300 && net->now_ms % 3000 < 600 && random_true(&net->seed, 0.8);
}

static void bursts(const struct story *s, uint32_t second)
{
	(void)s;
	if (!second)
		n.drops = overflow;
}

static void outages(const struct story *s, uint32_t second)
{
	uint32_t from = TROUBLE_S + s->seed % 7, length = 1 + s->seed % 13;

	n.down = second >= from && second < from + length;
}

static void one_way_dies(const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		n.loss[s->direction] = 1;
}

static void path_dies(const struct story *s, uint32_t second)
{
	(void)s;
	n.down = second >= TROUBLE_S;
}

static void one_host_dies(const struct story *s, uint32_t second)
{
	n.dead[1 + s->seed % 3] = second >= TROUBLE_S;
}

static void two_hosts_die(const struct story *s, uint32_t second)
{
	n.dead[1] = second >= TROUBLE_S;
	n.dead[2] = second >= TROUBLE_S + s->seed % 9;
}

/* Their clients have idled for long, so nobody has seen what they used to get. */
static void idle_hosts_die(const struct story *s, uint32_t second)
{
	(void)s;
	n.pause_ms = second < 2 ? 30000 : 90000;
	n.dead[1] = n.dead[2] = second >= SETTLED_S;
}

static void firewall_forgets(const struct story *s, uint32_t second)
{
	(void)s;
	n.firewall_idle_ms = 60000;
	n.pause_ms = second < 5 ? 500 : 75000;
}

static void port_filtered(const struct story *s, uint32_t second)
{
	n.filtered[s->seed % NETWORK_HOSTS] = true;
	(void)second;
}

static void hung(const struct story *s, uint32_t second)
{
	n.hung[s->seed % NETWORK_HOSTS] = true;
	n.hung[1] = second >= TROUBLE_S;
}

static void window_shut(const struct story *s, uint32_t second)
{
	n.full[s->seed % NETWORK_HOSTS] = second >= TROUBLE_S;
}

static void reordering(const struct story *s, uint32_t second)
{
	if (!second)
		n.jitter_ms = 40 + s->seed % 80;
}

static void roams(const struct story *s, uint32_t second)
{
	uint32_t at = TROUBLE_S + s->seed % 5;

	n.down = second == at;
	if (second == at)
		network_roam(&n);
}

static void mtu_lowered(const struct story *s, uint32_t second)
{
	if (second == TROUBLE_S)
		network_set_mtu(&n, TUNNEL_MIN + s->seed % 100);
}

/* The second uplink carries less, and this tunnel's MTU fits both. */
static void failover_that_fits(const struct story *s, uint32_t second)
{
	uint32_t full = s->tunnel_mtu + outer_overhead(s->family);

	n.down = second >= TROUBLE_S && second < TROUBLE_S + 1 + s->seed % 3;
	if (second >= TROUBLE_S)
		n.mtu[WIRE_TX] = n.mtu[WIRE_RX] = second < 40 ? full : 0;
}

static void idle(const struct story *s, uint32_t second)
{
	(void)s;
	(void)second;
	n.pause_ms = 600000;
}

static const struct {
	const char *name;
	kind_fn fn;
	bool hole;
	uint32_t seconds;
} KINDS[] = {
	{ "hole", hole, true, 60 },
	{ "hole that begins", hole_begins, true, 80 },
	{ "hole after failover", hole_after_failover, true, 80 },
	{ "plain", plain, false, 60 },
	{ "high loss", high_loss, false, 60 },
	{ "loss rises", loss_rises, false, 80 },
	{ "policer", policer, false, 60 },
	{ "bursts", bursts, false, 60 },
	{ "outage", outages, false, 80 },
	{ "one way dies", one_way_dies, false, 80 },
	{ "path dies", path_dies, false, 80 },
	{ "host dies", one_host_dies, false, 80 },
	{ "two hosts die", two_hosts_die, false, 80 },
	{ "idle hosts die", idle_hosts_die, false, 180 },
	{ "firewall forgets", firewall_forgets, false, 180 },
	{ "port filtered", port_filtered, false, 60 },
	{ "server hangs", hung, false, 80 },
	{ "window shut", window_shut, false, 80 },
	{ "reordering", reordering, false, 60 },
	{ "roaming", roams, false, 80 },
	{ "MTU lowered", mtu_lowered, false, 60 },
	{ "failover that fits", failover_that_fits, false, 80 },
	{ "idle", idle, false, 60 },
};

#define KINDS_N (sizeof(KINDS) / sizeof(KINDS[0]))

size_t story_kinds(void)
{
	return KINDS_N;
}

const char *story_kind_name(size_t kind)
{
	return KINDS[kind].name;
}

size_t story_kind_named(const char *name)
{
	size_t kind = 0;

	while (kind < KINDS_N && strcmp(KINDS[kind].name, name))
		kind++;
	assert_true(kind < KINDS_N);
	return kind;
}

bool story_kind_is_hole(size_t kind)
{
	return KINDS[kind].hole;
}

static uint32_t pick(uint64_t *seed, const uint32_t *from, size_t count)
{
	return from[random_below(seed, count)];
}

/* Half of the stories are of holes. */
static size_t kind_draw(uint64_t *seed)
{
	size_t holes = 0;

	while (KINDS[holes].hole)
		holes++;
	return random_true(seed, 0.5) ? random_below(seed, holes) : holes + random_below(seed, KINDS_N - holes);
}

static void sizes_draw(struct story *s, uint64_t *seed)
{
	static const uint32_t tunnels[] = { 1380, 1412, 1420, 1432, 1440, 1480, 2000, 4000, 8920, 8921, 8940 };
	static const uint32_t paths[] = { 1280, 1400, 1412, 1460, 1480, 1492, 1500 };
	uint32_t full;

	s->tunnel_mtu = random_true(seed, 0.7) ? pick(seed, tunnels, 11)
					       : TUNNEL_MIN + random_below(seed, TUNNEL_MAX - TUNNEL_MIN + 1);
	full = s->tunnel_mtu + outer_overhead(s->family);
	s->path_mtu = random_true(seed, 0.7) ? pick(seed, paths, 7) : PATH_MIN + random_below(seed, full - PATH_MIN);
	/* A segment is as large as the tunnel allows: this one does not pass. */
	if (s->path_mtu >= full)
		s->path_mtu = full - 1 - random_below(seed, full - PATH_MIN);
}

struct story story_draw(uint64_t number, size_t kind)
{
	static const uint32_t delays[] = { 2, 10, 20, 40, 80 };
	static const size_t counts[] = { 1, 2, 4, 8, 16 };
	uint64_t seed = (number + 1) * 0xd1342543de82ef95ULL;
	struct story s = { .seed = number };

	random_below(&seed, 2);
	s.kind = kind < KINDS_N ? kind : kind_draw(&seed);
	s.hole = KINDS[s.kind].hole;
	s.family = random_true(&seed, 0.3) ? AF_INET6 : AF_INET;
	s.headers = random_true(&seed, 0.2) ? 40 : SEGMENT_HEADERS;
	sizes_draw(&s, &seed);
	s.direction = random_true(&seed, 0.5) ? WIRE_TX : WIRE_RX;
	s.loss = random_true(&seed, 0.5) ? 0 : 0.0001 * random_below(&seed, 200);
	s.delay_ms = pick(&seed, delays, 5);
	s.jitter_ms = random_true(&seed, 0.3) ? random_below(&seed, 10) : 0;
	s.connections = counts[random_below(&seed, 5)];
	/* Where all flows stall, something must go on: else nobody can tell a hole from a dead path. */
	s.pings = s.connections <= 8 || random_true(&seed, 0.5);
	return s;
}

void story_describe(const struct story *s, char *text, size_t len)
{
	snprintf(text, len,
		 "%s, %s, tunnel %u, path %u, IPv%d, loss %.2f %%, delay %u+%u ms, %zu connections%s, headers %u",
		 KINDS[s->kind].name, s->direction == WIRE_TX ? "tx" : "rx", s->tunnel_mtu, s->path_mtu,
		 s->family == AF_INET6 ? 6 : 4, 100 * s->loss, s->delay_ms, s->jitter_ms, s->connections,
		 s->pings ? ", pings" : "", s->headers);
}

const char *story_contradicts(const struct story *s, const struct finding *f)
{
	if (!s->hole)
		return "there is no hole";
	if (f->class != FINDING_PATH_BLACKHOLE)
		return "the class";
	if (f->direction != s->direction)
		return "the direction";
	if (f->path_mtu_lower > s->path_mtu || f->path_mtu_upper <= s->path_mtu)
		return "the bracket";
	if (f->recommended_mtu + outer_overhead(s->family) > s->path_mtu && f->basis != BASIS_FLOOR)
		return "the recommendation";
	return f->state == FINDING_RESOLVED ? "it is resolved" : NULL;
}

static struct story_result judge(const struct story *s, uint32_t opened_ms)
{
	struct story_result r = { .end = STORY_RIGHT };
	const struct scene *scene = &n.scene;
	uint32_t swallowed_ms = n.swallowed_ms[s->direction];

	if (!s->hole && scene->log_n) {
		r.end = STORY_FALSE_ALARM;
		snprintf(r.what, sizeof(r.what), "%s: %u ms, %s %llu: %s", direction_name(scene->log[0].direction),
			 opened_ms, evidence_kind_name(scene->log[0].evidence[0].kind),
			 (unsigned long long)scene->log[0].evidence[0].count, scene->log[0].message);
	}
	if (!s->hole || !swallowed_ms)
		return r;
	if (!scene->log_n) {
		r.end = STORY_MISSED;
		snprintf(r.what, sizeof(r.what), "nothing said");
		return r;
	}
	r.open_ms = opened_ms - swallowed_ms;
	for (size_t i = 0; i < scene->log_n; i++) {
		const struct finding *f = &scene->log[i];
		const char *wrong = story_contradicts(s, f);

		if (!wrong)
			continue;
		r.end = STORY_WRONG;
		snprintf(r.what, sizeof(r.what), "%s: %s [%u, %u) %s, after %u ms", wrong, finding_class_name(f->class),
			 f->path_mtu_lower, f->path_mtu_upper, direction_name(f->direction), r.open_ms);
		return r;
	}
	return r;
}

struct story_result story_tell(const struct story *s, void (*sees)(const struct snapshot *snap, void *arg), void *arg)
{
	uint32_t opened_ms = 0;
	struct story_result r;

	network_start_as(&n, s->seed, s->tunnel_mtu, s->connections, s->family, s->headers);
	n.scene.sees = sees;
	n.scene.sees_arg = arg;
	n.scene.links[0].mtu = n.scene.peers[0].egress_mtu = TUNNEL_MAX + OUTER_OVERHEAD_IPV6;
	n.loss[WIRE_TX] = n.loss[WIRE_RX] = s->loss;
	n.delay_ms = s->delay_ms;
	n.jitter_ms = s->jitter_ms;
	n.pings = s->pings;
	for (uint32_t second = 0; second < KINDS[s->kind].seconds; second++) {
		KINDS[s->kind].fn(s, second);
		for (int i = 0; i < 4; i++) {
			network_run(&n, SCENE_TICK_MS);
			if (n.scene.opened && !opened_ms)
				opened_ms = n.now_ms;
		}
	}
	r = judge(s, opened_ms);
	network_end(&n);
	return r;
}
