// SPDX-License-Identifier: GPL-2.0-or-later
/* Fragments from a peer's address: whose they are, and whether they become packets. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "snapshots.h"

#define PORT	   51820
#define OTHER_PORT 1025 /* as NAT gives one to the second of two peers behind one address */

enum counted { FIRSTS, LASTS, ALL, WHOLE, COUNTED };

static struct scene s;
static struct tally tallies[2 * COUNTED];
static size_t tallies_n;

static int start(void **state)
{
	(void)state;
	scene_start(&s, 1420);
	scene_peer(&s, 'A', "192.0.2.1", "10.1.0.0");
	tallies_n = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&s);
	return 0;
}

/* Fragments from 192.0.2.1 and that port; 0: those of others, of which tc counts none. */
static struct tally *fragments_from(uint16_t port)
{
	static const struct wire_tally_key keys[COUNTED] = {
		[FIRSTS] = { .kind = WIRE_TALLY_FRAGMENT_RX, .aux = WIRE_FRAGMENT_FIRST },
		[LASTS] = { .kind = WIRE_TALLY_FRAGMENT_RX, .aux = WIRE_FRAGMENT_LAST },
		[ALL] = { .kind = WIRE_TALLY_FRAGMENT_RX, .aux = WIRE_FRAGMENTS_ALL },
		[WHOLE] = { .kind = WIRE_TALLY_REASSEMBLED },
	};
	struct tally *first = &tallies[tallies_n];

	for (int i = port ? 0 : WHOLE; i < COUNTED; i++) {
		struct tally *t = &tallies[tallies_n++];

		*t = (struct tally){ .key = keys[i], .value = { .size_min = 64, .size_max = 1500 } };
		t->key.family = AF_INET;
		t->key.port = port;
		t->key.aux = port ? t->key.aux : 1;
		memcpy(t->key.remote, (uint8_t[]){ 192, 0, 2, 1 }, 4);
	}
	return first;
}

/* So many seconds in which packets of these come, whole or not; 12 a second. */
static void come(struct tally *of, bool whole, unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds * SECOND; i++) {
		for (int kind = 0; kind < COUNTED; kind++)
			of[kind].value.count += kind != WHOLE || whole ? 3 : 0;
		scene_tick_tallies(&s, tallies, tallies_n);
	}
}

static void test_never_whole(void **state)
{
	(void)state;
	come(fragments_from(PORT), false, 3);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].class, FINDING_REASSEMBLY_FAILURE);
}

static void test_whole(void **state)
{
	(void)state;
	come(fragments_from(PORT), true, 60);
	scene_assert_silent(&s);
}

/* They did become packets, for long, until the queue was full. */
static void test_whole_no_more(void **state)
{
	struct tally *peer = fragments_from(PORT);

	(void)state;
	come(peer, true, 120);
	scene_assert_silent(&s);
	come(peer, false, 3);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].class, FINDING_REASSEMBLY_FAILURE);
	come(peer, true, 1);
	assert_int_equal(s.resolved, 1);
}

/* Fragments get lost, of some packets this one and of some that one. What is whole now and then is all that can be. */
static void test_lossy(void **state)
{
	struct tally *t = fragments_from(PORT);
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 10 * MINUTE; i++) {
		bool first = random_true(&seed, 0.7), last = random_true(&seed, 0.7), middle = random_true(&seed, 0.5);

		t[FIRSTS].value.count += first;
		t[LASTS].value.count += first && last;
		t[ALL].value.count += first && last && middle;
		t[WHOLE].value.count += first && last && middle;
		scene_tick_tallies(&s, tallies, tallies_n);
	}
	scene_assert_silent(&s);
}

/* The same where nobody sees what becomes of them: ends without their beginning may be of any peer at that address. */
static void test_lossy_and_not_seen(void **state)
{
	struct tally *t = fragments_from(PORT), *lone = &tallies[tallies_n++];
	uint64_t seed = 7;

	(void)state;
	*lone = t[LASTS];
	lone->key.port = 0;
	for (int i = 0; i < 10 * MINUTE; i++) {
		bool first = random_true(&seed, 0.9), last = random_true(&seed, 0.9);

		t[FIRSTS].value.count += first;
		t[LASTS].value.count += first && last;
		lone->value.count += !first && last;
		scene_tick_tallies(&s, tallies, tallies_n);
	}
	scene_assert_silent(&s);
}

/* Another service of the same host: its packets become whole, and say nothing of the peer's. */
static void test_others_are_whole(void **state)
{
	struct tally *peer = fragments_from(PORT), *others = fragments_from(0);

	(void)state;
	for (int i = 0; i < 3 * SECOND; i++) {
		others->value.count++;
		peer[FIRSTS].value.count++;
		peer[LASTS].value.count++;
		peer[ALL].value.count++;
		scene_tick_tallies(&s, tallies, tallies_n);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].class, FINDING_REASSEMBLY_FAILURE);
}

static void test_of_two_peers(void **state)
{
	(void)state;
	scene_peer(&s, 'B', "192.0.2.1", "10.2.0.0")->endpoint.port = OTHER_PORT;
	come(fragments_from(OTHER_PORT), false, 3);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].class, FINDING_REASSEMBLY_FAILURE);
	assert_int_equal(s.log[0].public_key[0], 'B');
}

/* The one's become packets, and the other's do not. */
static void test_beside_another_peer(void **state)
{
	struct tally *other;

	(void)state;
	scene_peer(&s, 'B', "192.0.2.1", "10.2.0.0")->endpoint.port = OTHER_PORT;
	other = fragments_from(OTHER_PORT);
	come(fragments_from(PORT), true, 30);
	for (int i = 0; i < 3 * SECOND; i++) {
		for (int kind = 0; kind < COUNTED; kind++) {
			other[kind].value.count += kind != WHOLE;
			other[COUNTED + kind].value.count++;
		}
		scene_tick_tallies(&s, tallies, tallies_n);
	}
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.log[0].public_key[0], 'B');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_never_whole, start, end),
		cmocka_unit_test_setup_teardown(test_whole, start, end),
		cmocka_unit_test_setup_teardown(test_whole_no_more, start, end),
		cmocka_unit_test_setup_teardown(test_lossy, start, end),
		cmocka_unit_test_setup_teardown(test_lossy_and_not_seen, start, end),
		cmocka_unit_test_setup_teardown(test_others_are_whole, start, end),
		cmocka_unit_test_setup_teardown(test_of_two_peers, start, end),
		cmocka_unit_test_setup_teardown(test_beside_another_peer, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
