// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stories recorded at both ends of the tunnel, and what the report of both says: the truth, no less than either end
 * alone, and nothing where there is no hole; and what is not the two ends of one tunnel is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "commands.h"
#include "recording.h"
#include "sink.h"
#include "story.h"

#define FINDINGS_MAX 16

static char dir[] = "/tmp/mtuscope-ends.XXXXXX";
static char near[64], far[64], out[64];

/* What a report has said. */
struct said {
	enum exit_status status;
	struct finding findings[FINDINGS_MAX]; /* class, direction, bracket, recommendation and state alone */
	size_t n, opened;
	json_t *joint; /* NULL: none */
};

static int start(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(near, sizeof(near), "%s/near.rec", dir);
	snprintf(far, sizeof(far), "%s/far.rec", dir);
	snprintf(out, sizeof(out), "%s/out.json", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(near);
	unlink(far);
	unlink(out);
	return rmdir(dir);
}

static void keep(const struct snapshot *snap, void *file)
{
	assert_int_equal(recording_write(file, snap), 0);
}

/* What has the two ends recorded; the story's own verdict of the near one. */
static struct story_result record(const struct story *s)
{
	struct recording_file *files[2];
	struct story_result r;

	assert_int_equal(recording_create(&files[0], near), 0);
	assert_int_equal(recording_create(&files[1], far), 0);
	r = story_tell_both(s, keep, (void *const[]){ files[0], files[1] });
	assert_int_equal(recording_close(files[0]), 0);
	assert_int_equal(recording_close(files[1]), 0);
	return r;
}

static uint32_t number(const json_t *object, const char *key)
{
	return (uint32_t)json_integer_value(json_object_get(object, key));
}

static const char *word(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	assert_non_null(s);
	return s;
}

static void take_finding(struct said *said, const json_t *f)
{
	struct finding *to = &said->findings[said->n++];
	const json_t *bracket = json_object_get(f, "path_mtu");

	assert_true(said->n <= FINDINGS_MAX);
	memset(to, 0, sizeof(*to));
	while (to->class < FINDING_CLASSES && strcmp(finding_class_name(to->class), word(f, "class")))
		to->class ++;
	to->direction = strcmp(word(f, "direction"), "tx") ? WIRE_RX : WIRE_TX;
	to->state = strcmp(word(f, "state"), "resolved") ? FINDING_OPEN : FINDING_RESOLVED;
	to->basis = strcmp(word(f, "recommended_basis"), "floor") ? BASIS_BRACKET : BASIS_FLOOR;
	to->path_mtu_lower = number(bracket, "lower");
	to->path_mtu_upper = number(bracket, "upper");
	to->recommended_mtu = number(f, "recommended_mtu");
	snprintf(to->message, sizeof(to->message), "%s", word(f, "message_of_test"));
	said->opened += !strcmp(word(f, "state"), "open");
}

/* The report of one file or two. */
static struct said report(const char *file, const char *file2)
{
	struct options opt = { .operand = file, .operand2 = file2, .output = out, .sink = sink_named("ecs") };
	struct said said = { 0 };
	char line[SINK_RECORD_MAX];
	FILE *f;

	unlink(out);
	said.status = cmd_report(&opt);
	f = fopen(out, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		json_t *root = json_loads(line, 0, NULL), *own = json_object_get(root, "mtuscope");
		json_t *finding = json_object_get(own, "finding");
		json_t *joint = json_object_get(json_object_get(own, "status"), "joint");

		assert_non_null(root);
		if (finding) {
			json_object_set(finding, "message_of_test", json_object_get(root, "message"));
			take_finding(&said, finding);
		}
		if (joint)
			said.joint = json_incref(joint);
		json_decref(root);
	}
	fclose(f);
	return said;
}

/* The last one of the story's direction that is open, or NULL. */
static const struct finding *last_open(const struct said *said, enum wire_direction direction)
{
	const struct finding *f = NULL;

	for (size_t i = 0; i < said->n; i++)
		if (said->findings[i].direction == direction && said->findings[i].state != FINDING_RESOLVED)
			f = &said->findings[i];
	return f;
}

static void assert_no_worse(const struct finding *both, const struct finding *alone)
{
	if (!alone)
		return;
	assert_non_null(both);
	assert_true(both->path_mtu_lower >= alone->path_mtu_lower);
	assert_true(!alone->path_mtu_upper || both->path_mtu_upper <= alone->path_mtu_upper);
}

static size_t holes, better;

static void assert_story(uint64_t seed, const char *kind)
{
	const struct story s = story_draw(seed, story_kind_named(kind));
	struct story_result alone = record(&s);
	struct said both = report(near, far), here = report(near, NULL), there = report(far, NULL);
	enum wire_direction seen_there = s.direction == WIRE_TX ? WIRE_RX : WIRE_TX;
	const struct finding *f = last_open(&both, s.direction);
	char what[256];

	story_describe(&s, what, sizeof(what));
	if (!both.joint)
		fail_msg("%s: nothing was compared", what);
	for (size_t i = 0; i < both.n; i++) {
		const char *wrong = story_contradicts(&s, &both.findings[i]);

		if (wrong && both.findings[i].state != FINDING_RESOLVED)
			fail_msg("%s: %s: [%u, %u) %s", what, wrong, both.findings[i].path_mtu_lower,
				 both.findings[i].path_mtu_upper, both.findings[i].message);
	}
	assert_int_equal(both.status, both.n ? EXIT_CRITICAL : EXIT_NOTHING);
	assert_true(both.opened <= 1);
	if (alone.end == STORY_RIGHT && s.hole && here.opened)
		assert_non_null(f);
	assert_no_worse(f, last_open(&here, s.direction));
	assert_no_worse(f, last_open(&there, seen_there));
	holes += f != NULL;
	better += f && (!last_open(&here, s.direction) || !last_open(&there, seen_there) ||
			f->path_mtu_lower > last_open(&here, s.direction)->path_mtu_lower ||
			f->path_mtu_upper < last_open(&here, s.direction)->path_mtu_upper);
	json_decref(both.joint);
}

static void test_holes(void **state)
{
	static const char *const kinds[] = { "hole", "hole that begins", "hole after failover" };

	(void)state;
	holes = better = 0;
	for (uint64_t seed = 1; seed <= 12; seed++)
		assert_story(seed, kinds[seed % 3]);
	assert_true(holes >= 8);
	assert_true(better > 0);
}

static void test_what_is_no_hole(void **state)
{
	static const char *const kinds[] = { "plain",	  "high loss",	"loss rises",	"policer",
					     "bursts",	  "outage",	"one way dies", "path dies",
					     "host dies", "reordering", "MTU lowered",	"server hangs" };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (uint64_t seed = 1; seed <= 2; seed++)
			assert_story(seed, kinds[k]);
}

/* Datagrams that nobody acknowledges, and a ping: neither end can know by itself what becomes of them. */
static struct network n;

/* Sessions have that name and the next one. */
static void datagrams_start_as(uint32_t mtu, uint32_t index)
{
	static struct recording_file *files[2];

	assert_int_equal(recording_create(&files[0], near), 0);
	assert_int_equal(recording_create(&files[1], far), 0);
	network_start_as(&n, 1, mtu, 0, AF_INET, SEGMENT_HEADERS, SCENE_START_MS, true);
	n.scene.sees = n.far.sees = keep;
	n.scene.sees_arg = files[0];
	n.far.sees_arg = files[1];
	n.session->key.index = n.far_session[WIRE_TX]->key.index = index;
	n.tx_session->key.index = n.far_session[WIRE_RX]->key.index = index + 1;
}

static void datagrams_start(uint32_t mtu)
{
	datagrams_start_as(mtu, 1001);
	n.pings = true;
	network_run(&n, 3000);
}

static void datagrams_end(void)
{
	network_run(&n, 3000);
	assert_int_equal(recording_close(n.scene.sees_arg), 0);
	assert_int_equal(recording_close(n.far.sees_arg), 0);
	network_end(&n);
}

static void test_what_neither_end_can_know(void **state)
{
	struct said both, swapped;

	(void)state;
	datagrams_start(1420);
	n.datagrams[WIRE_TX] = 1400;
	n.datagrams[WIRE_RX] = 1000;
	n.mtu[WIRE_TX] = 1400;
	network_run(&n, 10000);
	datagrams_end();
	assert_int_equal(report(near, NULL).status, EXIT_NOTHING);
	assert_int_equal(report(far, NULL).status, EXIT_NOTHING);
	both = report(near, far);
	assert_int_equal(both.status, EXIT_CRITICAL);
	assert_int_equal(both.n, 1);
	assert_int_equal(both.findings[0].class, FINDING_PATH_BLACKHOLE);
	assert_int_equal(both.findings[0].direction, WIRE_TX);
	assert_true(both.findings[0].path_mtu_lower && both.findings[0].path_mtu_lower <= 1400);
	assert_in_range(both.findings[0].path_mtu_upper, 1401, 1480);
	swapped = report(far, near);
	assert_int_equal(swapped.n, 1);
	assert_int_equal(swapped.findings[0].direction, WIRE_RX);
	assert_int_equal(swapped.findings[0].path_mtu_upper, both.findings[0].path_mtu_upper);
	json_decref(both.joint);
	json_decref(swapped.joint);
}

static void assert_silent(void)
{
	struct said both = report(near, far);

	if (both.n)
		fail_msg("%s %s", direction_name(both.findings[0].direction), both.findings[0].message);
	assert_int_equal(both.status, EXIT_NOTHING);
	assert_int_equal(both.n, 0);
	assert_non_null(both.joint);
	json_decref(both.joint);
}

/* All that is large and more than half of the rest: too little to say that it is the size. */
static bool most(struct network *net, bool tx, uint32_t outer)
{
	return tx && (outer > 1000 || net->now_ms / 1000 % 5 > 1);
}

/* The same datagrams on a path that is down meanwhile, that loses one in three, or that they fit. */
static void test_what_looks_alike(void **state)
{
	(void)state;
	datagrams_start(1420);
	n.datagrams[WIRE_TX] = 1400;
	n.down = true;
	network_run(&n, 10000);
	n.datagrams[WIRE_TX] = 0;
	n.down = false;
	datagrams_end();
	assert_silent();

	/* Small ones until that moment. */
	datagrams_start(1420);
	n.datagrams[WIRE_TX] = 100;
	network_run(&n, 10500);
	n.datagrams[WIRE_TX] = 1400;
	n.down = true;
	n.pings = false;
	network_run(&n, 20000);
	n.datagrams[WIRE_TX] = 0;
	n.pings = true;
	n.down = false;
	datagrams_end();
	assert_silent();

	datagrams_start(1420);
	n.datagrams[WIRE_TX] = 1400;
	n.drops = most;
	network_run(&n, 6000);
	n.datagrams[WIRE_TX] = 0;
	datagrams_end();
	assert_silent();

	datagrams_start(1420);
	n.datagrams[WIRE_TX] = 1400;
	n.loss[WIRE_TX] = 0.35;
	network_run(&n, 30000);
	datagrams_end();
	assert_silent();

	datagrams_start(1420);
	n.datagrams[WIRE_TX] = n.datagrams[WIRE_RX] = 1400;
	network_run(&n, 10000);
	datagrams_end();
	assert_silent();
}

/* Where another peer has the interface as well, sizes are nobody's; the counters are. */
static void test_a_shared_interface(void **state)
{
	struct said both;
	const json_t *way;

	(void)state;
	datagrams_start(1420);
	n.scene.links[1].peers_n = 2;
	n.datagrams[WIRE_TX] = 1400;
	n.mtu[WIRE_TX] = 1400;
	network_run(&n, 10000);
	datagrams_end();
	both = report(near, far);
	assert_int_equal(both.status, EXIT_NOTHING);
	assert_int_equal(both.n, 0);
	way = json_array_get(json_object_get(both.joint, "ways"), 0);
	assert_int_equal(json_array_size(json_object_get(way, "sizes")), 0);
	assert_in_range(json_integer_value(json_object_get(way, "lost")), 60, 65);
	json_decref(both.joint);
}

/* Every packet is accounted for: sent, lost and received by size are what the path did. */
static void test_the_numbers(void **state)
{
	struct said both;
	const json_t *way, *sizes, *last;

	(void)state;
	datagrams_start(1420);
	n.datagrams[WIRE_TX] = 1400;
	n.mtu[WIRE_TX] = 1400;
	network_run(&n, 10000);
	n.datagrams[WIRE_TX] = 0;
	datagrams_end();
	both = report(near, far);
	way = json_array_get(json_object_get(both.joint, "ways"), 0);
	sizes = json_object_get(way, "sizes");
	last = json_array_get(sizes, json_array_size(sizes) - 1);
	assert_int_equal(json_array_size(sizes), 2);
	assert_int_equal(json_integer_value(json_object_get(way, "sent")), 65);
	assert_int_equal(json_integer_value(json_object_get(way, "lost")), 50);
	assert_int_equal(json_integer_value(json_object_get(last, "sent")), 50);
	assert_int_equal(json_integer_value(json_object_get(last, "received")), 0);
	json_decref(both.joint);
}

/* What was lost before the receiver heard of the session, and after it last did. */
static void test_losses_at_the_edges(void **state)
{
	struct said both;

	(void)state;
	datagrams_start_as(1420, 1001);
	n.mtu[WIRE_TX] = 1400;
	network_run(&n, 2500);
	n.datagrams[WIRE_TX] = 1400;
	network_run(&n, 3000);
	n.datagrams[WIRE_TX] = 0;
	n.pings = true;
	network_run(&n, 3000);
	n.pings = false;
	n.datagrams[WIRE_TX] = 1400;
	network_run(&n, 2000);
	n.datagrams[WIRE_TX] = 0;
	datagrams_end();
	both = report(near, far);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(json_object_get(both.joint, "ways"), 0), "lost")),
		25);
	json_decref(both.joint);
}

