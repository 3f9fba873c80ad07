/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fragments of the peer's packets beside a hole in a stream from it: which of them come decides what it is called. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshots.h"

enum counted { BEGINNINGS, ENDS, LONE_ENDS, ALL, WHOLE, COUNTED };

static struct scene s;
static uint64_t counts[COUNTED];
static uint32_t beginning_min; /* bytes: the smallest so far; the largest has 1500 */

static int start(void **state)
{
	(void)state;
	scene_start(&s, 8920);
	for (int i = 0; i < COUNTED; i++)
		counts[i] = 0;
	beginning_min = 1500;
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&s);
	return 0;
}

/* The next snapshot, with the fragments counted so far from 192.0.2.1. */
static void tick(void)
{
	static const struct wire_tally_key keys[COUNTED] = {
		[BEGINNINGS] = { .kind = WIRE_TALLY_FRAGMENT_RX, .aux = WIRE_FRAGMENT_FIRST, .port = 51820 },
		[ENDS] = { .kind = WIRE_TALLY_FRAGMENT_RX, .aux = WIRE_FRAGMENT_LAST, .port = 51820 },
		[LONE_ENDS] = { .kind = WIRE_TALLY_FRAGMENT_RX, .aux = WIRE_FRAGMENT_LAST },
		[ALL] = { .kind = WIRE_TALLY_FRAGMENT_RX, .aux = WIRE_FRAGMENTS_ALL, .port = 51820 },
		[WHOLE] = { .kind = WIRE_TALLY_REASSEMBLED, .port = 51820 },
	};
	struct snapshot snap = scene_snapshot(&s, s.clock_ms + SCENE_TICK_MS);

	snap.tallies = calloc(COUNTED, sizeof(*snap.tallies));
	for (int i = 0; i < COUNTED; i++) {
		struct tally *t = &snap.tallies[snap.tallies_n];

		if (!counts[i])
			continue;
		snap.tallies_n++;
		t->key = keys[i];
		t->key.family = AF_INET;
		memcpy(t->key.remote, (uint8_t[]){ 192, 0, 2, 1 }, 4);
		t->value = (struct tally_value){ .count = counts[i],
						 .size_min = i == BEGINNINGS ? beginning_min : 64,
						 .size_max = 1500 };
	}
	scene_step(&s, &snap);
	snapshot_free(&snap);
	s.clock_ms += SCENE_TICK_MS;
}

/* A stream from the peer has a hole that stays open, and with each of the peer's repetitions these come. */
static void tell_hole(const bool comes[COUNTED])
{
	struct scene_session *w = scene_session(&s, scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0"));
	struct wire_flow *tls = scene_flow(&s, "10.1.0.9");

	session_receives(&s, w, 20, 1500);
	tick();
	session_loses(w, 1);
	session_receives(&s, w, 1, 172);
	flow_asks(&s, tls, 400);
	flow_hole(&s, tls, 8868);
	for (int i = 0; i < 6 * SECOND; i++) {
		tick();
		if (i % 3 == 0) {
			session_loses(w, 1);
			for (int kind = 0; kind < COUNTED; kind++)
				counts[kind] += comes[kind];
		}
		session_receives(&s, w, 1, 172);
		flow_hears(&s, tls);
	}
}

static void assert_critical(enum finding_class class)
{
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].class, class);
	assert_int_equal(s.log[0].direction, WIRE_RX);
	assert_int_equal(s.log[0].severity, SEVERITY_CRITICAL);
	assert_true(s.log[0].to_probe);
}

static void test_no_fragments(void **state)
{
	(void)state;
	tell_hole((bool[COUNTED]){ false });
	assert_critical(FINDING_PATH_BLACKHOLE);
}

static void test_beginnings_alone(void **state)
{
	(void)state;
	tell_hole((bool[COUNTED]){ [BEGINNINGS] = true });
	assert_critical(FINDING_FRAGMENT_BLACKHOLE);
	assert_int_equal(s.log[0].path_mtu_lower, 1500);
	assert_int_equal(s.log[0].recommended_mtu, 1440);
}

