// SPDX-License-Identifier: GPL-2.0-or-later
/* Stories of holes and of what looks like them; see story.h. */
#include "story.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"
#include "outer.h"

#define PATH_MIN   1280 /* bytes, outer: less is no IPv6 path, and below 1340 no tunnel is worth having */
#define TUNNEL_MAX 8940

#define PATIENCE_MS 20000 /* a hole that heals sooner after it first swallowed something need not be found */
#define RESOLVED_MS 10000 /* so long after it has healed, and large packets pass again, that is known */
#define HEALED_MS   2000  /* … and nobody finds it any more: acknowledgements and snapshots are late */

static struct network n;

size_t story_kinds(void)
{
	return HOLES_N + LOOKALIKES_N;
}

static const struct kind *kind_at(size_t kind)
{
	return kind < HOLES_N ? &HOLES[kind] : &LOOKALIKES[kind - HOLES_N];
}

static unsigned int marks(const struct story *s)
{
	return kind_at(s->kind)->marks;
}

const char *story_kind_name(size_t kind)
{
	return kind_at(kind)->name;
}

size_t story_kind_named(const char *name)
{
	size_t kind = 0;

	while (kind < story_kinds() && strcmp(kind_at(kind)->name, name))
		kind++;
	assert_true(kind < story_kinds());
	return kind;
}

bool story_kind_is_hole(size_t kind)
{
	return kind < HOLES_N;
}

bool story_kind_is_unsolved(size_t kind)
{
	return kind_at(kind)->marks & KIND_UNSOLVED;
}

static uint32_t pick(uint64_t *seed, const uint32_t *from, size_t count)
{
	return from[random_below(seed, count)];
}

/* Half of the stories are of holes. */
static size_t kind_draw(uint64_t *seed)
{
	return random_true(seed, 0.5) ? random_below(seed, HOLES_N) : HOLES_N + random_below(seed, LOOKALIKES_N);
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
	struct story s = { .seed = number, .start_ms = SCENE_START_MS };

	random_below(&seed, 2);
	s.kind = kind < story_kinds() ? kind : kind_draw(&seed);
	s.hole = s.kind < HOLES_N;
	s.family = random_true(&seed, 0.3) ? AF_INET6 : AF_INET;
	s.headers = (random_true(&seed, 0.2) ? 40 : SEGMENT_HEADERS) + (marks(&s) & KIND_INNER_V6 ? 20 : 0);
	sizes_draw(&s, &seed);
	s.direction = random_true(&seed, 0.5) ? WIRE_TX : WIRE_RX;
	s.loss = random_true(&seed, 0.5) ? 0 : 0.0001 * random_below(&seed, 200);
	s.delay_ms = pick(&seed, delays, 5);
	s.jitter_ms = random_true(&seed, 0.3) ? random_below(&seed, 10) : 0;
	s.connections = counts[random_below(&seed, 5)];
	if (marks(&s) & KIND_IDLE)
		s.connections = 0;
	/* Where all flows stall, something must go on: else nobody can tell a hole from a dead path. */
	s.pings = s.connections <= 8 || random_true(&seed, 0.5);
	return s;
}