/* Uploads that vanish only behind the peer, which is on the way to another one of its own: all of them have come to it. */
static void test_what_vanishes_beyond(void **state)
{
	struct said both, swapped;

	(void)state;
	datagrams_start(1420);
	n.host_mtu[0] = 1300;
	network_connect(&n);
	n.message_min = 5000;
	network_run(&n, 15000);
	datagrams_end();
	assert_int_equal(report(near, NULL).status, EXIT_CRITICAL);
	both = report(near, far);
	assert_int_equal(both.status, EXIT_NOTHING);
	assert_int_equal(both.n, 0);
	swapped = report(far, near);
	assert_int_equal(swapped.n, 0);
	json_decref(both.joint);
	json_decref(swapped.joint);
}

/* The path heals, and another hole begins: that one is open, and what arrived in between is no part of its bracket. */
static void test_one_hole_after_the_other(void **state)
{
	const struct finding *f;
	struct said both;

	(void)state;
	datagrams_start(1420);
	for (int i = 0; i < 4; i++)
		network_connect(&n);
	n.mtu[WIRE_TX] = 1400;
	network_run(&n, 20000);
	n.mtu[WIRE_TX] = 0;
	network_run(&n, 20000);
	n.mtu[WIRE_TX] = 1300;
	network_run(&n, 20000);
	datagrams_end();
	both = report(near, far);
	f = last_open(&both, WIRE_TX);
	assert_int_equal(both.opened, 2);
	assert_int_equal(both.n, 3);
	assert_int_equal(both.findings[1].state, FINDING_RESOLVED);
	assert_ptr_equal(f, &both.findings[2]);
	assert_true(f->path_mtu_lower <= 1300);
	assert_in_range(f->path_mtu_upper, 1301, 1480);
	json_decref(both.joint);
}

