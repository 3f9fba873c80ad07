// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests of user/core/detect/too_big.c: ptb-ignored, ptb-suppressed, and hosts that listen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "snapshots.h"

#define MTU   1420
#define CROWD 40

static struct scene scene;
static struct tally made, left, tallies[CROWD + 2]; /* … after those of a crowd, if there is one */
static size_t crowd;

static int start(void **state)
{
	(void)state;
	scene_start(&scene, MTU);
	scene_peer(&scene, 1, "192.0.2.1", "10.1.0.0");
	made = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_MADE,
					.ifindex = scene.links[1].ifindex,
					.tunnel = 1,
					.aux = MTU,
					.family = AF_INET,
					.remote = { 192, 168, 3, 69 },
					.reporter = { 10, 1, 0, 9 } } };
	made.value.told_protocol = IPPROTO_TCP;
	crowd = 0;
	left = made;
	left.key.kind = WIRE_TALLY_TOO_BIG_TX;
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(&scene);
	return 0;
}

/* A tick in which the host was told, or not; on a connection that it had been told on before, or a new one. */
static void tick(bool told, bool new_connection, bool leaves)
{
	msec_t now_ms = scene.clock_ms + SCENE_TICK_MS;
	struct tally_value *v = &made.value;

	if (told) {
		v->count++;
		v->size_min = v->size_max = MTU + 1;
		v->last_ms = v->told_last_ms = now_ms;
		if (new_connection) {
			v->told_connection++;
			v->told_first_ms = now_ms;
			v->told_ticks = 0;
		}
		v->told_ticks++;
		left.value.count += leaves;
	}
	tallies[CROWD] = made;
	tallies[CROWD + 1] = left;
	scene_tick_tallies(&scene, tallies + CROWD - crowd, crowd + 2);
}

/* As TCP retransmits: after a second, two, four. */
static void retransmissions(bool leaves)
{
	for (int i = 0; i <= 7 * SECOND; i++)
		tick(i == 0 || i == SECOND || i == 3 * SECOND || i == 7 * SECOND, i == 0, leaves);
}

static void test_told_in_vain(void **state)
{
	(void)state;
	retransmissions(true);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PTB_IGNORED);
	assert_int_equal(scene.log[0].tunnel_mtu, MTU);
}

static void test_never_told(void **state)
{
	(void)state;
	retransmissions(false);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PTB_SUPPRESSED);
}

/* Another connection was told, and listened, before a filter came. */
static void test_told_no_more(void **state)
{
	(void)state;
	tick(true, true, true);
	for (int i = 0; i < 4 * SECOND; i++)
		tick(false, false, false);
	retransmissions(false);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PTB_SUPPRESSED);
}

/* A host that keeps nothing of what it was told, or several behind one address: each connection is told once, and listens. */
static void test_told_on_each_connection(void **state)
{
	(void)state;
	for (int i = 0; i < MINUTE; i++)
		tick(i % SECOND == 0, true, i % (3 * SECOND) == 0);
	assert_int_equal(scene.log_n, 0);
}

/* There are more links than can be watched: the message may have left by one of the others. */
static void more_links(const struct snapshot *snap, void *arg)
{
	struct snapshot *seen = (struct snapshot *)snap;

	(void)arg;
	seen->inventory.links = realloc(seen->inventory.links, WIRE_LINKS * sizeof(struct link));
	for (size_t i = seen->inventory.links_n; i < WIRE_LINKS; i++)
		seen->inventory.links[i] = (struct link){ .ifindex = 100 + i, .role = WIRE_ROLE_LAN };
	seen->inventory.links_n = WIRE_LINKS;
}

static void test_not_seen_to_leave(void **state)
{
	(void)state;
	scene.sees = more_links;
	retransmissions(false);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PTB_IGNORED);
}

/* What was sent already when the message came is no answer to it. */
static void test_told_twice(void **state)
{
	(void)state;
	for (int i = 0; i < MINUTE; i++)
		tick(i % (8 * SECOND) < 2, i % (8 * SECOND) == 0, true);
	assert_int_equal(scene.log_n, 0);
}

/* A prober of path MTUs ignores messages, tries a size three times, and goes on with a smaller one. */
static void test_a_size_is_probed(void **state)
{
	(void)state;
	made.value.told_protocol = IPPROTO_UDP;
	for (int i = 0; i < MINUTE; i++)
		tick(i % SECOND == 0 && i < 3 * SECOND, i == 0, true);
	assert_int_equal(scene.log_n, 0);
}

static void test_datagrams_in_vain(void **state)
{
	(void)state;
	made.value.told_protocol = IPPROTO_UDP;
	for (int i = 0; i < 10 * SECOND; i++)
		tick(i % SECOND == 0, i == 0, true);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PTB_IGNORED);
}

/* One among many, who listen. */
static void test_in_a_crowd(void **state)
{
	(void)state;
	for (crowd = 0; crowd < CROWD; crowd++) {
		struct tally *t = &tallies[CROWD - 1 - crowd];

		*t = made;
		t->key.remote[3] = (uint8_t)crowd;
		t->value = (struct tally_value){ .count = 1, .told_ticks = 1, .told_first_ms = 1, .told_last_ms = 1 };
	}
	retransmissions(true);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PTB_IGNORED);
	assert_int_equal(scene.log[0].host.bytes[3], 69);
}

/* The host is the same, and knows its destination by another address. */
static void test_told_behind_nat(void **state)
{
	(void)state;
	memset(left.key.reporter, 7, 4);
	retransmissions(true);
	assert_int_equal(scene.log_n, 1);
	assert_int_equal(scene.log[0].class, FINDING_PTB_IGNORED);
}

/* Its next retransmissions are far between, and it still does not listen. */
static void test_stays_while_it_is_told(void **state)
{
	(void)state;
	retransmissions(true);
	for (int i = 1; i <= 48 * SECOND; i++)
		tick(i == 8 * SECOND || i == 24 * SECOND, i == 24 * SECOND, true);
	assert_int_equal(scene.opened, 1);
	assert_int_equal(scene.resolved, 0);
	for (int i = 0; i < 2 * MINUTE; i++)
		tick(false, false, false);
	assert_int_equal(scene.resolved, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told_in_vain, start, end),
		cmocka_unit_test_setup_teardown(test_never_told, start, end),
		cmocka_unit_test_setup_teardown(test_told_no_more, start, end),
		cmocka_unit_test_setup_teardown(test_not_seen_to_leave, start, end),
		cmocka_unit_test_setup_teardown(test_told_on_each_connection, start, end),
		cmocka_unit_test_setup_teardown(test_told_twice, start, end),
		cmocka_unit_test_setup_teardown(test_a_size_is_probed, start, end),
		cmocka_unit_test_setup_teardown(test_datagrams_in_vain, start, end),
		cmocka_unit_test_setup_teardown(test_in_a_crowd, start, end),
		cmocka_unit_test_setup_teardown(test_told_behind_nat, start, end),
		cmocka_unit_test_setup_teardown(test_stays_while_it_is_told, start, end),
	};

	return cmocka_run_group_tests_name("ptb-ignored", tests, NULL, NULL);
}