/* Once the tunnel's MTU allows none, what came before that is no news. */
static void test_beginnings_no_more(void **state)
{
	struct scene_session *w = scene_session(&s, scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0"));

	(void)state;
	for (int i = 0; i < 12 * SECOND; i++) {
		counts[BEGINNINGS] += i < 2 * SECOND;
		if (i == 2 * SECOND)
			s.links[1].mtu = 1440;
		session_receives(&s, w, 2, 1300);
		tick();
	}
	assert_critical(FINDING_FRAGMENT_BLACKHOLE);
	assert_int_equal(s.resolved, 1);
}

/* Others have been smaller: of which size one comes now is not known. */
static void test_beginnings_of_two_sizes(void **state)
{
	(void)state;
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	counts[BEGINNINGS] = 1;
	for (int i = 0; i < 11 * SECOND; i++)
		tick();
	s.peers_n = 0;
	beginning_min = 1396;
	tell_hole((bool[COUNTED]){ [BEGINNINGS] = true });
	assert_critical(FINDING_FRAGMENT_BLACKHOLE);
	assert_int_equal(s.log[0].path_mtu_lower, 1396);
}

/* A path that drops first fragments: nothing was said, for there were fragments, and no beginnings to miss the ends of. */
static void test_ends_alone(void **state)
{
	(void)state;
	tell_hole((bool[COUNTED]){ [LONE_ENDS] = true });
	assert_critical(FINDING_FRAGMENT_BLACKHOLE);
}

/* Fragments came whole until the path began to drop the ends. */
static void test_ends_missing_of_late(void **state)
{
	(void)state;
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	for (int i = 0; i < 5 * SECOND; i++) {
		counts[BEGINNINGS] += 10;
		counts[ENDS] += 10;
		counts[ALL] += 10;
		counts[WHOLE] += 10;
		tick();
	}
	s.peers_n = 0;
	tell_hole((bool[COUNTED]){ [BEGINNINGS] = true });
	assert_critical(FINDING_FRAGMENT_BLACKHOLE);
}

/* Beginnings and ends come, and what is between them does not. */
static void test_middles_missing(void **state)
{
	(void)state;
	tell_hole((bool[COUNTED]){ [BEGINNINGS] = true, [ENDS] = true });
	assert_critical(FINDING_FRAGMENT_BLACKHOLE);
}

static void test_all_parts_are_of_reassembly(void **state)
{
	(void)state;
	tell_hole((bool[COUNTED]){ [BEGINNINGS] = true, [ENDS] = true, [ALL] = true });
	assert_critical(FINDING_REASSEMBLY_FAILURE);
}

/* The host at the endpoint sends other large datagrams, which are put together: the hole is in the path all the same. */
static void test_whole_ones_are_of_others(void **state)
{
	(void)state;
	tell_hole((bool[COUNTED]){ [BEGINNINGS] = true, [ENDS] = true, [ALL] = true, [WHOLE] = true });
	assert_critical(FINDING_PATH_BLACKHOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_fragments, start, end),
		cmocka_unit_test_setup_teardown(test_beginnings_alone, start, end),
		cmocka_unit_test_setup_teardown(test_beginnings_no_more, start, end),
		cmocka_unit_test_setup_teardown(test_beginnings_of_two_sizes, start, end),
		cmocka_unit_test_setup_teardown(test_ends_alone, start, end),
		cmocka_unit_test_setup_teardown(test_ends_missing_of_late, start, end),
		cmocka_unit_test_setup_teardown(test_middles_missing, start, end),
		cmocka_unit_test_setup_teardown(test_all_parts_are_of_reassembly, start, end),
		cmocka_unit_test_setup_teardown(test_whole_ones_are_of_others, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