static void test_what_is_no_pair_is_refused(void **state)
{
	char other[80];
	struct said said;

	(void)state;
	datagrams_start(1420);
	datagrams_end();
	said = report(near, near);
	assert_int_equal(said.status, EXIT_UNKNOWN);
	assert_int_equal(said.n, 0);
	/* Another tunnel's far end. */
	snprintf(other, sizeof(other), "%s/other.rec", dir);
	assert_int_equal(rename(near, other), 0);
	datagrams_start_as(1420, 77);
	n.pings = true;
	network_run(&n, 3000);
	datagrams_end();
	assert_int_equal(report(other, far).status, EXIT_UNKNOWN);
	assert_int_equal(report(other, "/nonexistent").status, EXIT_UNKNOWN);
	unlink(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_what_is_no_hole),
		cmocka_unit_test(test_what_neither_end_can_know),
		cmocka_unit_test(test_what_looks_alike),
		cmocka_unit_test(test_a_shared_interface),
		cmocka_unit_test(test_the_numbers),
		cmocka_unit_test(test_losses_at_the_edges),
		cmocka_unit_test(test_what_vanishes_beyond),
		cmocka_unit_test(test_one_hole_after_the_other),
		cmocka_unit_test(test_what_is_no_pair_is_refused),
	};

	return cmocka_run_group_tests(tests, start, end);
}