void story_describe(const struct story *s, char *text, size_t len)
{
	snprintf(text, len,
		 "%s, %s, tunnel %u, path %u, IPv%d, loss %.2f %%, delay %u+%u ms, %zu connections%s, headers %u",
		 kind_at(s->kind)->name, s->direction == WIRE_TX ? "tx" : "rx", s->tunnel_mtu, s->path_mtu,
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

/* What is known of the hole while its story is told: it may heal, and come again. */
struct course {
	const struct story *s;
	uint32_t path_mtu;    /* where it is now, or was last */
	bool there;	      /* now */
	msec_t since_ms;      /* there, or healed */
	size_t holes;	      /* that there have been */
	size_t opened_before; /* findings, when this one came */
	msec_t swallowed_ms;  /* by the first */
	msec_t opened_ms;     /* the first finding, of it */
	size_t judged;	      /* of the scene's log */
	struct story_result r;
};

static bool both_ways(const struct story *s)
{
	return marks(s) & KIND_BOTH_WAYS;
}

/* When a packet first was too large for the hole; 0: none was. */
static msec_t first_swallowed_ms(const struct story *s)
{
	msec_t ms = n.swallowed_ms[s->direction], other = n.swallowed_ms[!s->direction];

	return both_ways(s) && other && (!ms || other < ms) ? other : ms;
}

static void course_wrong(struct course *c, enum story_end end, const char *what, const struct finding *f)
{
	if (c->r.end != STORY_RIGHT)
		return;
	c->r.end = end;
	if (f)
		snprintf(c->r.what, sizeof(c->r.what), "%s: %s %s [%u, %u) %s, after %llu ms, %s %llu: %s", what,
			 finding_state_name(f->state), finding_class_name(f->class), f->path_mtu_lower,
			 f->path_mtu_upper, direction_name(f->direction),
			 (unsigned long long)(n.now_ms - (c->since_ms ? c->since_ms : c->s->start_ms)),
			 evidence_kind_name(f->evidence[0].kind), (unsigned long long)f->evidence[0].count, f->message);
	else
		snprintf(c->r.what, sizeof(c->r.what), "%s", what);
}

/* What is to be said though there is no hole; FINDING_CLASSES: nothing. */
static enum finding_class class_said(const struct story *s)
{
	return marks(s) & KIND_IGNORED	    ? FINDING_PTB_IGNORED
	       : marks(s) & KIND_SUPPRESSED ? FINDING_PTB_SUPPRESSED
					    : FINDING_CLASSES;
}

/* The hole is no more: was it found while there was time? */
static void course_ends(struct course *c, bool healed)
{
	msec_t swallowed_ms = first_swallowed_ms(c->s);
	char what[64];

	if (!c->there)
		return;
	if (c->holes == 1)
		c->swallowed_ms = swallowed_ms;
	if (!swallowed_ms || n.scene.opened > c->opened_before || n.scene.opened > n.scene.resolved ||
	    (marks(c->s) & KIND_MAY_MISS) || (healed && n.now_ms - swallowed_ms < PATIENCE_MS))
		return;
	snprintf(what, sizeof(what), "nothing said of hole %zu for %llu ms", c->holes,
		 (unsigned long long)(n.now_ms - swallowed_ms));
	course_wrong(c, STORY_MISSED, what, NULL);
}

/* The largest packet that the sending end makes, where its tunnel's MTU was lowered; 0: it was not. */
static uint32_t cured_outer(const struct story *s)
{
	uint32_t mtu = s->direction == WIRE_TX ? n.scene.links[1].mtu : n.far_mss + n.headers;

	return mtu < s->tunnel_mtu ? mtu + outer_overhead(s->family) : 0;
}

/* The truth of the second that begins. */
static void course_goes_on(struct course *c)
{
	uint32_t largest = cured_outer(c->s), mtu = n.mtu[c->s->direction];

	if (largest && largest <= mtu)
		mtu = 0;

	if (!c->s->hole || (c->there ? mtu == c->path_mtu : !mtu))
		return;
	course_ends(c, true);
	c->there = mtu != 0;
	c->since_ms = n.now_ms;
	n.watched_ms[c->s->direction] = 0;
	if (!mtu)
		return;
	n.swallowed_ms[c->s->direction] = 0;
	c->path_mtu = mtu;
	c->holes++;
	c->opened_before = n.scene.opened;
}

/* Large packets have passed for so long since it healed. */
static bool course_is_good(const struct course *c, msec_t for_ms)
{
	msec_t ms = n.watched_ms[c->s->direction];

	return !c->there && c->holes && ms && n.now_ms - ms > for_ms;
}

static void course_finding(struct course *c, const struct finding *f)
{
	struct story now = *c->s;
	const char *wrong;

	if (!c->s->hole) {
		if (f->class != class_said(c->s))
			course_wrong(c, STORY_FALSE_ALARM, "there is no hole", f);
		return;
	}
	if (both_ways(c->s))
		now.direction = f->direction;
	if (n.scene.opened - c->opened_before > (both_ways(c->s) ? 2 : 1))
		wrong = "the same hole is found twice";
	else if (!c->there)
		wrong = f->state == FINDING_OPEN && course_is_good(c, HEALED_MS) ? "it has healed" : NULL;
	else if (n.scene.opened == c->opened_before)
		return; /* of the hole before: what arrives now was sent then, and nothing says where it is now */
	else {
		now.path_mtu = c->path_mtu;
		wrong = story_contradicts(&now, f);
	}
	if (wrong)
		course_wrong(c, STORY_WRONG, wrong, f);
}

static void course_judge(struct course *c)
{
	bool open = n.scene.opened > n.scene.resolved;
	uint32_t upper = c->path_mtu + 1;

	if (n.scene.opened && !c->opened_ms && c->holes == 1)
		c->opened_ms = n.now_ms;
	while (c->judged < n.scene.log_n)
		course_finding(c, &n.scene.log[c->judged++]);
	if (cured_outer(c->s))
		upper = cured_outer(c->s) - OUTER_PADDING + 1;
	else if (open)
		upper = scene_last(&n.scene)->path_mtu_upper;
	if (n.watch_outer != upper)
		n.watched_ms[c->s->direction] = 0;
	n.watch_outer = upper;
	if (open && course_is_good(c, RESOLVED_MS))
		course_wrong(c, STORY_WRONG, "it has healed, and is not resolved", scene_last(&n.scene));
}

/* From the side that the story's direction leads away from. */
static void uploads_start(const struct story *s)
{
	n.remote_asks = s->direction == WIRE_RX;
	n.greets = n.pings = true;
	n.response_max = GREETING;
	for (size_t i = 0; i < s->connections; i++)
		network_connect(&n);
}

static struct story_result tell(const struct story *s, void (*sees)(const struct snapshot *snap, void *arg), void *arg,
				bool both, void *far_arg)
{
	struct course c = { .s = s };

	network_start_as(&n, s->seed, s->tunnel_mtu, marks(s) & KIND_UPLOADS ? 0 : s->connections, s->family,
			 s->headers, s->start_ms, both);
	n.far.sees = sees;
	n.far.sees_arg = far_arg;
	n.far.links[0].mtu = n.far.peers[0].egress_mtu = TUNNEL_MAX + OUTER_OVERHEAD_IPV6;
	n.scene.sees = sees;
	n.scene.sees_arg = arg;
	n.scene.links[0].mtu = n.scene.peers[0].egress_mtu = TUNNEL_MAX + OUTER_OVERHEAD_IPV6;
	n.loss[WIRE_TX] = n.loss[WIRE_RX] = s->loss;
	n.delay_ms = s->delay_ms;
	n.jitter_ms = s->jitter_ms;
	n.reorder_ms = 2 * s->jitter_ms;
	n.sack = s->seed % 4;
	n.pings = s->pings;
	if (marks(s) & KIND_UPLOADS)
		uploads_start(s);
	for (uint32_t second = 0; second < kind_at(s->kind)->seconds; second++) {
		kind_at(s->kind)->fn(&n, s, second);
		course_goes_on(&c);
		for (int i = 0; i < 4; i++) {
			network_run(&n, SCENE_TICK_MS);
			course_judge(&c);
		}
	}
	course_ends(&c, false);
	if (class_said(s) != FINDING_CLASSES && !n.scene.opened && n.swallowed_ms[WIRE_TX] &&
	    n.now_ms - n.swallowed_ms[WIRE_TX] > PATIENCE_MS)
		course_wrong(&c, STORY_MISSED, "nothing said", NULL);
	if (c.opened_ms && c.swallowed_ms)
		c.r.open_ms =
			c.opened_ms > c.swallowed_ms ? c.opened_ms - c.swallowed_ms : 1; /* in an outage before it */
	network_end(&n);
	return c.r;
}

struct story_result story_tell(const struct story *s, void (*sees)(const struct snapshot *snap, void *arg), void *arg)
{
	return tell(s, sees, arg, false, NULL);
}

struct story_result story_tell_both(const struct story *s, void (*sees)(const struct snapshot *snap, void *arg),
				    void *const args[2])
{
	return tell(s, sees, args[0], true, args[1]);
}
